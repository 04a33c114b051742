"""The learning curve: how the score changes with the number of rows to learn from."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from atoll_engines.errors import EngineError
from atoll_engines.tabular.algorithms.model import Algorithm
from atoll_engines.tabular.folds import Fold
from atoll_engines.tabular.metrics import BY_LABEL, score
from atoll_engines.tabular.thresholds import best_threshold
from atoll_engines.tabular.trial import Trials, fit_model

SHARES = (0.1, 0.2, 0.4, 0.7, 1.0)
LEAST_ROWS = 30


def learning_curve(trials: Trials, algorithm: Algorithm, params: dict[str, Any], until: float) -> dict[str, Any]:
    """Scores on one fold's held-out rows, and on the rows fitted on, after learning from growing parts of them.

    Every part is a random one that holds the smaller ones.
    """
    fold = trials.division.folds[0]
    order = np.random.default_rng(trials.setting.seed).permutation(fold.train)
    points = []
    for share in SHARES:
        rows = np.sort(order[: max(LEAST_ROWS, round(share * len(order)))])
        if points and len(rows) == points[-1]["rows"]:
            continue
        point = point_of(trials, algorithm, params, Fold(rows, fold.valid))
        if point:
            points.append(point)
        if time.monotonic() > until:
            break
    return {"metric": trials.metric, "points": points}


def point_of(trials: Trials, algorithm: Algorithm, params: dict[str, Any], fold: Fold) -> dict[str, Any] | None:
    preparation, setting = trials.preparation, trials.setting
    if setting.classes and len(np.unique(preparation.target[fold.train])) < setting.classes:
        return None
    try:
        recipe = preparation.fit(algorithm.family, fold.train)
    except EngineError:
        # A small part of the rows may leave a step with nothing to learn from.
        return None
    y = preparation.target[fold.train[np.asarray(recipe.training_rows)]]
    model = fit_model(algorithm, params | {"stop_early": False}, recipe.training_features, y, setting)
    valid = model.predict(recipe.transform(preparation.frame.iloc[fold.valid]))
    seen = model.predict(recipe.transform(preparation.frame.iloc[fold.train]))
    return {
        "rows": len(fold.train),
        "train": best_score(trials, preparation.target[fold.train], seen),
        "validation": best_score(trials, preparation.target[fold.valid], valid),
    }


def best_score(trials: Trials, actual: np.ndarray, predicted: np.ndarray) -> float:
    threshold = None
    if trials.setting.task == "binary" and trials.metric in BY_LABEL:
        threshold = best_threshold(actual, predicted[:, 1], trials.metric, trials.at_least)
    return score(trials.metric, actual, predicted, threshold)
