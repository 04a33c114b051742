"""Choosing the threshold of a binary model on out-of-fold predictions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from atoll_engines.tabular.metrics import BY_LABEL


@dataclass(frozen=True)
class Costs:
    """What a needless alarm and a missed positive cost, in the user's own unit."""

    false_positive: float
    false_negative: float


@dataclass(frozen=True)
class Counts:
    """The four cells of the confusion matrix at each of a list of thresholds, highest threshold first."""

    thresholds: np.ndarray
    tp: np.ndarray
    fp: np.ndarray
    positives: float
    negatives: float

    @property
    def fn(self) -> np.ndarray:
        return self.positives - self.tp

    @property
    def tn(self) -> np.ndarray:
        return self.negatives - self.fp


@dataclass(frozen=True)
class Threshold:
    """The chosen threshold and, in words, how it was chosen."""

    value: float
    rule: str
    curve: list[dict[str, float]]


def choose_threshold(
    actual: np.ndarray,
    scores: np.ndarray,
    folds: np.ndarray,
    metric: str,
    costs: Costs | None,
    at_least: float | None,
) -> Threshold:
    """The threshold of the contract: the best metric, or the cheapest one whose metric is about as good.

    With costs: among the thresholds whose metric lies within one standard error (over folds) of the best, the cheapest
    (Breiman et al. 1984, the one-standard-error rule).
    """
    counts = count_at_thresholds(actual, scores)
    curve = threshold_curve(counts, costs)
    if metric not in BY_LABEL:
        if costs is None:
            return Threshold(0.5, f"0.5, because {metric} does not depend on the threshold", curve)
        best = int(np.argmin(cost_of(counts, costs)))
        return Threshold(float(counts.thresholds[best]), "the cheapest on out-of-fold predictions", curve)
    values, words = objective(metric, counts, at_least)
    best = int(np.argmax(values))
    if costs is None:
        return Threshold(float(counts.thresholds[best]), f"{words} on out-of-fold predictions", curve)
    error = standard_error(actual, scores, folds, metric, float(counts.thresholds[best]), at_least)
    allowed = np.flatnonzero(values >= values[best] - error)
    chosen = allowed[np.argmin(cost_of(counts, costs)[allowed])]
    rule = (
        f"the cheapest among the thresholds whose {metric} lies within one standard error ({error:.4f}) "
        f"of the best ({values[best]:.4f}) on out-of-fold predictions"
    )
    return Threshold(float(counts.thresholds[chosen]), rule, curve)


def best_threshold(actual: np.ndarray, scores: np.ndarray, metric: str, at_least: float | None = None) -> float:
    """The threshold with the best metric on these rows, costs aside."""
    if metric not in BY_LABEL:
        return 0.5
    counts = count_at_thresholds(actual, scores)
    return float(counts.thresholds[int(np.argmax(objective(metric, counts, at_least)[0]))])


def count_at_thresholds(actual: np.ndarray, scores: np.ndarray) -> Counts:
    """Count at every threshold that tells two scores apart.

    A threshold lies midway between two neighbouring scores, so that a difference in the last digit between two
    runtimes cannot change a label.
    """
    scores = scores.astype(np.float32).astype(np.float64)
    order = np.argsort(-scores, kind="stable")
    ranked, hits = scores[order], actual[order] == 1
    last = np.flatnonzero(np.append(np.diff(ranked) != 0, True))
    tp = np.cumsum(hits)[last].astype(np.float64)
    fp = (last + 1) - tp
    values = ranked[last]
    below = np.append(values[1:], values[-1] / 2 if values[-1] > 0 else values[-1] - 1e-6)
    return Counts((values + below) / 2, tp, fp, float(hits.sum()), float((~hits).sum()))


def objective(metric: str, counts: Counts, at_least: float | None) -> tuple[np.ndarray, str]:
    """What to maximise over thresholds, and its name.

    Precision alone is best with one alarm and recall alone with nothing but alarms, so each is paired: the best other
    one that keeps the goal, or F1 where the goal gives no number.
    """
    if metric not in ("precision", "recall"):
        return metric_at(metric, counts), f"the best {metric}"
    if at_least is None:
        return metric_at("f1", counts), f"the best F1 (the best {metric} alone would be a model that says one thing)"
    other = "recall" if metric == "precision" else "precision"
    value = metric_at(metric, counts)
    kept = value >= at_least
    if not kept.any():
        return metric_at("f1", counts), f"the best F1, because no threshold reaches a {metric} of {at_least:g}"
    return np.where(kept, metric_at(other, counts), -1.0), f"the best {other} with a {metric} of at least {at_least:g}"


def metric_at(metric: str, counts: Counts) -> np.ndarray:
    """A metric of labels at every threshold at once."""
    tp, fp, fn, tn = counts.tp, counts.fp, counts.fn, counts.tn
    precision, recall = ratio(tp, tp + fp), ratio(tp, tp + fn)
    f1 = ratio(2 * tp, 2 * tp + fp + fn)
    f1_other = ratio(2 * tn, 2 * tn + fp + fn)
    total = counts.positives + counts.negatives
    if metric == "precision":
        return precision
    if metric == "recall":
        return recall
    if metric == "f1":
        return f1
    if metric == "f1_macro":
        return (f1 + f1_other) / 2
    if metric == "f1_weighted":
        return (f1 * counts.positives + f1_other * counts.negatives) / total
    if metric == "accuracy":
        return (tp + tn) / total
    if metric == "balanced_accuracy":
        return (recall + ratio(tn, tn + fp)) / 2
    spread = np.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn))
    return ratio(tp * tn - fp * fn, spread)


def cost_of(counts: Counts, costs: Costs) -> np.ndarray:
    """The total cost at every threshold."""
    return counts.fp * costs.false_positive + counts.fn * costs.false_negative


def standard_error(
    actual: np.ndarray, scores: np.ndarray, folds: np.ndarray, metric: str, threshold: float, at_least: float | None
) -> float:
    """The standard error over folds of what is maximised, at one threshold."""
    name = metric
    if metric in ("precision", "recall"):
        name = "f1" if at_least is None else ("recall" if metric == "precision" else "precision")
    each = []
    for fold in np.unique(folds):
        inside = folds == fold
        if np.unique(actual[inside]).size == 2:
            each.append(value_at(name, actual[inside], scores[inside], threshold))
    if len(each) > 1:
        return float(np.std(each, ddof=1) / np.sqrt(len(each)))
    # A single holdout has no folds: resample its rows.
    random = np.random.default_rng(0)
    picks = (random.integers(0, len(actual), len(actual)) for _ in range(200))
    return float(np.std([value_at(name, actual[pick], scores[pick], threshold) for pick in picks], ddof=1))


def value_at(metric: str, actual: np.ndarray, scores: np.ndarray, threshold: float) -> float:
    said = scores.astype(np.float32).astype(np.float64) >= threshold
    tp = float(np.sum(said & (actual == 1)))
    fp = float(np.sum(said & (actual == 0)))
    positives = float(np.sum(actual == 1))
    one = Counts(np.array([threshold]), np.array([tp]), np.array([fp]), positives, len(actual) - positives)
    return float(metric_at(metric, one)[0])


def threshold_curve(counts: Counts, costs: Costs | None, points: int = 200) -> list[dict[str, float]]:
    """Precision, recall, F1 and cost along the thresholds, at most `points` of them."""
    pick = np.unique(np.linspace(0, len(counts.thresholds) - 1, min(points, len(counts.thresholds))).astype(int))[::-1]
    precision, recall, f1 = (metric_at(name, counts)[pick] for name in ("precision", "recall", "f1"))
    cost = cost_of(counts, costs or Costs(1.0, 1.0))[pick]
    return [
        {"threshold": float(t), "precision": float(p), "recall": float(r), "f1": float(f), "cost": float(c)}
        for t, p, r, f, c in zip(counts.thresholds[pick], precision, recall, f1, cost, strict=True)
    ]


def ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    """A quotient that is 0 where the divisor is."""
    return np.divide(above, below, out=np.zeros_like(above, dtype=np.float64), where=below > 0)
