"""A small convolutional network over the spectrogram, quick on a processor."""

from __future__ import annotations

import torch
from torch import nn

from atoll_engines.neural.initialise import initialise


class SpectrogramCnn(nn.Module):
    """Stages of convolutions at halving sizes (Kong et al. 2020, PANNs, made small); then mean and largest of each channel."""

    def __init__(self, width: int) -> None:
        super().__init__()
        widths = [1, width, 2 * width, 4 * width, 8 * width]
        self.stages = nn.ModuleList(stage(before, after) for before, after in zip(widths, widths[1:], strict=False))
        self.width = 2 * widths[-1]
        initialise(self)

    def forward(self, features: torch.Tensor, is_sound: torch.Tensor) -> torch.Tensor:
        # What fills a short sound is the mean of all sounds, not the deepest silence.
        x = (features * is_sound)[:, None]
        for each in self.stages:
            x = each(x)
        return torch.cat([x.mean((2, 3)), x.amax((2, 3))], 1)

    def blocks(self) -> list[nn.Module]:
        return list(self.stages)


def stage(before: int, after: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(before, after, 3, padding=1, bias=False), nn.BatchNorm2d(after), nn.ReLU(),
        nn.Conv2d(after, after, 3, padding=1, bias=False), nn.BatchNorm2d(after), nn.ReLU(), nn.MaxPool2d(2),
    )  # fmt: skip
