"""Small data sets of made sounds, as channels of a job."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pandas as pd
from folders import write_channel

from atoll_engines.audio.decode import as_wav

KINDS = ("tone", "chirp", "clicks")
RATE = 8000


def sound(kind: str, random: np.random.Generator, seconds: float = 0.6) -> np.ndarray:
    """A steady tone, a rising one or a row of clicks, in noise."""
    time = np.arange(int(RATE * seconds)) / RATE
    pitch = random.uniform(300, 900)
    made = {
        "tone": lambda: np.sin(2 * np.pi * pitch * time),
        "chirp": lambda: np.sin(2 * np.pi * (pitch + 1200 * time) * time),
        "clicks": lambda: (np.arange(len(time)) % int(RATE / random.uniform(8, 20)) < 12) * random.normal(0, 1, len(time)),
    }[kind]()
    return 0.3 * made + random.normal(0, 0.02, len(time))


def voice(speaker: int, random: np.random.Generator, seconds: float = 1.2) -> np.ndarray:
    """A row of "vowels" of one throat: its pitch and formants are the speaker's, the tune and the rhythm are not."""
    own = np.random.default_rng(1000 + speaker)
    pitch, formants = own.uniform(90, 240), np.sort(own.uniform(300, 3200, 3))
    time = np.arange(int(RATE * seconds)) / RATE
    glide = pitch * (1 + 0.08 * np.sin(2 * np.pi * random.uniform(1, 3) * time + random.uniform(0, 6)))
    phase = 2 * np.pi * np.cumsum(glide) / RATE
    sound = np.zeros(len(time))
    for harmonic in range(1, int(3600 / pitch)):
        strength = sum(np.exp(-(((harmonic * pitch - one) / 180) ** 2)) for one in formants) + 0.02
        sound += strength * np.sin(harmonic * phase)
    rhythm = 0.55 + 0.45 * np.sin(2 * np.pi * random.uniform(3, 5) * time + random.uniform(0, 6))
    return 0.25 * sound / np.abs(sound).max() * rhythm + random.normal(0, 0.002, len(time))


def wav(samples: np.ndarray, rate: int = RATE, bits: int = 16) -> bytes:
    return as_wav(samples, rate, bits)


def flac(samples: np.ndarray, rate: int = RATE) -> bytes:
    import soundfile

    file = io.BytesIO()
    soundfile.write(file, samples, rate, format="FLAC")
    return file.getvalue()


def write_sounds(folder: Path, channel: str, files: dict[str, bytes], more: dict[str, list], rows: list[int] | None = None) -> None:
    """A channel of sounds: the table (`clip` and other columns), and the items under media/."""
    types = {"clip": "audio"} | {name: "text" if name == "turns" else "category" for name in more}
    write_channel(folder, channel, pd.DataFrame({"clip": list(files)} | more), types, rows)
    for path, content in files.items():
        file = folder / "input" / "data" / channel / "media" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)


def sounds(count: int, seed: int = 0) -> tuple[dict[str, bytes], dict[str, list]]:
    """Files of the three kinds, every fifth as FLAC."""
    random = np.random.default_rng(seed)
    labels = [KINDS[k % len(KINDS)] for k in range(count)]
    files = {}
    for k, kind in enumerate(labels):
        samples = sound(kind, random)
        files[f"{seed}-{k:04}.{'flac' if k % 5 == 4 else 'wav'}"] = flac(samples) if k % 5 == 4 else wav(samples)
    return files, {"label": labels}


def voices(count: int, speakers: range, seed: int = 0, seconds: float = 1.2) -> tuple[dict[str, bytes], dict[str, list]]:
    random = np.random.default_rng(seed)
    who = [speakers[k % len(speakers)] for k in range(count)]
    files = {f"{seed}-{k:04}.wav": wav(voice(one, random, seconds)) for k, one in enumerate(who)}
    return files, {"speaker": [f"s{one}" for one in who]}


def conversation(order: list[int], seed: int = 0, pause: float = 0.25) -> tuple[np.ndarray, list[dict]]:
    """Voices one after the other, and who spoke when."""
    random = np.random.default_rng(seed)
    parts, turns, at = [], [], 0.0
    for one in order:
        said = voice(one, random, float(random.uniform(1.5, 3.0)))
        parts += [said, random.normal(0, 0.001, int(pause * RATE))]
        turns.append({"start": round(at, 3), "end": round(at + len(said) / RATE, 3), "speaker": f"s{one}"})
        at += len(said) / RATE + int(pause * RATE) / RATE
    return np.concatenate(parts), turns


def as_text(turns: list[dict]) -> str:
    return json.dumps(turns)
