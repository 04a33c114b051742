"""Weights that the user brought: a folder laid as the channel `weights`, read without running anything of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from atoll_engines.contract import Job
from atoll_engines.errors import BadInput

NEEDED = ("config.json", "tokenizer.json")


def weights_folder(job: Job) -> Path | None:
    """The folder of the channel `weights`, or None where the job has none."""
    if not job.has_channel("weights"):
        return None
    channel = job.channel("weights")
    if (channel / "config.json").is_file():
        return channel
    inner = [folder for folder in sorted(channel.iterdir()) if folder.is_dir() and (folder / "config.json").is_file()]
    if len(inner) != 1:
        raise BadInput("The weights hold no config.json, so what they are weights of is not known.", channel="weights")
    return inner[0]


def refuse_incomplete(folder: Path) -> dict[str, Any]:
    """The configuration of weights; what is missing is named."""
    for name in NEEDED:
        if not (folder / name).is_file():
            raise BadInput(f"The weights hold no {name}. Add a folder with config.json, tokenizer.json and model.safetensors.", file=name)
    if not any(folder.glob("*.safetensors")):
        others = sorted(path.name for path in folder.iterdir() if path.suffix in (".bin", ".pt", ".pth", ".ckpt"))
        kind = f" ({', '.join(others)}: of a kind that can run code when it is read)" if others else ""
        raise BadInput(f"The weights hold no .safetensors file{kind}. Convert them to safetensors first.", folder=folder.name)
    try:
        return json.loads((folder / "config.json").read_text("utf-8"))
    except ValueError as error:
        raise BadInput(f"config.json of the weights is not valid JSON: {error}.", file="config.json") from error
