"""What layers answer with, for the rules: rectifiers that are dead, sigmoids and tanhs that lie at their limits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

RECTIFIERS = (nn.ReLU, nn.ReLU6)
LIMITS = {nn.Sigmoid: (0.0, 1.0), nn.Tanh: (-1.0, 1.0), nn.Hardtanh: (-1.0, 1.0), nn.Hardsigmoid: (0.0, 1.0)}


def kind_of(layer: nn.Module) -> str | None:
    if isinstance(layer, RECTIFIERS):
        return "dead_relu"
    return "saturated_activation" if type(layer) in LIMITS else None


def watcher(name: str, rule: str, found: list[tuple[str, str, torch.Tensor]]) -> Callable[..., None]:
    """A hook that notes the share of dead units, or of values at the limits."""

    def hook(layer: nn.Module, _inputs: Any, output: torch.Tensor) -> None:
        values = output.detach()
        if rule == "dead_relu":
            # A convolution's unit is a channel; a linear layer's is a column.
            others = [axis for axis in range(values.ndim) if axis != (1 if values.ndim == 4 else values.ndim - 1)]
            share = (values.abs().amax(dim=others) == 0).float().mean() if others else (values == 0).float().mean()
        else:
            low, high = LIMITS[type(layer)]
            edge = 0.01 * (high - low)
            share = ((values < low + edge) | (values > high - edge)).float().mean()
        # One layer may be asked several times in a pass.
        times = sum(other.split("#")[0] == name for other, _, _ in found)
        found.append((f"{name}#{times + 1}" if times else name, rule, share))

    return hook
