"""The baseline of images: a coarse picture of each, and one weight for each of its pixels."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

SIDE = 12


class CoarsePixels(nn.Module):
    """Images brought to 12 x 12 means: all that the baseline sees."""

    def __init__(self, channels: int, size: int) -> None:
        super().__init__()
        self.step = max(1, size // SIDE)
        self.width = channels * (size // self.step) ** 2

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return functional.avg_pool2d(x, self.step).flatten(1) if self.step > 1 else x.flatten(1)

    def blocks(self) -> list[nn.Module]:
        return [self]
