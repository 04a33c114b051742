"""The log-mel spectrogram as Whisper computes it (Radford et al. 2022), as a module that becomes part of the encoder's graph.

Windows are multiplied with sines and cosines by a convolution rather than transformed by an FFT, so that PyTorch and ONNX Runtime do the
same arithmetic and the server needs none of its own.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

RATE, WINDOW, HOP = 16_000, 400, 160
HIGHEST = 8000.0
# Powers below this, and more than eight decades below the loudest, count as that.
FLOOR, DECADES = 1e-10, 8.0


class LogMel(nn.Module):
    """float32 [rows, samples] → [rows, bands, samples / 160]."""

    def __init__(self, bands: int) -> None:
        super().__init__()
        place = np.arange(WINDOW)
        window = 0.5 - 0.5 * np.cos(2 * np.pi * place / WINDOW)
        angle = 2 * np.pi * np.arange(WINDOW // 2 + 1)[:, None] * place / WINDOW
        waves = np.concatenate([np.cos(angle) * window, np.sin(angle) * window])[:, None, :]
        self.register_buffer("waves", torch.tensor(waves, dtype=torch.float32), persistent=False)
        self.register_buffer("mel", torch.tensor(mel_filters(bands), dtype=torch.float32), persistent=False)

    def forward(self, audio: torch.Tensor) -> torch.Tensor:
        # Half a window of the sound mirrored on both sides, as a centred transform has it.
        padded = nn.functional.pad(audio[:, None], (WINDOW // 2, WINDOW // 2), mode="reflect")
        parts = nn.functional.conv1d(padded, self.waves, stride=HOP)[:, :, :-1]
        half = WINDOW // 2 + 1
        power = parts[:, :half] ** 2 + parts[:, half:] ** 2
        heard = torch.log10(torch.clamp(self.mel @ power, min=FLOOR))
        loudest = heard.amax(dim=(1, 2), keepdim=True)
        return (torch.maximum(heard, loudest - DECADES) + 4.0) / 4.0


def mel_filters(bands: int) -> np.ndarray:
    """Triangles over the mel scale of Slaney (1998), each of one area: [bands, frequencies]."""
    edges = from_mel(np.linspace(0.0, to_mel(np.array([HIGHEST]))[0], bands + 2))
    frequencies = np.linspace(0.0, RATE / 2, WINDOW // 2 + 1)
    slopes = edges[:, None] - frequencies[None]
    widths = np.diff(edges)
    rising, falling = -slopes[:-2] / widths[:-1, None], slopes[2:] / widths[1:, None]
    triangles = np.maximum(0.0, np.minimum(rising, falling))
    return triangles * (2.0 / (edges[2:] - edges[:-2]))[:, None]


# Linear to 1,000 Hz (15 mel), then logarithmic.
BREAK, BREAK_MEL, STEP = 1000.0, 15.0, np.log(6.4) / 27.0


def to_mel(hertz: np.ndarray) -> np.ndarray:
    return np.where(hertz < BREAK, hertz * 3.0 / 200.0, BREAK_MEL + np.log(np.maximum(hertz, BREAK) / BREAK) / STEP)


def from_mel(mel: np.ndarray) -> np.ndarray:
    return np.where(mel < BREAK_MEL, mel * 200.0 / 3.0, BREAK * np.exp(STEP * (np.maximum(mel, BREAK_MEL) - BREAK_MEL)))
