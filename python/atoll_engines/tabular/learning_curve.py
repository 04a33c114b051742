"""The learning curve: how the score changes with the number of rows to learn from."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import numpy as np

from atoll_engines.errors import EngineError
from atoll_engines.tabular.algorithms.model import Algorithm
from atoll_engines.tabular.folds import Fold
from atoll_engines.tabular.preparation import FoldFeatures
from atoll_engines.tabular.streaming import StreamedPreparation
from atoll_engines.tabular.trial import Trials, fit_model

SHARES = (0.1, 0.2, 0.4, 0.7, 1.0)
LEAST_ROWS = 30
MOST_STREAMED = 500_000


def learning_curve(trials: Trials, algorithm: Algorithm, params: dict[str, Any], until: float) -> dict[str, Any]:
    """Scores on one fold's held-out rows, and on the rows fitted on, after learning from growing parts of them.

    Every part is a random one that holds the smaller ones.
    """
    fold = trials.division.folds[0]
    order = np.random.default_rng(trials.setting.seed).permutation(fold.train)
    streamed = isinstance(trials.preparation, StreamedPreparation)
    points: list[dict[str, Any]] = []
    for share in SHARES:
        count = max(LEAST_ROWS, round(share * len(order)))
        count = min(count, MOST_STREAMED) if streamed else count
        if points and (count == points[-1]["rows"] or time.monotonic() > until):
            break
        part = shuffled_part(trials, algorithm, count) if streamed else refitted_part(trials, algorithm, Fold(order[:count], fold.valid))
        if part is not None:
            points.append({"rows": count, **scores(trials, algorithm, params, part)})
        if streamed and count >= MOST_STREAMED:
            break
    return {"metric": trials.metric, "points": points}


def refitted_part(trials: Trials, algorithm: Algorithm, fold: Fold) -> FoldFeatures | None:
    """A part of the rows with a recipe of its own; None where it is too small to learn anything from."""
    classes = trials.setting.classes
    if classes and len(np.unique(trials.preparation.target[fold.train])) < classes:
        return None
    try:
        return trials.preparation.part(algorithm.family, Fold(np.sort(fold.train), fold.valid))[1]
    except EngineError:
        return None


def shuffled_part(trials: Trials, algorithm: Algorithm, count: int) -> FoldFeatures:
    """The first of a very large table's rows, which are in random order."""
    whole = trials.preparation.fold(algorithm.family, 0, trials.division.folds[0])
    return replace(
        whole,
        x_train=whole.x_train[:count],
        y_train=whole.y_train[:count],
        x_valid=whole.x_valid[:MOST_STREAMED],
        y_valid=whole.y_valid[:MOST_STREAMED],
    )


def scores(trials: Trials, algorithm: Algorithm, params: dict[str, Any], part: FoldFeatures) -> dict[str, float]:
    model = fit_model(
        algorithm, params | {"stop_early": False}, part.x_train, part.y_train, trials.setting, is_shuffled=part.is_shuffled
    )
    return {
        "train": trials.fold_score(part.y_train, model.predict(part.x_train)),
        "validation": trials.fold_score(part.y_valid, model.predict(part.x_valid)),
    }
