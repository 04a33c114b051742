"""The baseline of sounds: the mean and the spread of each band over time."""

from __future__ import annotations

import torch
from torch import nn

from atoll_engines.audio.networks.network import masked_mean, masked_spread


class BandStatistics(nn.Module):
    """All that the baseline hears."""

    def __init__(self, mels: int) -> None:
        super().__init__()
        self.width = 2 * mels

    def forward(self, features: torch.Tensor, is_sound: torch.Tensor) -> torch.Tensor:
        mean = masked_mean(features, is_sound)
        return torch.cat([mean, masked_spread(features, is_sound, mean)], 1)

    def blocks(self) -> list[nn.Module]:
        return [self]
