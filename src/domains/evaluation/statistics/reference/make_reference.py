"""Writes scikit-learn's and SciPy's figures for a few small sets of predictions: the TypeScript statistics are held to them."""

import json
import sys

import numpy as np
from scipy import stats
from sklearn import metrics as sk


def binary(rng: np.random.Generator, rows: int) -> dict:
    actual = (rng.random(rows) < 0.3).astype(int)
    # Few distinct scores, so that ties matter.
    score = np.round(np.clip(0.25 * actual + rng.random(rows) * 0.8, 0, 1), 2).astype(np.float32)
    p = np.stack([1 - score, score], axis=1).astype(np.float64)
    return {"actual": actual, "label": (p[:, 1] >= 0.5).astype(int), "probabilities": p}


def multiclass(rng: np.random.Generator, rows: int) -> dict:
    # Class 3 is never true, as happens in a small test part.
    actual = rng.integers(0, 3, rows)
    raw = rng.random((rows, 4)) + np.eye(4)[actual] * 0.5
    p = (raw / raw.sum(axis=1, keepdims=True)).astype(np.float32).astype(np.float64)
    return {"actual": actual, "label": p.argmax(axis=1), "probabilities": p}


def classification_figures(case: dict) -> dict:
    actual, label, p = case["actual"], case["label"], case["probabilities"]
    classes = p.shape[1]
    average = "binary" if classes == 2 else "macro"
    shares = p / p.sum(axis=1, keepdims=True)
    one_hot = np.eye(classes)[actual]
    present = [1] if classes == 2 else np.unique(actual)
    return {
        "accuracy": sk.accuracy_score(actual, label),
        "balanced_accuracy": sk.recall_score(actual, label, average="macro", labels=np.unique(actual), zero_division=0),
        "precision": sk.precision_score(actual, label, average=average, zero_division=0),
        "recall": sk.recall_score(actual, label, average=average, zero_division=0),
        "f1": sk.f1_score(actual, label, average=average, zero_division=0),
        "f1_macro": sk.f1_score(actual, label, average="macro", zero_division=0),
        "f1_weighted": sk.f1_score(actual, label, average="weighted", zero_division=0),
        "mcc": sk.matthews_corrcoef(actual, label),
        "roc_auc": float(np.mean([sk.roc_auc_score(one_hot[:, k], p[:, k]) for k in present])),
        "pr_auc": float(np.mean([sk.average_precision_score(one_hot[:, k], p[:, k]) for k in present])),
        "log_loss": sk.log_loss(actual, shares, labels=np.arange(classes)),
        "brier": float(np.mean(((shares - one_hot) ** 2).sum(axis=1)) / (2 if classes == 2 else 1)),
    }


def regression_figures(actual: np.ndarray, predicted: np.ndarray) -> dict:
    return {
        "mae": sk.mean_absolute_error(actual, predicted),
        "rmse": sk.root_mean_squared_error(actual, predicted),
        "r2": sk.r2_score(actual, predicted),
        "mape": sk.mean_absolute_percentage_error(actual, predicted),
    }


def delong_by_pairs(actual: np.ndarray, a: np.ndarray, b: np.ndarray) -> dict:
    """Every pair of a true and another row, as the paper writes it."""
    placements = []
    for score in (a, b):
        x, y = score[actual == 1][:, None], score[actual == 0][None, :]
        wins = (x > y) + 0.5 * (x == y)
        placements.append((wins.mean(axis=1), wins.mean(axis=0)))
    true_rows = np.cov([p[0] for p in placements])
    other_rows = np.cov([p[1] for p in placements])
    variance = sum(
        (s[0, 0] + s[1, 1] - 2 * s[0, 1]) / n
        for s, n in ((true_rows, (actual == 1).sum()), (other_rows, (actual == 0).sum()))
    )
    difference = placements[1][0].mean() - placements[0][0].mean()
    z = difference / np.sqrt(variance)
    return {"difference": difference, "standardError": np.sqrt(variance), "z": z, "pValue": 2 * stats.norm.sf(abs(z))}


def main(seed: int, rows: int) -> dict:
    rng = np.random.default_rng(seed)
    cases = []
    for make in (binary, multiclass):
        case = make(rng, rows)
        cases.append({"kind": "classes", **case, "figures": classification_figures(case)})
    actual = np.round(rng.normal(50, 20, rows), 3)
    predicted = actual + rng.normal(0, 6, rows)
    cases.append({"kind": "numbers", "actual": actual, "predicted": predicted, "figures": regression_figures(actual, predicted)})
    one = cases[0]
    rival = np.round(np.clip(one["probabilities"][:, 1] + rng.normal(0, 0.15, rows), 0, 1), 2)
    pairs = [(3, 9), (0, 6), (12, 12), (20, 45), (100, 131)]
    return {
        "cases": cases,
        "rival": rival,
        "delong": delong_by_pairs(one["actual"], one["probabilities"][:, 1], rival),
        "mcnemar": [
            {
                "b": b,
                "c": c,
                "pValue": stats.binomtest(b, b + c, 0.5).pvalue
                if b + c < 25
                else stats.chi2.sf((abs(b - c) - 1) ** 2 / (b + c), 1),
            }
            for b, c in pairs
        ],
        "chiSquare": [{"x": x, "degrees": k, "survival": stats.chi2.sf(x, k)} for x in (0.01, 1.5, 9.0, 60.0) for k in (1, 4, 19)],
    }


if __name__ == "__main__":
    seed, rows = int(sys.argv[1]), int(sys.argv[2])
    json.dump(main(seed, rows), sys.stdout, default=lambda value: value.tolist())
