"""The recordings of a channel with what is said in them; what cannot be learned from is named with row and file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from atoll_engines.audio.speech.log_mel import RATE
from atoll_engines.audio.waveform import prepare, resample
from atoll_engines.contract import Job, Report
from atoll_engines.errors import BadInput, what_exists
from atoll_engines.tabular.data import Column, TableFiles

MOST_NAMED = 20


def audio_column(table: TableFiles, options: dict[str, Any]) -> Column:
    """The column of recordings: the one that `options.column` names, else the only one there is."""
    there = {one.name: one for one in table.columns if one.type == "audio"}
    asked = options.get("column")
    if asked is not None:
        if asked not in there:
            raise BadInput(f'There is no column of recordings "{asked}". {what_exists(str(asked), there)}', parameter="options.column")
        return there[asked]
    if len(there) != 1:
        help = f" Name one of them (options.column): {', '.join(there)}." if there else ""
        raise BadInput(f"The data needs one column of recordings, and it has {len(there) or 'none'}.{help}", parameter="options.column")
    return next(iter(there.values()))


def sound_of(file: Path, name: str) -> np.ndarray:
    """A recording as the network hears it: float32, mono, 16,000 samples a second. A sentence says what is wrong with it."""
    if not file.is_file():
        raise BadInput(f"The recording {name} is missing.")
    content = file.read_bytes()
    heard = prepare(content, RATE, None, f"The recording {name}") if content[:4] == b"RIFF" else decoded(file, name)
    if len(heard) == 0:
        raise BadInput(f"The recording {name} is empty: it holds no samples.")
    return heard


def decoded(file: Path, name: str) -> np.ndarray:
    """FLAC, MP3, Ogg, AIFF: decoded by libsndfile, the rest is our own arithmetic."""
    import soundfile

    try:
        samples, rate = soundfile.read(file, dtype="float64", always_2d=True)
    except (soundfile.LibsndfileError, ValueError) as error:
        raise BadInput(f"The recording {name} cannot be read: {error}.") from error
    return resample(samples.mean(axis=1), int(rate), RATE)


def wav_of(samples: np.ndarray) -> bytes:
    """Samples as a WAV file of 32-bit floats, which loses nothing: how rows are handed to the server."""
    data = samples.astype("<f4").tobytes()
    head = b"fmt " + (16).to_bytes(4, "little") + (3).to_bytes(2, "little") + (1).to_bytes(2, "little")
    head += RATE.to_bytes(4, "little") + (4 * RATE).to_bytes(4, "little") + (4).to_bytes(2, "little") + (32).to_bytes(2, "little")
    body = b"WAVE" + head + b"data" + len(data).to_bytes(4, "little") + data
    return b"RIFF" + len(body).to_bytes(4, "little") + body


def read_sounds(job: Job, channels: np.ndarray, rows: np.ndarray, names: np.ndarray, report: Report) -> list[np.ndarray | None]:
    """The recording of each row, None where it cannot be heard, which is said."""
    found: list[np.ndarray | None] = []
    for channel, row, name in zip(channels, rows, names, strict=True):
        try:
            if not isinstance(name, str) or not name:
                raise BadInput("It names no recording.")
            found.append(sound_of(job.channel(channel) / "media" / name, name))
        except BadInput as error:
            found.append(None)
            unheard = sum(one is None for one in found)
            if unheard <= MOST_NAMED:
                report.warning("audio_unreadable", f"Row {row} is left out: {error.message}", row=int(row), file=str(name))
    return found
