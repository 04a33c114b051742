"""Who speaks: a time-delay network with attentive pooling, and a head of directions."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from atoll_engines.audio.networks.network import masked_mean, masked_spread
from atoll_engines.neural.initialise import initialise


class SpeakerBackbone(nn.Module):
    """ECAPA-TDNN (Desplanques et al. 2020) made small: dilated blocks with squeeze and excitation, their outputs together, attentive
    statistics over time, an embedding of length 1. Each recording's mean spectrum is taken off first: it is the microphone's."""

    def __init__(self, mels: int, width: int, embedding: int) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Conv1d(mels, width, 5, padding=2), nn.ReLU(), nn.BatchNorm1d(width))
        self.dilated = nn.ModuleList(DilatedBlock(width, dilation) for dilation in (2, 3, 4))
        self.together = nn.Sequential(nn.Conv1d(3 * width, 2 * width, 1), nn.ReLU())
        self.attention = nn.Sequential(nn.Conv1d(2 * width, width // 2, 1), nn.Tanh(), nn.Conv1d(width // 2, 2 * width, 1))
        self.last = nn.Sequential(nn.BatchNorm1d(4 * width), nn.Linear(4 * width, embedding), nn.BatchNorm1d(embedding))
        self.width = embedding
        initialise(self)

    def forward(self, features: torch.Tensor, is_sound: torch.Tensor) -> torch.Tensor:
        x = (features - masked_mean(features, is_sound)[:, :, None]) * is_sound
        x = self.first(x) * is_sound
        levels = []
        for block in self.dilated:
            x = block(x, is_sound)
            levels.append(x)
        x = self.together(torch.cat(levels, 1))
        # A frame without sound gets no attention.
        attention = torch.softmax(self.attention(x) + (is_sound - 1) * 1e4, 2) * is_sound
        mean = masked_mean(x, attention)
        return functional.normalize(self.last(torch.cat([mean, masked_spread(x, attention, mean)], 1)), dim=1)

    def blocks(self) -> list[nn.Module]:
        return [self.first, *self.dilated, self.together]


class DilatedBlock(nn.Module):
    """A dilated convolution beside a straight path, its channels weighed by what the whole recording has of them."""

    def __init__(self, width: int, dilation: int) -> None:
        super().__init__()
        self.inside = nn.Sequential(nn.Conv1d(width, width, 3, padding=dilation, dilation=dilation), nn.ReLU(), nn.BatchNorm1d(width))
        self.squeeze, self.excite = nn.Linear(width, width // 4), nn.Linear(width // 4, width)

    def forward(self, x: torch.Tensor, is_sound: torch.Tensor) -> torch.Tensor:
        inside = self.inside(x)
        weight = torch.sigmoid(self.excite(functional.relu(self.squeeze(masked_mean(inside, is_sound)))))
        return (x + inside * weight[:, :, None]) * is_sound


class Directions(nn.Module):
    """A direction for each speaker; the answer is the cosine with it, scaled. While learning, the right one must win by a margin."""

    def __init__(self, embedding: int, speakers: int, scale: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(speakers, embedding) * 0.1)
        self.scale = scale

    def forward(self, embedding: torch.Tensor) -> torch.Tensor:
        return self.scale * functional.linear(embedding, functional.normalize(self.weight, dim=1))

    def with_margin(self, embedding: torch.Tensor, y: torch.Tensor, margin: float) -> torch.Tensor:
        """Additive angular margin (Deng et al. 2019): the angle to the right direction counts as larger than it is."""
        cosine = functional.linear(embedding.float(), functional.normalize(self.weight.float(), dim=1)).clamp(-1 + 1e-6, 1 - 1e-6)
        right = functional.one_hot(y, len(self.weight)).to(cosine.dtype)
        turned = torch.cos(torch.clamp(torch.acos(cosine) + margin, max=torch.pi))
        return self.scale * (right * turned + (1 - right) * cosine)
