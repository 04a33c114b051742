"""A small residual encoder that keeps what it saw at each size, learnt from the start, quick on a processor."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from atoll_engines.image.networks.cnn import ConvNorm, Residual


class Down(nn.Module):
    """Half the size, more channels."""

    def __init__(self, before: int, after: int, blocks: int = 1) -> None:
        super().__init__()
        self.halve = nn.Sequential(nn.Conv2d(before, after, 3, 2, 1, bias=False), nn.BatchNorm2d(after), nn.ReLU())
        self.blocks = nn.Sequential(*[Residual(after, after) for _ in range(blocks)])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.blocks(self.halve(x))


class Encoder(nn.Module):
    """Features at a half, a quarter, … to a thirty-second of the size."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.widths = [width, 2 * width, 3 * width, 4 * width, 6 * width]
        before = [channels, *self.widths[:-1]]
        self.stages = nn.ModuleList(Down(a, b, 0 if k == 0 else 1) for k, (a, b) in enumerate(zip(before, self.widths, strict=True)))

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        found = []
        for stage in self.stages:
            x = stage(x)
            found.append(x)
        return found


class Pyramid(nn.Module):
    """From the coarsest features up: each size is told what the coarser ones saw (Lin et al. 2017), down to one of `stop`."""

    def __init__(self, widths: list[int], width: int, stop: int) -> None:
        super().__init__()
        self.stop = stop
        self.lateral = nn.ModuleList(nn.Conv2d(one, width, 1) for one in widths[stop:])
        self.smooth = nn.ModuleList(ConvNorm(width, width) for _ in widths[stop:-1])

    def forward(self, found: list[torch.Tensor]) -> torch.Tensor:
        x = self.lateral[-1](found[-1])
        for level in range(len(self.lateral) - 2, -1, -1):
            x = functional.interpolate(x, scale_factor=2.0, mode="nearest") + self.lateral[level](found[self.stop + level])
            x = self.smooth[level](x)
        return x
