"""A trained language model as its package holds it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from atoll_engines.errors import EngineError
from atoll_engines.language.networks import Base, load_network, use_threads
from atoll_engines.language.sequences import Encoder
from atoll_engines.language.tokens import read_tokens


@dataclass(frozen=True)
class Trained:
    """The network with its tokenizer, and what was written of its training."""

    network: nn.Module
    encoder: Encoder
    signature: dict[str, Any]
    training: dict[str, Any]
    # How the rows were read (`native/language.json`).
    about: dict[str, Any]
    folder: Path


def open_trained(folder: Path, threads: int = 1) -> Trained:
    """Read a package that `language.train` left."""
    file = folder / "native" / "language.json"
    if not file.is_file() or not (folder / "model.safetensors").is_file():
        raise EngineError(
            "The package has no native/language.json or no model.safetensors; only a model that was trained here can be used."
        )
    about, signature, training = (
        json.loads(path.read_text("utf-8")) for path in (file, folder / "signature.json", folder / "training.json")
    )
    tokens = read_tokens(folder)
    config = json.loads((folder / "config.json").read_text("utf-8"))
    network = load_network(Base(folder, tokens, config), 0).eval()
    use_threads(network, threads)
    return Trained(network, Encoder(tokens, int(about["length"])), signature, training, about, folder)
