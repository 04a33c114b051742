"""Mean intersection over union, Dice and pixel accuracy, from how often pixels of each class were called each (actual by row)."""

from __future__ import annotations

import numpy as np

METRIC = "mean_iou"
METRICS = (METRIC, "dice", "pixel_accuracy")


def confusion_of(actual: np.ndarray, predicted: np.ndarray, classes: int, void: int) -> np.ndarray:
    known = actual != void
    pairs = actual[known].astype(np.int64) * classes + predicted[known]
    return np.bincount(pairs, minlength=classes * classes).reshape(classes, classes)


def iou_by_class(total: np.ndarray) -> np.ndarray:
    """NaN for a class that is neither there nor told."""
    both = np.diag(total).astype(np.float64)
    union = total.sum(0) + total.sum(1) - both
    return np.divide(both, union, out=np.full(len(total), np.nan), where=union > 0)


def scores_of(total: np.ndarray) -> dict[str, float]:
    """Means over the classes that are there or are told."""
    iou = iou_by_class(total)
    seen = ~np.isnan(iou)
    pixels = total.sum()
    if not pixels:
        return dict.fromkeys(METRICS, float("nan"))
    dice = 2 * iou[seen] / (1 + iou[seen])
    return {METRIC: float(iou[seen].mean()), "dice": float(dice.mean()), "pixel_accuracy": float(np.trace(total) / pixels)}
