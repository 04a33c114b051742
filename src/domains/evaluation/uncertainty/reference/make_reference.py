"""Writes scikit-learn's figures, and conformal limits by the textbook formula in NumPy, for small sets of predictions: the TypeScript is held to them."""

import json
import math
import sys

import numpy as np
from scipy.optimize import minimize_scalar
from sklearn.isotonic import IsotonicRegression
from sklearn.metrics import log_loss


def limit(scores: np.ndarray, coverage: float) -> float | None:
    """The ceil((n + 1) coverage)-th smallest score (Angelopoulos and Bates 2023, section 1)."""
    place = math.ceil((len(scores) + 1) * coverage - 1e-9)
    return float(np.sort(scores)[place - 1]) if place <= len(scores) else None


def aps_scores(p: np.ndarray, actual: np.ndarray) -> np.ndarray:
    order = np.argsort(-p, axis=1, kind="stable")
    mass = np.cumsum(np.take_along_axis(p, order, axis=1), axis=1)
    rank = np.argmax(order == actual[:, None], axis=1)
    return mass[np.arange(len(p)), rank]


def main() -> None:
    rng = np.random.default_rng(3)
    rows = 300
    actual = rng.integers(0, 3, rows)
    logits = rng.normal(size=(rows, 3)) + 1.2 * np.eye(3)[actual]
    # Too sure of itself by a factor of two: the temperature must come out near it.
    p = np.exp(2 * logits)
    p /= p.sum(axis=1, keepdims=True)
    lac, aps = 1 - p[np.arange(rows), actual], aps_scores(p, actual)
    asked = [0.5, 0.8, 0.9, 0.95, 0.99]

    def loss(log_t: float) -> float:
        q = p ** (1 / math.exp(log_t))
        return log_loss(actual, q / q.sum(axis=1, keepdims=True), labels=[0, 1, 2])

    best = minimize_scalar(loss, bounds=(math.log(0.05), math.log(20)), method="bounded", options={"xatol": 1e-7})
    hit = (rng.random(200) < 0.5).astype(int)
    score = np.clip(0.5 * hit + rng.random(200) * 0.6, 0, 1)
    binary = np.column_stack([1 - score, score])
    isotonic = IsotonicRegression(out_of_bounds="clip")
    folds = np.arange(200) % 5
    mended = np.zeros(200)
    for fold in range(5):
        mended[folds == fold] = isotonic.fit(score[folds != fold], hit[folds != fold]).predict(score[folds == fold])
    figures = {
        "coverages": asked,
        "classes": {
            "actual": actual.tolist(),
            "probabilities": p.tolist(),
            "lac": [limit(lac, c) for c in asked],
            "aps": [limit(aps, c) for c in asked],
            "byClass": [[limit(lac[actual == k], c) for c in asked] for k in range(3)],
            "temperature": math.exp(best.x),
            "logLoss": log_loss(actual, p, labels=[0, 1, 2]),
        },
        "binary": {
            "actual": hit.tolist(),
            "probabilities": binary.tolist(),
            "brier": float(np.mean((score - hit) ** 2)),
            "isotonicBrier": float(np.mean((mended - hit) ** 2)),
        },
    }
    json.dump(figures, open(sys.argv[1], "w"))


if __name__ == "__main__":
    main()
