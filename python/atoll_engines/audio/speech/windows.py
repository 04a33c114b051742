"""Long recordings in pieces that the network hears whole; the server cuts at the same samples (src/ports/inference/texts/windows.ts)."""

from __future__ import annotations

import numpy as np

# A piece ends at the quietest tenth of a second of its last third.
FRAME = 1600
LOOK = 3


def windows(samples: np.ndarray, size: int) -> list[tuple[int, int]]:
    """Where each piece begins and ends; together they are the whole recording."""
    found, start = [], 0
    while len(samples) - start > size:
        end = quietest(samples, start + size - size // LOOK, start + size)
        found.append((start, end))
        start = end
    return [*found, (start, len(samples))]


def quietest(samples: np.ndarray, begin: int, end: int) -> int:
    """The middle of the quietest frame; the first of equals. Squares are added one after another, as the server adds them."""
    best, place = np.inf, end
    for at in range(begin, end - FRAME + 1, FRAME):
        energy = float(np.cumsum(samples[at : at + FRAME].astype(np.float64) ** 2)[-1])
        if energy < best:
            best, place = energy, at + FRAME // 2
    return place
