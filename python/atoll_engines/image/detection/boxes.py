"""The column of objects: `[{ "label": "cat", "box": [x, y, width, height] }]` in pixels of the upright image."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pandas as pd

from atoll_engines.errors import BadInput

MOST_CLASSES = 200


def read_objects(cell: Any, row: int, column: str) -> list[tuple[str, list[float]]]:
    """Labels and boxes (x1, y1, x2, y2) of one cell; what cannot be meant is refused with its row."""

    def refuse(why: str) -> BadInput:
        form = '[{"label": "cat", "box": [x, y, width, height]}, …]'
        return BadInput(f'Row {row}, column "{column}": {why}. Objects are written as {form}.', row=row, column=column)

    try:
        found = json.loads(str(cell))
    except ValueError as error:
        raise refuse(f"{str(cell)[:60]!r} is not JSON ({error})") from error
    if not isinstance(found, list):
        raise refuse(f"{str(cell)[:60]!r} is no list")
    objects = []
    for one in found:
        box = one.get("box") if isinstance(one, dict) else None
        label = one.get("label") if isinstance(one, dict) else None
        if not isinstance(label, (str, int)) or str(label) == "":
            raise refuse("an object has no label")
        numbers = isinstance(box, list) and len(box) == 4 and all(isinstance(v, (int, float)) and math.isfinite(v) for v in box)
        if not numbers or box[2] <= 0 or box[3] <= 0:
            raise refuse(f'the box of an object "{label}" is {box!r}')
        x, y, width, height = (float(value) for value in box)
        objects.append((str(label), [x, y, x + width, y + height]))
    return objects


def read_column(values: pd.Series) -> list[list[tuple[str, list[float]]]]:
    return [read_objects(cell, int(row), str(values.name)) for row, cell in values.items()]


def classes_of(objects: list[list[tuple[str, list[float]]]], column: str) -> tuple[str, ...]:
    """The labels in alphabetical order."""
    classes = sorted({label for row in objects for label, _ in row})
    if not classes:
        raise BadInput(f'No row of "{column}" holds an object, so there is nothing to learn to find.', column=column)
    if len(classes) > MOST_CLASSES:
        raise BadInput(f'"{column}" holds {len(classes)} kinds of objects; at most {MOST_CLASSES} can be learned. Join the rare ones.')
    return tuple(classes)


def as_array(objects: list[tuple[str, list[float]]], numbers: dict[str, int]) -> np.ndarray:
    """float64 [k, 5]: class, x1, y1, x2, y2."""
    return np.array([[numbers[label], *box] for label, box in objects], np.float64).reshape(-1, 5)


def iou_matrix(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Intersection over union of every pair of boxes (x1, y1, x2, y2)."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    sides = np.clip(high - low, 0, None)
    both = sides[..., 0] * sides[..., 1]
    area_a = ((a[:, 2] - a[:, 0]) * (a[:, 3] - a[:, 1]))[:, None]
    area_b = ((b[:, 2] - b[:, 0]) * (b[:, 3] - b[:, 1]))[None, :]
    union = area_a + area_b - both
    return np.where(union > 0, both / np.where(union > 0, union, 1), 0.0)
