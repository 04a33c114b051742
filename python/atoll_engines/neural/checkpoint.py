"""The state of a training on disk: tensors as safetensors, the rest as JSON; never pickle."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import nn

from atoll_engines.contract import plain

STATE = "state.json"


def save(folder: Path, tensors: dict[str, torch.Tensor], state: dict[str, Any]) -> None:
    """Write a checkpoint; a reader sees the one before or this one, whole.

    The tensors go to a file with a name of its own, and `state.json`, replaced in one step, names it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    before = read_state(folder)
    turn = (int(before["turn"]) + 1) if before else 0
    file = folder / f"tensors-{turn}.safetensors"
    save_file({name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}, file)
    make_durable(file)
    part = folder / f"{STATE}.part"
    part.write_text(json.dumps(plain(state | {"turn": turn, "tensors": file.name})), "utf-8")
    make_durable(part)
    part.replace(folder / STATE)
    for old in folder.glob("tensors-*.safetensors"):
        if old != file:
            old.unlink()


def load(folder: Path) -> tuple[dict[str, torch.Tensor], dict[str, Any]] | None:
    """The checkpoint in a folder, or None where there is none."""
    state = read_state(folder)
    if state is None:
        return None
    return load_file(folder / state["tensors"]), state


def read_state(folder: Path) -> dict[str, Any] | None:
    path = folder / STATE
    return json.loads(path.read_text("utf-8")) if path.is_file() else None


def make_durable(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def module_tensors(module: nn.Module, prefix: str) -> dict[str, torch.Tensor]:
    """A module's weights and buffers, named for a checkpoint."""
    return {f"{prefix}{name}": tensor for name, tensor in module.state_dict().items()}


def part(tensors: dict[str, torch.Tensor], prefix: str) -> dict[str, torch.Tensor]:
    """The tensors of one part, under their own names."""
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def optimiser_tensors(optimiser: torch.optim.Optimizer) -> dict[str, torch.Tensor]:
    """An optimiser's state; all of it is tensors for the optimisers that a plan can name."""
    state = optimiser.state_dict()["state"]
    return {
        f"optimiser.{number}.{name}": value
        for number, values in state.items()
        for name, value in values.items()
        if isinstance(value, torch.Tensor)
    }


def restore_optimiser(optimiser: torch.optim.Optimizer, tensors: dict[str, torch.Tensor]) -> None:
    """Put a stored state back; the groups and their settings are the plan's and stay as they are."""
    parameters = [one for group in optimiser.param_groups for one in group["params"]]
    state: dict[int, dict[str, torch.Tensor]] = {}
    for path, tensor in part(tensors, "optimiser.").items():
        number, name = path.split(".", 1)
        like = parameters[int(number)]
        # Fused kernels read a parameter and its moments in the same order, so the layout (channels last) must be the parameter's.
        value = torch.empty_like(like).copy_(tensor) if tensor.shape == like.shape else tensor
        state.setdefault(int(number), {})[name] = value
    optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})
