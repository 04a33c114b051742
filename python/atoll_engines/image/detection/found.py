"""From what the graph says to objects in the image's own pixels: `src/ports/inference/spatial/found.ts` does the same."""

from __future__ import annotations

from typing import Any

import numpy as np

from atoll_engines.image.detection.boxes import iou_matrix
from atoll_engines.image.spatial.placement import Placement, to_image

# class, score, x1, y1, x2, y2 in pixels of the square.
VALUES = 6
# Of what the graph says, this is no more than noise.
LEAST_SCORE = 0.01


def found_objects(said: np.ndarray, place: Placement, nms: float, least: float = LEAST_SCORE) -> np.ndarray:
    """float64 [k, 6] (class, score, x1, y1, x2, y2 of the image), best first; of overlapping boxes of a class the best."""
    rows = said.reshape(-1, VALUES).astype(np.float64)
    rows = rows[rows[:, 1] >= least]
    rows = rows[np.argsort(-rows[:, 1], kind="stable")]
    boxes = to_image(rows[:, 2:], place)
    sound = (boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])
    rows, boxes = rows[sound], boxes[sound]
    kept = distinct(rows[:, 0], boxes, nms)
    return np.concatenate([rows[kept, :2], boxes[kept]], axis=1)


def distinct(classes: np.ndarray, boxes: np.ndarray, nms: float) -> np.ndarray:
    """Greedy suppression, class by class; the boxes come best first."""
    overlap = iou_matrix(boxes, boxes) * (classes[:, None] == classes[None, :])
    kept: list[int] = []
    for place in range(len(boxes)):
        if not kept or overlap[place, kept].max() <= nms:
            kept.append(place)
    return np.array(kept, np.int64)


def as_told(objects: np.ndarray, classes: tuple[str, ...]) -> list[dict[str, Any]]:
    """As clients are told."""
    return [
        {"label": classes[int(k)], "score": float(score), "box": [float(x1), float(y1), float(x2 - x1), float(y2 - y1)]}
        for k, score, x1, y1, x2, y2 in objects
    ]
