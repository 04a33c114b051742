"""Where an image lies within the square that the network sees, and the way back to the image's own pixels.

`src/ports/inference/spatial/placement.ts` has the same arithmetic.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# What a crop cuts off could hold objects, so the whole image is seen.
FITS = ("pad", "stretch")


@dataclass(frozen=True)
class Placement:
    """An image of `height` x `width` as `new_height` x `new_width` pixels from (`top`, `left`) on."""

    height: int
    width: int
    new_height: int
    new_width: int
    top: int
    left: int


def placement_of(height: int, width: int, size: int, fit: str) -> Placement:
    """As `preprocess.onnx` does it: float32, halves to even."""
    if fit == "stretch":
        return Placement(height, width, size, size, 0, 0)
    scale = np.float32(size) / np.float32(max(height, width))
    new = [max(1, int(np.round(np.float32(side) * scale))) for side in (height, width)]
    return Placement(height, width, new[0], new[1], (size - new[0]) // 2, (size - new[1]) // 2)


def to_square(boxes: np.ndarray, place: Placement) -> np.ndarray:
    """[x1, y1, x2, y2] in pixels of the image to pixels of the square."""
    across, down = place.new_width / place.width, place.new_height / place.height
    return boxes * [across, down, across, down] + [place.left, place.top, place.left, place.top]


def to_image(boxes: np.ndarray, place: Placement) -> np.ndarray:
    """The way back, cut off at the image's edges."""
    across, down = place.width / place.new_width, place.height / place.new_height
    back = (boxes - [place.left, place.top, place.left, place.top]) * [across, down, across, down]
    return np.clip(back, 0, [place.width, place.height, place.width, place.height])


def mask_to_square(mask: np.ndarray, place: Placement, size: int, outside: int) -> np.ndarray:
    """A mask of the image as the network's square has it: each pixel the value that lies at its middle."""
    rows = ((2 * np.arange(place.new_height) + 1) * place.height) // (2 * place.new_height)
    columns = ((2 * np.arange(place.new_width) + 1) * place.width) // (2 * place.new_width)
    square = np.full((size, size), outside, mask.dtype)
    square[place.top : place.top + place.new_height, place.left : place.left + place.new_width] = mask[rows[:, None], columns]
    return square


def mask_to_image(square: np.ndarray, place: Placement) -> np.ndarray:
    """The way back, by the nearest pixel."""
    rows = place.top + ((2 * np.arange(place.height) + 1) * place.new_height) // (2 * place.height)
    columns = place.left + ((2 * np.arange(place.width) + 1) * place.new_width) // (2 * place.width)
    return square[rows[:, None], columns]
