"""How well anomalies are ranked: agreement of two models that saw other rows, and known labels where there are any."""

from __future__ import annotations

import numpy as np


def stability(one: np.ndarray, other: np.ndarray, weights: np.ndarray | None = None) -> float:
    """Rank correlation (Spearman 1904) of two models' scores on rows that neither has seen."""
    weights = np.ones(len(one)) if weights is None else weights
    first, second = ranks(one, weights), ranks(other, weights)
    total = weights.sum()
    first, second = first - weights @ first / total, second - weights @ second / total
    spread = np.sqrt((weights @ first**2) * (weights @ second**2))
    return float((weights * first) @ second / spread) if spread > 0 else float("nan")


def ranks(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Mean ranks, equal values sharing one, a row counting as often as it was drawn."""
    different, place = np.unique(values, return_inverse=True)
    counts = np.bincount(place, weights, len(different))
    return (np.cumsum(counts) - counts / 2 + 0.5)[place]


def against_labels(scores: np.ndarray, is_anomaly: np.ndarray, threshold: float, weights: np.ndarray | None = None) -> dict[str, float]:
    """Areas under the curves, and precision, recall and F1 at the threshold."""
    weights = np.ones(len(scores)) if weights is None else weights
    flagged = scores.astype(np.float64) >= threshold
    hit, said, real = (float(weights @ mask) for mask in (flagged & is_anomaly, flagged, is_anomaly))
    roc, pr = areas(scores, is_anomaly, weights)
    return {
        "roc_auc": roc,
        "pr_auc": pr,
        "precision": hit / said if said else 0.0,
        "recall": hit / real if real else float("nan"),
        "f1": 2 * hit / (said + real) if said + real else float("nan"),
    }


def areas(scores: np.ndarray, is_anomaly: np.ndarray, weights: np.ndarray) -> tuple[float, float]:
    """ROC AUC and average precision; equal scores are one step."""
    order = np.argsort(-scores, kind="stable")
    ranked, drawn, hit = scores[order], weights[order], is_anomaly[order]
    starts = np.flatnonzero(np.append(True, np.diff(ranked) != 0))
    hits = np.add.reduceat(drawn * hit, starts)
    misses = np.add.reduceat(drawn, starts) - hits
    tp, fp = np.cumsum(hits), np.cumsum(misses)
    if tp[-1] == 0 or fp[-1] == 0:
        return float("nan"), float("nan")
    roc = float(np.sum(misses * (tp - hits / 2)) / (tp[-1] * fp[-1]))
    with np.errstate(invalid="ignore"):
        precision = np.where(tp + fp > 0, tp / np.maximum(tp + fp, 1e-12), 0.0)
    return roc, float(np.sum(hits * precision) / tp[-1])
