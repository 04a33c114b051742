"""The log-mel spectrogram as layers of a network, so that Python and Node hear the same."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import nn

FRAME_SECONDS, HOP_SECONDS = 0.025, 0.010
PREEMPHASIS = 0.97
LOWEST_HZ = 20.0
# Powers below this are silence (the least step between float32 numbers around 1, as Kaldi has it).
FLOOR = 1.192092955078125e-07


class LogMel(nn.Module):
    """Samples [N, samples] to [N, mels, frames] as Kaldi's fbank has them: frames of 25 ms every 10 ms, without their mean, pre-emphasised
    by 0.97, Hann window, power, triangles on the mel scale from 20 Hz to half the rate, natural logarithm. All that comes before the power
    is linear, so it is folded into one kernel."""

    def __init__(self, rate: int, mels: int) -> None:
        super().__init__()
        self.length, self.hop = round(rate * FRAME_SECONDS), round(rate * HOP_SECONDS)
        bins = 2 ** math.ceil(math.log2(self.length))
        kernel = fourier_kernel(self.length, bins)
        self.register_buffer("kernel", torch.from_numpy(kernel.astype(np.float32))[:, None], persistent=False)
        self.register_buffer("filters", torch.from_numpy(mel_filters(mels, bins, rate).astype(np.float32)), persistent=False)
        self.rate, self.mels = rate, mels

    def frames(self, samples: int) -> int:
        return 1 + (samples - self.length) // self.hop

    def forward(self, sound: torch.Tensor) -> torch.Tensor:
        # Sums of 512 products lose too much in 16 bits.
        if torch.is_autocast_enabled(sound.device.type):
            with torch.autocast(sound.device.type, enabled=False):
                return self.spectrogram(sound.float())
        return self.spectrogram(sound)

    def spectrogram(self, sound: torch.Tensor) -> torch.Tensor:
        parts = nn.functional.conv1d(sound[:, None], self.kernel, stride=self.hop)
        half = self.kernel.shape[0] // 2
        power = parts[:, :half] ** 2 + parts[:, half:] ** 2
        return torch.log(torch.clamp(torch.matmul(self.filters, power), min=FLOOR))


def fourier_kernel(length: int, bins: int) -> np.ndarray:
    """[2 * (bins / 2 + 1), length]: cosine and sine parts of a frame without its mean, pre-emphasised and windowed."""
    centre = np.eye(length) - 1.0 / length
    emphasis = np.eye(length) - PREEMPHASIS * np.eye(length, k=-1)
    emphasis[0, 0] = 1 - PREEMPHASIS
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / (length - 1))
    turns = 2 * np.pi * np.outer(np.arange(bins // 2 + 1), np.arange(length)) / bins
    prepared = window[:, None] * (emphasis @ centre)
    return np.concatenate([np.cos(turns) @ prepared, -np.sin(turns) @ prepared])


def mel_filters(mels: int, bins: int, rate: int) -> np.ndarray:
    """[mels, bins / 2 + 1]: triangles that are even in mel, 1127 ln(1 + f / 700)."""

    def mel(hertz: np.ndarray | float) -> np.ndarray:
        return 1127.0 * np.log1p(np.asarray(hertz) / 700.0)

    edges = np.linspace(mel(LOWEST_HZ), mel(rate / 2), mels + 2)
    at = mel(np.arange(bins // 2 + 1) * rate / bins)
    width = np.diff(edges)[:, None]
    slopes = (at[None] - edges[:-1, None]) / width
    down = (edges[2:, None] - at[None]) / width[1:]
    return np.maximum(0.0, np.minimum(slopes[:mels], down))
