"""The sounds of a job as one array: each decoded and resampled once, the damaged ones named."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from atoll_engines.audio.decode import content_of, decode, heard
from atoll_engines.contract import Report
from atoll_engines.media.damaged import Unreadable
from atoll_engines.media.damaged import tell_damaged as tell_damaged_items

# Larger arrays lie on disk.
IN_MEMORY_BYTES = 1 << 30
LOOKED_AT = 200
LOWEST_RATE = 8000


def shape_of(cells: Sequence[object], folders: Sequence[Path], rate: int | None, seconds: float | None, most: float) -> tuple[int, int]:
    """Samples a second and samples of each sound: as asked, else as nearly all of the data has them (at most `most` seconds)."""
    rates, lengths = [], []
    for place in range(0, len(cells), max(1, len(cells) // LOOKED_AT)):
        try:
            sound = decode(content_of(cells[place], folders[place]))
        except Unreadable:
            continue
        rates.append(sound.rate)
        lengths.append(sound.seconds)
    if rate is None:
        rate = max(LOWEST_RATE, min(16000, int(np.median(rates)))) if rates else 16000
    if seconds is None:
        seconds = min(most, max(0.5, float(np.quantile(lengths, 0.95)))) if lengths else 1.0
    return rate, int(np.ceil(seconds * 10)) * rate // 10


def read_sounds(
    cells: Sequence[object], folders: Sequence[Path], rate: int, samples: int, scratch: Path, threads: int, report: Report
) -> tuple[np.ndarray, list[tuple[int, str]]]:
    """float32 [N, samples], and (place, sentence) of each sound that could not be read (it is silence)."""
    shape = (len(cells), samples)
    if 4 * len(cells) * samples <= IN_MEMORY_BYTES:
        sounds = np.zeros(shape, np.float32)
    else:
        sounds = np.lib.format.open_memmap(scratch / "sounds.npy", "w+", np.float32, shape)
    damaged: list[tuple[int, str]] = []
    begun = told = time.monotonic()

    def read(place: int) -> str | None:
        if cells[place] is None:
            return "The row names no sound."
        try:
            sounds[place] = heard(content_of(cells[place], folders[place]), rate, samples, str(cells[place]))
        except Unreadable as error:
            return error.message
        return None

    with ThreadPoolExecutor(max(1, threads)) as pool:
        for place, fault in enumerate(pool.map(read, range(len(cells)), chunksize=16)):
            if fault:
                damaged.append((place, fault))
            if time.monotonic() - told > 2:
                told = time.monotonic()
                left = (told - begun) / (place + 1) * (len(cells) - place - 1)
                report.progress("read sounds", place + 1, len(cells), left, f"{place + 1} of {len(cells)} sounds")
    return sounds, damaged


def tell_damaged(damaged: list[tuple[int, str]], cells: Sequence[object], rows: np.ndarray, report: Report, what: str = "training") -> None:
    """A warning for each damaged sound."""
    tell_damaged_items(damaged, cells, rows, report, "sound", what)
