"""A small residual network for images that are learnt from the start, quick on a processor."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from atoll_engines.neural.initialise import initialise

# The side at which the widest layers work; images are halved until they are there.
LAST_SIDE = 8


class SmallCnn(nn.Module):
    """Stages of convolutions at halving sizes, with residual blocks (He et al. 2016); then the mean and the largest of each channel."""

    def __init__(
        self,
        channels: int,
        size: int,
        width: int = 32,
        blocks: int = 1,
        widths: list[int] | None = None,
        hidden: list[list[int]] | None = None,
    ) -> None:
        """`widths` (stem, each stage) and `hidden` (in each block of each stage) are those of a network that lost channels."""
        super().__init__()
        halvings = max(2, round_halvings(size))
        widths = widths or [min(width * 2**level, 8 * width) for level in range(halvings + 1)]
        self.stem = ConvNorm(channels, widths[0])
        stages = []
        for level, (before, after) in enumerate(zip(widths, widths[1:], strict=False)):
            inside = hidden[level] if hidden and level else [after] * blocks
            stages.append(nn.Sequential(ConvNorm(before, after), nn.MaxPool2d(2), *[Residual(after, one) for one in inside]))
        # Full-size residual blocks cost most and bring least.
        stages[0] = stages[0][:2]
        self.stages = nn.ModuleList(stages)
        self.width = 2 * widths[-1]
        initialise(self)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x)
        for stage in self.stages:
            x = stage(x)
        return torch.cat([x.mean((2, 3)), x.amax((2, 3))], 1)

    def blocks(self) -> list[nn.Module]:
        return [self.stem, *self.stages]


def round_halvings(size: int) -> int:
    halvings = 0
    while size > LAST_SIDE:
        size, halvings = size // 2, halvings + 1
    return halvings


class ConvNorm(nn.Module):
    """Convolution, batch normalisation, rectifier."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(before, after, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(after)
        self.activation = nn.ReLU()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.activation(self.norm(self.convolution(x)))


class Residual(nn.Module):
    """Two convolutions beside a path that goes straight through."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.inside = nn.Sequential(ConvNorm(width, hidden), nn.Conv2d(hidden, width, 3, padding=1, bias=False), nn.BatchNorm2d(width))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return functional.relu(x + self.inside(x))
