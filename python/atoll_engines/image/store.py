"""The images of a job as one array of bytes: each decoded and brought to size once, the damaged ones named."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from atoll_engines.contract import Report
from atoll_engines.image.decode import Unreadable, content_of, decode
from atoll_engines.image.preprocess import Preprocess
from atoll_engines.media.damaged import tell_damaged as tell_damaged_items

# Larger arrays lie on disk.
IN_MEMORY_BYTES = 1 << 30


def read_images(
    paths: Sequence[object],
    folders: Sequence[Path],
    preprocess: Preprocess,
    size: int,
    channels: int,
    scratch: Path,
    threads: int,
    report: Report,
    sides: np.ndarray | None = None,
) -> tuple[np.ndarray, list[tuple[int, str]]]:
    """uint8 [N, size, size, channels], and (place, sentence) of each image that could not be read (its pixels are black).

    Into `sides` goes the height and width of each, where it is given.
    """
    shape = (len(paths), size, size, channels)
    images = room(shape, scratch)
    damaged: list[tuple[int, str]] = []
    begun = told = time.monotonic()

    def read(place: int) -> str | None:
        if paths[place] is None:
            return "The row names no image."
        try:
            pixels = decode(content_of(paths[place], folders[place]), str(paths[place]))
            images[place] = preprocess(pixels)
            if sides is not None:
                sides[place] = pixels.shape[:2]
        except Unreadable as error:
            return error.message
        return None

    with ThreadPoolExecutor(max(1, threads)) as pool:
        for place, fault in enumerate(pool.map(read, range(len(paths)), chunksize=16)):
            if fault:
                damaged.append((place, fault))
            if time.monotonic() - told > 2:
                told = time.monotonic()
                left = (told - begun) / (place + 1) * (len(paths) - place - 1)
                report.progress("read images", place + 1, len(paths), left, f"{place + 1} of {len(paths)} images")
    return images, damaged


def room(shape: tuple[int, ...], scratch: Path) -> np.ndarray:
    if int(np.prod(shape)) <= IN_MEMORY_BYTES:
        return np.zeros(shape, np.uint8)
    return np.lib.format.open_memmap(scratch / "pixels.npy", "w+", np.uint8, shape)


def tell_damaged(damaged: list[tuple[int, str]], paths: Sequence[object], rows: np.ndarray, report: Report, what: str = "training") -> None:
    """A warning for each damaged image."""
    tell_damaged_items(damaged, paths, rows, report, "image", what)
