"""Files of sounds to mono samples. WAV is read by our own code, as the server reads it; other kinds by libsndfile."""

from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import Any

import numpy as np

from atoll_engines.audio.waveform import Sound, read_wav, resample
from atoll_engines.errors import BadInput
from atoll_engines.media.damaged import Unreadable
from atoll_engines.media.damaged import content_of as media_content

MOST_SECONDS = 4 * 3600
# Nothing can be told from less.
SHORTEST_SECONDS = 0.05


def content_of(value: Any, folder: Path | None) -> bytes:
    """The bytes of a cell: an item's path within `folder`, or base64 and data URLs as clients send them."""
    return media_content(value, folder, "sound")


def decode(content: bytes, name: str = "") -> Sound:
    """The sound of a file; one that is empty, silent from end to end, too short or damaged is refused in words."""
    called = f'"{name}"' if name else "The sound"
    if not content:
        raise Unreadable(f"{called} is empty.", file=name)
    sound = read_any(content, called, name)
    if sound.seconds < SHORTEST_SECONDS:
        raise Unreadable(f"{called} lasts {sound.seconds:.3f} s; at least {SHORTEST_SECONDS} s are needed.", file=name)
    if sound.seconds > MOST_SECONDS:
        raise Unreadable(f"{called} lasts {sound.seconds / 3600:.1f} hours; at most {MOST_SECONDS // 3600} are read.", file=name)
    if not np.any(sound.samples):
        raise Unreadable(f"{called} is silent: every sample is zero.", file=name)
    return sound


def read_any(content: bytes, called: str, name: str) -> Sound:
    if content[:4] == b"RIFF":
        try:
            return read_wav(content, called)
        except BadInput as error:
            raise Unreadable(error.message, file=name) from error
    import soundfile

    try:
        values, rate = soundfile.read(io.BytesIO(content), dtype="float64", always_2d=True)
    except Exception as error:  # libsndfile has its own kinds of errors
        raise Unreadable(f"{called} is no sound that can be read ({(str(error).splitlines() or [''])[0][:160]}).", file=name) from error
    if not len(values):
        raise Unreadable(f"{called} holds no sound: its length is zero.", file=name)
    if not np.isfinite(values).all():
        raise Unreadable(f"{called} holds samples that are not finite numbers.", file=name)
    return Sound(values.mean(axis=1), int(rate), values.shape[1])


def heard(content: bytes, rate: int, samples: int | None, name: str = "") -> np.ndarray:
    """float32 mono samples at a rate, cut or filled with zeros to `samples` where that is a number: what a graph is given."""
    sound = decode(content, name)
    values = resample(sound.samples, sound.rate, rate, samples)
    return values if samples is None or len(values) == samples else np.pad(values, (0, samples - len(values)))


def as_wav(samples: np.ndarray, rate: int, bits: int = 32) -> bytes:
    """A WAV file of mono samples: float of 32 bits, or PCM of 16, 24 or 8."""
    if bits == 32:
        data, code = samples.astype("<f4").tobytes(), 3
    elif bits == 8:
        data, code = (np.clip(np.round(samples * 127), -128, 127) + 128).astype(np.uint8).tobytes(), 1
    else:
        full = np.clip(np.round(samples * 2 ** (bits - 1)), -(2 ** (bits - 1)), 2 ** (bits - 1) - 1).astype("<i4")
        data, code = full.view(np.uint8).reshape(-1, 4)[:, : bits // 8].tobytes(), 1
    layout = struct.pack("<HHIIHH", code, 1, rate, rate * bits // 8, bits // 8, bits)
    pad = b"\0" * (len(data) % 2)
    return (
        b"RIFF"
        + struct.pack("<I", 36 + len(data) + len(pad))
        + b"WAVEfmt "
        + struct.pack("<I", 16)
        + layout
        + b"data"
        + struct.pack("<I", len(data))
        + data
        + pad
    )


def as_served(content: bytes, rate: int) -> bytes:
    """A file that the server reads: WAV as it is, another kind as WAV at `rate`."""
    return content if content[:4] == b"RIFF" else as_wav(heard(content, rate, None), rate)
