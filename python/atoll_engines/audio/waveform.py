"""Sound as a graph takes it: WAV bytes to mono float32 at a sample rate.

The server does the same arithmetic in TypeScript (src/ports/inference/audio/), so that what is trained on is what is served:
change both or none.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from atoll_engines.errors import BadInput

LOWEST_RATE, HIGHEST_RATE = 1_000, 384_000
MOST_CHANNELS = 64

# The resampling filter: a sinc of so many zero crossings on each side under a Kaiser window, its edge a little below the lower limit.
ZERO_CROSSINGS = 32
BETA = 12.0
ROLL_OFF = 0.945
# Filters that are made at once: 32 MB.
MOST_WEIGHTS = 4_000_000

UNKNOWN_LENGTHS = (0, 0xFFFFFFFF)
FORMATS = {1: "PCM", 3: "float", 6: "A-law", 7: "mu-law"}
EXTENSIBLE = 0xFFFE
MAGIC = (
    (b"fLaC", "FLAC"),
    (b"OggS", "Ogg"),
    (b"ID3", "MP3"),
    (b"\xff\xfb", "MP3"),
    (b"\xff\xf3", "MP3"),
    (b"FORM", "AIFF"),
    (b"RIFX", "big-endian WAV"),
)


@dataclass(frozen=True)
class Sound:
    """Mono samples (float64, full scale is 1) and how many there are in a second."""

    samples: np.ndarray
    rate: int
    channels: int

    @property
    def seconds(self) -> float:
        return len(self.samples) / self.rate


def prepare(content: bytes, sample_rate: int, samples: int | None = None, name: str = "The sound") -> np.ndarray:
    """What a graph's input `audio` takes of a WAV file: float32, mono, at `sample_rate`, of exactly `samples` where that is a number."""
    sound = read_wav(content, name)
    heard = resample(sound.samples, sound.rate, sample_rate, samples)
    if samples is None or len(heard) == samples:
        return heard
    return np.pad(heard, (0, samples - len(heard)))


def read_wav(content: bytes, name: str = "The sound") -> Sound:
    """Decode a WAV file (PCM of 8, 16, 24 or 32 bits, float of 32 or 64, G.711) and mix its channels to one by their mean."""
    if content[:4] != b"RIFF" or content[8:12] != b"WAVE":
        raise BadInput(f"{name} is not a WAV file{_what_it_is(content)}. Convert it to WAV.")
    layout, data, declared = None, None, 0
    at = 12
    while at + 8 <= len(content):
        kind, size = content[at : at + 4], struct.unpack_from("<I", content, at + 4)[0]
        at += 8
        if kind == b"fmt ":
            layout = _read_layout(content[at : at + min(size, 64)], name)
        if kind == b"data":
            declared = size
            data = content[at:] if size in UNKNOWN_LENGTHS else content[at : at + size]
            break
        at += size + size % 2
    if layout is None or data is None:
        raise BadInput(f"{name} is a WAV file without {'a format' if layout is None else 'sound'}.")
    if declared not in UNKNOWN_LENGTHS and declared > len(data):
        raise BadInput(f"{name} says that it holds {declared} bytes of sound, but holds {len(data)}. It was cut short.")
    code, channels, rate, bits = layout
    frame = channels * bits // 8
    frames = len(data) // frame
    if frames == 0:
        raise BadInput(f"{name} holds no sound: its length is zero.")
    values = _decode(data[: frames * frame], code, bits).reshape(frames, channels)
    mono = values[:, 0] if channels == 1 else _mean(values)
    if not np.isfinite(mono).all():
        raise BadInput(f"{name} holds samples that are not finite numbers.")
    return Sound(mono, rate, channels)


def resample(samples: np.ndarray, rate: int, to_rate: int, most: int | None = None) -> np.ndarray:
    """Band-limited resampling by a polyphase windowed sinc (Smith, "Digital Audio Resampling"), in float64; at most the first `most`."""
    if rate == to_rate:
        return samples[:most].astype(np.float32)
    divisor = math.gcd(rate, to_rate)
    up, down = to_rate // divisor, rate // divisor
    length = -(-len(samples) * up // down)
    length = length if most is None else min(length, most)
    scale = min(1.0, up / down) * ROLL_OFF
    half = math.ceil(ZERO_CROSSINGS / scale)
    padded = np.concatenate([np.zeros(half), samples, np.zeros(half + down + 1)])
    result = np.empty(length, dtype=np.float32)
    phases = min(up, length)
    at_once = max(1, MOST_WEIGHTS // (2 * half))
    for begin in range(0, phases, at_once):
        filters = _filters(begin, min(begin + at_once, phases), up, down, scale, half)
        for first, weights in enumerate(filters, begin):
            start = first * down // up
            count = -(-(length - first) // up)
            # Outputs that share a phase lie `down` inputs apart.
            windows = np.lib.stride_tricks.as_strided(
                padded[start + 1 :], (count, 2 * half), (down * padded.itemsize, padded.itemsize), writeable=False
            )
            result[first::up] = windows @ weights
    return result


@lru_cache(maxsize=8)
def _filters(begin: int, end: int, up: int, down: int, scale: float, half: int) -> np.ndarray:
    """For the outputs from `begin` to `end` the weights of the inputs from `1 - half` to `half` after the one before the output."""
    behind = np.arange(begin, end) * down % up / up
    x = (np.arange(1 - half, half + 1) - behind[:, None]) * scale
    inside = np.clip(1.0 - (x / ZERO_CROSSINGS) ** 2, 0.0, None)
    window = np.where(np.abs(x) < ZERO_CROSSINGS, np.i0(BETA * np.sqrt(inside)) / np.i0(BETA), 0.0)
    return scale * np.sinc(x) * window


def _read_layout(chunk: bytes, name: str) -> tuple[int, int, int, int]:
    if len(chunk) < 16:
        raise BadInput(f"{name} is a WAV file with a broken format.")
    code, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", chunk)
    if code == EXTENSIBLE and len(chunk) >= 26:
        code = struct.unpack_from("<H", chunk, 24)[0]
    if code not in FORMATS:
        raise BadInput(f"{name} is a WAV file with a compression that is not known here (format {code}). Convert it to PCM.")
    allowed = {"PCM": (8, 16, 24, 32), "float": (32, 64)}.get(FORMATS[code], (8,))
    if bits not in allowed:
        raise BadInput(f"{name} has {bits} bits a sample; {FORMATS[code]} takes {_list(allowed)}.")
    if not 1 <= channels <= MOST_CHANNELS:
        raise BadInput(f"{name} has {channels} channels; 1 to {MOST_CHANNELS} can be read.")
    if not LOWEST_RATE <= rate <= HIGHEST_RATE:
        raise BadInput(f"{name} has {rate} samples a second; {LOWEST_RATE} to {HIGHEST_RATE} can be read.")
    return code, channels, rate, bits


def _decode(data: bytes, code: int, bits: int) -> np.ndarray:
    if code == 3:
        return np.frombuffer(data, dtype=f"<f{bits // 8}").astype(np.float64)
    if code in (6, 7):
        return _g711(code)[np.frombuffer(data, dtype=np.uint8)]
    if bits == 8:
        return (np.frombuffer(data, dtype=np.uint8).astype(np.float64) - 128) / 128
    if bits == 24:
        parts = np.frombuffer(data, dtype=np.uint8).reshape(-1, 3).astype(np.int32)
        return ((parts[:, 0] << 8 | parts[:, 1] << 16 | parts[:, 2] << 24) >> 8) / 8388608.0
    return np.frombuffer(data, dtype=f"<i{bits // 8}") / float(2 ** (bits - 1))


@lru_cache(maxsize=2)
def _g711(code: int) -> np.ndarray:
    """The 256 values of G.711 (ITU-T G.711), A-law (6) or mu-law (7), of a full scale of 1."""
    values = np.empty(256)
    for byte in range(256):
        word = byte ^ (0x55 if code == 6 else 0xFF)
        exponent, mantissa = word >> 4 & 7, word & 15
        if code == 6:
            size = (mantissa << 4) + 8 if exponent == 0 else (mantissa << 4) + 0x108 << exponent - 1
            values[byte] = size if word & 0x80 else -size
        else:
            size = ((mantissa << 3) + 0x84 << exponent) - 0x84
            values[byte] = -size if word & 0x80 else size
    return values / 32768.0


def _mean(values: np.ndarray) -> np.ndarray:
    """The mean of the channels, added in their order: the same rounding as in the server."""
    total = values[:, 0].copy()
    for channel in range(1, values.shape[1]):
        total += values[:, channel]
    return total / values.shape[1]


def _what_it_is(content: bytes) -> str:
    for magic, kind in MAGIC:
        if content.startswith(magic):
            return f" but {kind}"
    return " but an MP4 or M4A" if content[4:8] == b"ftyp" else ""


def _list(numbers: tuple[int, ...]) -> str:
    return " or ".join(map(str, numbers))
