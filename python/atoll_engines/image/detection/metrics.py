"""Average precision as COCO defines it: at most 100 of a class in an image, 101 points of recall, IoU from .5 to .95."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from atoll_engines.image.detection.boxes import iou_matrix

OVERLAPS = np.round(np.arange(0.5, 1.0, 0.05), 2)
RECALLS = np.linspace(0, 1, 101)
MOST_FOUND = 100


@dataclass(frozen=True)
class Matched:
    """All that was found of a class, best first: in which image, how sure, at which overlaps it is a hit; how many there are."""

    image: np.ndarray
    score: np.ndarray
    # bool [overlaps, found].
    hit: np.ndarray
    # Objects of the class by image.
    objects: np.ndarray


@dataclass(frozen=True)
class Precisions:
    """Means over the classes that have objects; `by_class` [classes, overlaps], NaN without any."""

    mean: float
    at_50: float
    at_75: float
    by_class: np.ndarray


def average_precisions(actual: list[np.ndarray], found: list[np.ndarray], classes: int) -> Precisions:
    """`actual` [k, 5] and `found` [k, 6] by image: class (, score), box."""
    return precisions_of(matched(actual, found, classes))


def matched(actual: list[np.ndarray], found: list[np.ndarray], classes: int) -> list[Matched]:
    return [match_class(actual, found, kind) for kind in range(classes)]


def match_class(actual: list[np.ndarray], found: list[np.ndarray], kind: int) -> Matched:
    images, scores, hits, objects = [], [], [], np.zeros(len(actual), np.int64)
    for image, (real, said) in enumerate(zip(actual, found, strict=True)):
        real, said = real[real[:, 0] == kind], said[said[:, 0] == kind]
        # The best 100 of a class in an image count.
        said = said[np.argsort(-said[:, 1], kind="stable")][:MOST_FOUND]
        objects[image] = len(real)
        if len(said):
            images.append(np.full(len(said), image))
            scores.append(said[:, 1])
            hits.append(match_image(real[:, 1:], said[:, 2:]))
    if not images:
        return Matched(np.zeros(0, np.int64), np.zeros(0), np.zeros((len(OVERLAPS), 0), bool), objects)
    score = np.concatenate(scores)
    order = np.argsort(-score, kind="stable")
    return Matched(np.concatenate(images)[order], score[order], np.concatenate(hits, axis=1)[:, order], objects)


def match_image(real: np.ndarray, said: np.ndarray) -> np.ndarray:
    """bool [overlaps, found]: each, best first, takes the free object that it overlaps most, if by enough."""
    hit = np.zeros((len(OVERLAPS), len(said)), bool)
    if not len(real):
        return hit
    overlap = iou_matrix(said, real)
    for level, least in enumerate(OVERLAPS):
        free = np.ones(len(real), bool)
        for place in range(len(said)):
            open_to = np.where(free, overlap[place], -1.0)
            # Of equal overlaps the last is taken, as COCO's own code does.
            best = len(real) - 1 - int(np.argmax(open_to[::-1]))
            if open_to[best] >= min(least, 1 - 1e-10):
                hit[level, place], free[best] = True, False
    return hit


def precisions_of(parts: list[Matched], weights: np.ndarray | None = None) -> Precisions:
    """`weights`: how often each image counts (a resample)."""
    by_class = np.full((len(parts), len(OVERLAPS)), np.nan)
    for kind, part in enumerate(parts):
        total = part.objects.sum() if weights is None else float((part.objects * weights).sum())
        if total > 0:
            by_class[kind] = interpolated(part.hit, None if weights is None else weights[part.image], total)
    has = ~np.isnan(by_class[:, 0])
    if not has.any():
        return Precisions(float("nan"), float("nan"), float("nan"), by_class)
    return Precisions(float(by_class[has].mean()), float(by_class[has, 0].mean()), float(by_class[has, 5].mean()), by_class)


def interpolated(hit: np.ndarray, weights: np.ndarray | None, total: float) -> np.ndarray:
    """Average precision at each overlap: the mean of the best precision at or beyond each of 101 recalls."""
    if hit.shape[1] == 0:
        return np.zeros(len(hit))
    counted = np.ones(hit.shape[1]) if weights is None else weights
    hits = np.cumsum(hit * counted, axis=1)
    recall = hits / total
    seen = np.cumsum(counted)
    precision = np.divide(hits, seen, out=np.zeros_like(hits), where=seen > 0)
    best = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    result = np.zeros(len(hit))
    for level in range(len(hit)):
        place = np.searchsorted(recall[level], RECALLS, side="left")
        inside = place < hit.shape[1]
        result[level] = np.where(inside, best[level, np.minimum(place, hit.shape[1] - 1)], 0.0).mean()
    return result
