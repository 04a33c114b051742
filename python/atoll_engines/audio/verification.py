"""Verification: are two recordings of one speaker? Told by the cosine of their embeddings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

MOST_RECORDINGS = 800
RESAMPLES = 200
CURVE_POINTS = 200


@dataclass(frozen=True)
class Verification:
    """The equal error rate with an interval, and what is drawn of it."""

    metric: dict[str, Any]
    facts: dict[str, Any]


def verify(embeddings: np.ndarray, speakers: np.ndarray, seed: int) -> Verification | None:
    """Over all pairs of (at most 800) recordings; None where no two are of one speaker, or all are.

    The interval resamples recordings, not pairs, which share recordings and are therefore not independent (Bolle et al. 2004).
    """
    random = np.random.default_rng(seed)
    kept = np.sort(random.permutation(len(embeddings))[:MOST_RECORDINGS])
    lengths = np.linalg.norm(embeddings[kept], axis=1, keepdims=True)
    unit, who = embeddings[kept] / np.maximum(lengths, 1e-12), speakers[kept]
    cosines = unit @ unit.T
    first, second = np.triu_indices(len(kept), 1)
    same = who[first] == who[second]
    if not same.any() or same.all():
        return None
    scores = cosines[first, second]
    value, threshold = equal_error_rate(scores, same)
    drawn = []
    for _ in range(RESAMPLES):
        times = np.bincount(random.integers(0, len(kept), len(kept)), minlength=len(kept))
        weights = (times[first] * times[second]).astype(float)
        if weights[same].sum() > 0 and weights[~same].sum() > 0:
            drawn.append(equal_error_rate(scores, same, weights)[0])
    low, high = np.percentile(drawn, [2.5, 97.5])
    misses, alarms, edges = error_curve(scores, same, np.ones(len(scores)))
    places = np.unique(np.linspace(0, len(edges) - 1, CURVE_POINTS).astype(int))
    return Verification(
        {"value": value, "low": float(low), "high": float(high), "method": f"bootstrap of recordings, {len(drawn)} resamples"},
        {
            "pairs": int(len(scores)),
            "samePairs": int(same.sum()),
            "threshold": threshold,
            "misses": misses[places].tolist(),
            "falseAlarms": alarms[places].tolist(),
            "thresholds": edges[places].tolist(),
        },
    )


def equal_error_rate(scores: np.ndarray, same: np.ndarray, weights: np.ndarray | None = None) -> tuple[float, float]:
    """Where misses are as frequent as false alarms, and at which score."""
    misses, alarms, edges = error_curve(scores, same, np.ones(len(scores)) if weights is None else weights)
    at = int(np.argmin(np.abs(misses - alarms)))
    return float((misses[at] + alarms[at]) / 2), float(edges[at])


def error_curve(scores: np.ndarray, same: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Shares of missed pairs and of false alarms when pairs are accepted from each score on, the highest first."""
    order = np.argsort(-scores, kind="stable")
    taken, other = np.cumsum(weights[order] * same[order]), np.cumsum(weights[order] * ~same[order])
    # Equal scores are accepted together.
    last = np.append(np.flatnonzero(np.diff(scores[order])), len(order) - 1)
    return 1 - taken[last] / taken[-1], other[last] / other[-1], scores[order][last]
