"""Maps of heat over what a network sees."""

from __future__ import annotations

import base64
import io

import numpy as np
from PIL import Image

# Cells of the map along a side; finer than this pixels are noise to look at.
MOST_CELLS = 56
REGIONS = 7


def in_cells(heat: np.ndarray, most: int) -> list[list[float]]:
    """Sums over a grid of cells, so that nothing is lost."""
    rows, columns = (np.linspace(0, side, min(most, side) + 1).round().astype(int) for side in heat.shape)
    return np.add.reduceat(np.add.reduceat(heat, rows[:-1], axis=0), columns[:-1], axis=1).tolist()


def as_png(pixels: np.ndarray) -> str:
    """The picture as the network sees it."""
    sink = io.BytesIO()
    Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels).save(sink, "PNG")
    return "data:image/png;base64," + base64.b64encode(sink.getvalue()).decode("ascii")
