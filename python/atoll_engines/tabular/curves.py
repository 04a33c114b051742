"""Curves and tables of an evaluation, thinned to what a page can draw."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn import metrics as sk

from atoll_engines.tabular.thresholds import Costs, cost_of, count_at_thresholds

MOST_POINTS = 400
ROWS_IN_A_CELL = 100
CALIBRATION_BINS = 10


def roc_points(hit: np.ndarray, scores: np.ndarray) -> dict[str, list[float]]:
    """The ROC curve; its first threshold lies above every score."""
    fpr, tpr, thresholds = sk.roc_curve(hit, scores)
    thresholds[0] = max(1.0, float(scores.max())) + 1e-6
    pick = thinned(len(fpr))
    return {"fpr": fpr[pick].tolist(), "tpr": tpr[pick].tolist(), "thresholds": thresholds[pick].tolist()}


def pr_points(hit: np.ndarray, scores: np.ndarray) -> dict[str, list[float]]:
    """The precision-recall curve, from the lowest threshold; the last point has no threshold of its own."""
    precision, recall, thresholds = sk.precision_recall_curve(hit, scores)
    thresholds = np.append(thresholds, thresholds[-1] + 1e-6)
    pick = thinned(len(precision))
    return {
        "precision": precision[pick].tolist(),
        "recall": recall[pick].tolist(),
        "thresholds": thresholds[pick].tolist(),
    }


def cost_points(actual: np.ndarray, scores: np.ndarray, costs: Costs) -> list[dict[str, float]]:
    """The total cost of errors along the thresholds."""
    counts = count_at_thresholds(actual, scores)
    cost = cost_of(counts, costs)
    pick = thinned(len(cost))[::-1]
    return [{"threshold": float(counts.thresholds[k]), "cost": float(cost[k])} for k in pick]


def thinned(count: int) -> np.ndarray:
    """Positions of at most 400 points, ends included."""
    return np.unique(np.linspace(0, count - 1, min(count, MOST_POINTS)).round().astype(int))


def confusion(actual: np.ndarray, labels: np.ndarray, classes: tuple[str, ...], rows: np.ndarray) -> dict[str, Any]:
    """Counts by actual and predicted class, and for each cell its first rows."""
    matrix = sk.confusion_matrix(actual, labels, labels=np.arange(len(classes)))
    cells = {}
    for a, real in enumerate(classes):
        for b, said in enumerate(classes):
            inside = rows[(actual == a) & (labels == b)]
            if len(inside):
                cells[f"{real}|{said}"] = inside[:ROWS_IN_A_CELL].tolist()
    return {"classes": list(classes), "matrix": matrix.tolist(), "rows": cells}


def calibration_table(actual: np.ndarray, p: np.ndarray) -> dict[str, Any]:
    """Predicted against observed in ten equal bins, and the expected calibration error (Naeini et al. 2015).

    Of the positive class; with more than two classes, of the class that is predicted.
    """
    if p.shape[1] == 2:
        said, hit = p[:, 1].astype(np.float64), actual == 1
    else:
        said, hit = p.max(axis=1).astype(np.float64), actual == p.argmax(axis=1)
    place = np.clip((said * CALIBRATION_BINS).astype(int), 0, CALIBRATION_BINS - 1)
    bins, error = [], 0.0
    for number in range(CALIBRATION_BINS):
        inside = place == number
        if not inside.any():
            continue
        mean, observed, count = float(said[inside].mean()), float(hit[inside].mean()), int(inside.sum())
        bins.append({"meanPredicted": mean, "observed": observed, "count": count})
        error += abs(mean - observed) * count / len(said)
    return {"bins": bins, "error": error}


def per_class(actual: np.ndarray, p: np.ndarray, labels: np.ndarray, classes: tuple[str, ...]) -> dict[str, Any]:
    """Precision, recall, F1 and support of each class; with more than two, its curves too."""
    precision, recall, f1, support = sk.precision_recall_fscore_support(
        actual, labels, labels=np.arange(len(classes)), zero_division=0
    )
    result: dict[str, Any] = {}
    for k, name in enumerate(classes):
        result[name] = {
            "precision": float(precision[k]), "recall": float(recall[k]), "f1": float(f1[k]), "support": int(support[k]),
        }  # fmt: skip
        hit = actual == k
        if len(classes) > 2 and hit.any() and not hit.all():
            result[name] |= {"roc": roc_points(hit, p[:, k]), "pr": pr_points(hit, p[:, k])}
    return result


def residuals(actual: np.ndarray, predicted: np.ndarray) -> dict[str, Any]:
    """The spread of the errors of a regression, and a sample of points to draw."""
    error = actual - predicted
    counts, edges = np.histogram(error, bins=30)
    pick = thinned(len(actual))
    levels = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
    return {
        "mean": float(error.mean()),
        "std": float(error.std()),
        "quantiles": {str(level): float(value) for level, value in zip(levels, np.quantile(error, levels), strict=True)},
        "histogram": {"edges": edges.tolist(), "counts": counts.tolist()},
        "points": [{"actual": float(actual[k]), "predicted": float(predicted[k])} for k in pick],
    }
