"""Bootstrap percentile intervals (Efron and Tibshirani 1993), each metric over all resamples at once."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from atoll_engines.tabular.metrics import BY_LABEL, labels_of, metric_names

CONFIDENCE = 0.95
# Resamples are worked through in parts of about this many numbers, to stay within memory.
PART = 4_000_000
MANY_ROWS, FEWER_RESAMPLES = 200_000, 100


def intervals(
    actual: np.ndarray, predicted: np.ndarray, task: str, threshold: float | None, resamples: int, seed: int
) -> tuple[dict[str, tuple[float, float]], int]:
    """Low and high of every metric, and the number of resamples it rests on."""
    if len(actual) > MANY_ROWS:
        resamples = min(resamples, FEWER_RESAMPLES)
    if task == "binary":
        # Rows in order of their score are walked through in order by every resample, which is much faster.
        order = np.argsort(-predicted[:, 1], kind="stable")
        actual, predicted = actual[order], predicted[order]
    random = np.random.default_rng(seed)
    drawn: dict[str, list[np.ndarray]] = {name: [] for name in metric_names(task)}
    for weights in resampled_weights(len(actual), resamples, random):
        if task == "regression":
            found = regression_metrics(actual, predicted, weights)
        else:
            found = classification_metrics(actual, predicted, threshold, weights)
        for name, values in found.items():
            drawn[name].append(values)
    tail = 100 * (1 - CONFIDENCE) / 2
    result = {}
    for name, parts in drawn.items():
        values = np.concatenate(parts)
        values = values[np.isfinite(values)]
        low, high = np.percentile(values, [tail, 100 - tail]) if len(values) else (np.nan, np.nan)
        result[name] = (float(low), float(high))
    return result, resamples


def resampled_weights(rows: int, resamples: int, random: np.random.Generator) -> Iterator[np.ndarray]:
    """How often each row was drawn, [resamples of this part, rows]."""
    step = max(1, PART // max(1, rows))
    for start in range(0, resamples, step):
        count = min(step, resamples - start)
        drawn = random.integers(0, rows, (count, rows)) + rows * np.arange(count)[:, None]
        yield np.bincount(drawn.ravel(), minlength=count * rows).reshape(count, rows).astype(np.float64)


def regression_metrics(actual: np.ndarray, predicted: np.ndarray, weights: np.ndarray) -> dict[str, np.ndarray]:
    total = len(actual)
    error = actual - predicted
    squares = weights @ error**2
    mean = weights @ actual / total
    spread = weights @ actual**2 - total * mean**2
    relative = np.abs(error) / np.maximum(np.abs(actual), np.finfo(np.float64).eps)
    with np.errstate(divide="ignore", invalid="ignore"):
        return {
            "mae": weights @ np.abs(error) / total,
            "rmse": np.sqrt(squares / total),
            "r2": 1 - squares / spread,
            "mape": weights @ relative / total,
        }


def classification_metrics(
    actual: np.ndarray, p: np.ndarray, threshold: float | None, weights: np.ndarray
) -> dict[str, np.ndarray]:
    classes = p.shape[1]
    cells = confusion_cells(actual, labels_of(p, threshold), classes, weights)
    found = {name: label_metric(name, cells) for name in BY_LABEL}
    wide = np.column_stack([1 - p[:, 1].astype(np.float64), p[:, 1]]) if classes == 2 else p.astype(np.float64)
    eps = np.finfo(np.float64).eps
    total = weights.sum(axis=1)
    of_actual = np.clip(wide[np.arange(len(actual)), actual], eps, 1 - eps)
    squares = np.sum((wide - np.eye(classes)[actual]) ** 2, axis=1) / (2 if classes == 2 else 1)
    found["log_loss"] = weights @ -np.log(of_actual) / total
    found["brier"] = weights @ squares / total
    found["roc_auc"], found["pr_auc"] = ranking_metrics(actual, p, weights)
    return found


def confusion_cells(actual: np.ndarray, labels: np.ndarray, classes: int, weights: np.ndarray) -> np.ndarray:
    """[resamples, actual, predicted] counts."""
    cells = np.zeros((len(weights), classes * classes))
    cell = actual * classes + labels
    for number in np.unique(cell):
        cells[:, number] = weights[:, cell == number].sum(axis=1)
    return cells.reshape(-1, classes, classes)


def label_metric(name: str, cells: np.ndarray) -> np.ndarray:
    """A metric of labels from confusion counts, for each resample."""
    total = cells.sum(axis=(1, 2))
    hit = np.diagonal(cells, axis1=1, axis2=2)
    real, said = cells.sum(axis=2), cells.sum(axis=1)
    if name == "accuracy":
        return hit.sum(axis=1) / total
    if name == "mcc":
        # Gorodkin 2004, which for two classes is Matthews 1975.
        above = hit.sum(axis=1) * total - np.sum(real * said, axis=1)
        below = np.sqrt((total**2 - np.sum(said**2, axis=1)) * (total**2 - np.sum(real**2, axis=1)))
        return share(above, below)
    precision, recall, f1 = share(hit, said), share(hit, real), share(2 * hit, real + said)
    present = real > 0
    if name == "balanced_accuracy":
        return np.sum(recall * present, axis=1) / np.maximum(1, present.sum(axis=1))
    if name == "f1_weighted":
        return np.sum(f1 * real, axis=1) / total
    values = {"precision": precision, "recall": recall, "f1": f1, "f1_macro": f1}[name]
    if cells.shape[1] == 2 and name != "f1_macro":
        return values[:, 1]
    met = (real + said) > 0
    return np.sum(values * met, axis=1) / np.maximum(1, met.sum(axis=1))


def ranking_metrics(actual: np.ndarray, p: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """ROC AUC and average precision, averaged one against the rest with more than two classes."""
    classes = [1] if p.shape[1] == 2 else range(p.shape[1])
    roc, pr = zip(*(ranking(actual == k, p[:, k], weights) for k in classes), strict=True)
    with np.errstate(invalid="ignore"):
        return nan_mean(np.array(roc)), nan_mean(np.array(pr))


def ranking(hit: np.ndarray, scores: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The two areas of one class for each resample; equal scores are one step."""
    order = np.argsort(-scores, kind="stable")
    starts = np.flatnonzero(np.append(True, np.diff(scores[order]) != 0))
    ranked = weights[:, order]
    hits = np.add.reduceat(ranked * hit[order], starts, axis=1)
    misses = np.add.reduceat(ranked, starts, axis=1) - hits
    tp, fp = np.cumsum(hits, axis=1), np.cumsum(misses, axis=1)
    positives, negatives = tp[:, -1], fp[:, -1]
    with np.errstate(divide="ignore", invalid="ignore"):
        roc = np.sum(misses * (tp - hits / 2), axis=1) / (positives * negatives)
        precision = share(tp, tp + fp)
        pr = np.sum(hits * precision, axis=1) / positives
    return np.where(positives * negatives > 0, roc, np.nan), np.where(positives > 0, pr, np.nan)


def nan_mean(values: np.ndarray) -> np.ndarray:
    there = np.isfinite(values)
    return share(np.where(there, values, 0).sum(axis=0), there.sum(axis=0), np.nan)


def share(above: np.ndarray, below: np.ndarray, otherwise: float = 0.0) -> np.ndarray:
    above = np.asarray(above, np.float64)
    return np.divide(above, below, out=np.full(np.broadcast(above, below).shape, otherwise), where=below > 0)
