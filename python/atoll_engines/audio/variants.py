"""Other files of the same sound, as recorders and clients make them, to put serving to the proof."""

from __future__ import annotations

import struct

import numpy as np

from atoll_engines.audio.decode import as_wav, decode
from atoll_engines.audio.waveform import resample

RATES = (8000, 11025, 22050, 44100, 48000)


def variant(content: bytes, number: int, random: np.random.Generator) -> bytes:
    """The sound at another rate or depth, in stereo, cut short, drawn out with silence, quieter, or noise in its place."""
    sound = decode(content)
    kind = number % 7
    if kind == 0:
        return as_wav(sound.samples, sound.rate, int(random.choice([16, 24])))
    if kind == 1:
        rate = int(random.choice(RATES))
        return as_wav(resample(sound.samples, sound.rate, rate), rate)
    if kind == 2:
        return stereo(sound.samples, sound.rate, float(random.uniform(0.2, 0.9)))
    if kind == 3:
        return as_wav(sound.samples[: max(sound.rate // 10, len(sound.samples) // 2)], sound.rate)
    if kind == 4:
        return as_wav(np.concatenate([np.zeros(sound.rate // 4), sound.samples, np.zeros(sound.rate // 2)]), sound.rate)
    if kind == 5:
        return as_wav(sound.samples * float(random.uniform(0.05, 0.5)), sound.rate)
    return as_wav(random.normal(0, 0.1, len(sound.samples)), sound.rate, 16)


def stereo(samples: np.ndarray, rate: int, share: float) -> bytes:
    both = np.stack([samples * share, samples * (1 - share)], 1).astype("<f4").tobytes()
    layout = struct.pack("<HHIIHH", 3, 2, rate, rate * 8, 8, 32)
    head = b"WAVEfmt " + struct.pack("<I", 16) + layout + b"data" + struct.pack("<I", len(both))
    return b"RIFF" + struct.pack("<I", len(head) + len(both)) + head + both
