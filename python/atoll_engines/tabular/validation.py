"""The validation of the best trial: calibration, threshold and every metric, all from out-of-fold predictions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from atoll_engines.tabular.calibration import Calibrator, fit_calibrator
from atoll_engines.tabular.metrics import metric_names, score, score_all
from atoll_engines.tabular.request import Request
from atoll_engines.tabular.thresholds import Threshold, choose_threshold
from atoll_engines.tabular.trial import Predictions, Trials, parts_of


@dataclass(frozen=True)
class Validation:
    """What the folds say of the model."""

    predictions: np.ndarray
    calibrator: Calibrator | None
    threshold: Threshold | None
    # By metric: mean, std and the folds' values, each with a threshold chosen on the other folds.
    metrics: dict[str, dict[str, Any]]
    # By metric: the value over all out-of-fold rows at the final threshold.
    pooled: dict[str, float]
    # Of several labels a row, for each label the probability from which on it is given.
    thresholds: list[float] | None = None


def validate(trials: Trials, predictions: Predictions, request: Request) -> Validation:
    """Calibrate, choose the threshold and score, in that order."""
    actual = trials.preparation.target[predictions.rows]
    part = parts_of(predictions)
    values = predictions.values
    calibrator = None
    if request.calibration != "none":
        calibrator = fit_calibrator(request.calibration, values, actual)
        values = cross_calibrated(request.calibration, values, actual, part)
    threshold = None
    if request.task == "binary":
        threshold = choose_threshold(actual, values[:, 1], part, request.metric, request.costs, request.at_least)
    if request.task == "multilabel":
        return validate_labels(actual, values, part)
    metrics = fold_metrics(actual, values, part, request)
    pooled = score_all(actual, values, request.task, threshold.value if threshold else None)
    return Validation(values, calibrator, threshold, metrics, pooled)


def validate_labels(actual: np.ndarray, values: np.ndarray, part: np.ndarray) -> Validation:
    """Several labels a row: each has a threshold of its own, chosen for its F1 on the other parts."""
    from atoll_engines.evaluation import multilabel

    folds: dict[str, list[float]] = {name: [] for name in metric_names("multilabel")}
    for number in np.unique(part):
        inside = part == number
        chosen = multilabel.best_thresholds(actual[~inside], values[~inside])
        for name, each in folds.items():
            each.append(multilabel.score(name, actual[inside], values[inside], chosen))
    thresholds = multilabel.best_thresholds(actual, values)
    pooled = multilabel.score_all(actual, values, thresholds)
    return Validation(values, None, None, summarised(folds), pooled, thresholds)


def cross_calibrated(kind: str, values: np.ndarray, actual: np.ndarray, part: np.ndarray) -> np.ndarray:
    """Each part calibrated by a curve fitted on the other parts, so that no row judges its own calibration."""
    result = np.empty_like(values)
    for number in np.unique(part):
        inside = part == number
        result[inside] = fit_calibrator(kind, values[~inside], actual[~inside]).apply(values[inside])
    return result


def fold_metrics(actual: np.ndarray, values: np.ndarray, part: np.ndarray, request: Request) -> dict[str, dict[str, Any]]:
    """Every metric on every fold, with the threshold that the other folds choose by the same rule."""
    folds: dict[str, list[float]] = {name: [] for name in metric_names(request.task)}
    for number in np.unique(part):
        inside = part == number
        threshold = None
        if request.task == "binary":
            others = ~inside
            threshold = choose_threshold(
                actual[others], values[others, 1], part[others], request.metric, request.costs, request.at_least
            ).value
        for name in folds:
            folds[name].append(score(name, actual[inside], values[inside], threshold))
    return summarised(folds)


def summarised(folds: dict[str, list[float]]) -> dict[str, dict[str, Any]]:
    """Mean and standard deviation over the folds."""
    return {
        name: {
            "mean": float(np.nanmean(each)) if not np.isnan(each).all() else float("nan"),
            "std": float(np.nanstd(each, ddof=1)) if len(each) > 1 else 0.0,
            "folds": each,
        }
        for name, each in folds.items()
    }
