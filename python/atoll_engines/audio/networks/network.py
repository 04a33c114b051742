"""What all networks over sounds share: samples in, a spectrogram, an embedding, margins; parts that can be frozen."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import nn

from atoll_engines.audio.networks.log_mel import FLOOR, LogMel

SILENCE = math.log(FLOOR)


class AudioNetwork(nn.Module):
    """A spectrogram, a backbone and a head. A frame without any sound (zeros fill a short one) is marked, to be passed over."""

    def __init__(self, log_mel: LogMel, backbone: Any, head: nn.Module, mean: float, std: float, dropout: float) -> None:
        super().__init__()
        self.log_mel, self.backbone, self.head = log_mel, backbone, head
        self.register_buffer("mean", torch.tensor(mean, dtype=torch.float32))
        self.register_buffer("std", torch.tensor(std, dtype=torch.float32))
        self.dropout = nn.Dropout(dropout)

    def prepared(self, sound: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Normalised [N, mels, frames], and [N, 1, frames] with 1 where there is sound."""
        raw = self.log_mel(sound)
        is_sound = (raw.amax(1, keepdim=True) > SILENCE + 1e-3).to(raw.dtype)
        return (raw - self.mean) / self.std, is_sound

    def embed(self, features: torch.Tensor, is_sound: torch.Tensor) -> torch.Tensor:
        return self.backbone(features, is_sound)

    def forward(self, features: torch.Tensor, is_sound: torch.Tensor) -> torch.Tensor:
        return self.head(self.dropout(self.embed(features, is_sound)))

    def freeze(self, count: int) -> None:
        """Leave the first `count` blocks as they are, their running statistics too; the rest learns."""
        self.requires_grad_(True)
        blocks = self.backbone.blocks()
        self.frozen = [self.backbone] if count >= len(blocks) else blocks[:count]
        for block in self.frozen:
            block.requires_grad_(False)
        self.train(self.training)

    def train(self, mode: bool = True) -> AudioNetwork:
        super().train(mode)
        for block in getattr(self, "frozen", []):
            block.eval()
        return self


class Served(nn.Module):
    """The graph that is served: samples in; probabilities, and the embedding beside them."""

    def __init__(self, network: AudioNetwork, task: str) -> None:
        super().__init__()
        self.network, self.is_multilabel = network, task == "multilabel"

    def forward(self, audio: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        embedding = self.network.embed(*self.network.prepared(audio))
        margins = self.network.head(embedding)
        return (torch.sigmoid(margins) if self.is_multilabel else torch.softmax(margins, dim=1)), embedding


def masked_mean(values: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """The mean over time of [N, C, T], weighted by [N, 1 or C, T]."""
    return (values * weights).sum(2) / torch.clamp(weights.sum(2), min=1e-6)


def masked_spread(values: torch.Tensor, weights: torch.Tensor, mean: torch.Tensor) -> torch.Tensor:
    return torch.sqrt(torch.clamp(masked_mean((values - mean[:, :, None]) ** 2, weights), min=1e-4))
