"""Torch's own files, which are pickles, as safetensors: numbers are read and nothing else, in the sandbox of a job."""

from __future__ import annotations

import pickle
import re
from pathlib import Path
from typing import Any

import torch

from atoll_engines.contract import Job, Report, write_json
from atoll_engines.errors import BadInput

# Where trainings keep the weights within what else they save.
INSIDE = ("state_dict", "model_state_dict", "model", "module", "net")


def run(job: Job, report: Report) -> dict[str, Any]:
    """The engine `weights.convert`: the files named by `files`, in the channel `weights`."""
    folder, names = job.channel("weights"), [str(name) for name in job.parameters.get("files") or []]
    if not names:
        raise BadInput("There are no files to convert.", parameter="files")
    made, places, notes, total = [], {}, [], 0
    for number, name in enumerate(sorted(names), 1):
        tensors, left = read(folder / name, name)
        into = "model.safetensors" if len(names) == 1 else f"model-{number:05}-of-{len(names):05}.safetensors"
        again = [one for one in tensors if one in places]
        if again:
            raise BadInput(f'"{name}" and "{places[again[0]]}" both hold the tensor "{again[0]}".', file=name)
        write(tensors, job.output / into)
        made.append(into)
        places |= dict.fromkeys(tensors, into)
        total += sum(one.numel() * one.element_size() for one in tensors.values())
        if left:
            notes.append(f'Of "{name}" what is no weight was left out: {", ".join(left[:10])}{" and more" if len(left) > 10 else ""}.')
        report.progress("convert", number, len(names), None, name)
    if len(made) > 1:
        write_json(job.output / "model.safetensors.index.json", {"metadata": {"total_size": total}, "weight_map": places})
        made.append("model.safetensors.index.json")
    return {"files": made, "tensors": len(places), "notes": notes}


def read(path: Path, name: str) -> tuple[dict[str, torch.Tensor], list[str]]:
    """The tensors of a file, and what else it holds. A pickle that calls anything is refused before it does."""
    try:
        held = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        asked = unsafe_name(str(error))
        raise BadInput(
            f'"{name}" holds more than numbers{f" (it calls {asked})" if asked else ""}, so it was refused; nothing of it was run. '
            "Bring the weights as safetensors.",
            file=name,
        ) from error
    except (RuntimeError, EOFError, ValueError, OSError, KeyError, AttributeError) as error:
        raise BadInput(f'"{name}" is no file of torch that can be read: {first_line(error)}.', file=name) from error
    for inside in INSIDE:
        within = held.get(inside) if isinstance(held, dict) else None
        if isinstance(within, dict) and any(isinstance(one, torch.Tensor) for one in within.values()):
            held = within
            break
    if not isinstance(held, dict):
        raise BadInput(f'"{name}" holds a {type(held).__name__} and not weights by name.', file=name)
    tensors = {str(key): one for key, one in held.items() if isinstance(one, torch.Tensor)}
    if not tensors:
        raise BadInput(f'"{name}" holds no weights.', file=name)
    return tensors, sorted(str(key) for key, one in held.items() if not isinstance(one, torch.Tensor))


def write(tensors: dict[str, torch.Tensor], path: Path) -> None:
    from safetensors.torch import save_file

    # Tensors that share their memory are written each for itself: a file of safetensors has no shares.
    save_file({name: one.detach().contiguous().clone() for name, one in tensors.items()}, path, metadata={"format": "pt"})


def unsafe_name(said: str) -> str | None:
    """What torch says that the pickle would have called."""
    found = re.search(r"(?:GLOBAL|class)\s+([\w.]+)", said)
    return found[1] if found else None


def first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200].rstrip(".")

