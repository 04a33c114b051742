"""The learning curve: how the score changes with the number of rows to learn from."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import numpy as np

from atoll_engines.errors import EngineError
from atoll_engines.tabular.algorithms.model import Model
from atoll_engines.tabular.folds import Fold
from atoll_engines.tabular.preparation import FoldFeatures
from atoll_engines.tabular.solution import Single, Solution
from atoll_engines.tabular.streaming import StreamedPreparation
from atoll_engines.tabular.trial import Trials

SHARES = (0.1, 0.2, 0.4, 0.7, 1.0)
LEAST_ROWS = 30
MOST_STREAMED = 500_000


def learning_curve(trials: Trials, solution: Solution, until: float) -> dict[str, Any]:
    """Scores on one fold's held-out rows, and on the rows fitted on, after learning from growing parts of them.

    Every part is a random one that holds the smaller ones.
    """
    fold = trials.division.folds[0]
    order = np.random.default_rng(trials.setting.seed).permutation(fold.train)
    streamed = isinstance(trials.preparation, StreamedPreparation)
    if streamed and solution.algorithm.is_ensemble:
        return {"metric": trials.metric, "points": []}
    points: list[dict[str, Any]] = []
    for share in SHARES:
        count = max(LEAST_ROWS, round(share * len(order)))
        count = min(count, MOST_STREAMED) if streamed else count
        if points and (count == points[-1]["rows"] or time.monotonic() > until):
            break
        found = on_first_rows(trials, solution, count) if streamed else on_part(trials, solution, Fold(order[:count], fold.valid))
        if found is not None:
            points.append({"rows": count, **found})
        if streamed and count >= MOST_STREAMED:
            break
    return {"metric": trials.metric, "points": points}


def on_part(trials: Trials, solution: Solution, fold: Fold) -> dict[str, float] | None:
    """Scores after learning from a part of the rows, its recipe too; None where it is too small to learn anything from."""
    classes = trials.setting.classes
    if classes and len(np.unique(trials.preparation.target[fold.train])) < classes:
        return None
    try:
        _, model, part = solution.on_fold(Fold(np.sort(fold.train), fold.valid))
    except EngineError:
        return None
    return scores(trials, model, part)


def on_first_rows(trials: Trials, solution: Single, count: int) -> dict[str, float]:
    """Scores after learning from the first of a very large table's rows, which are in random order."""
    whole = trials.preparation.fold(solution.algorithm.family, 0, trials.division.folds[0])
    part = replace(
        whole,
        x_train=whole.x_train[:count],
        y_train=whole.y_train[:count],
        x_valid=whole.x_valid[:MOST_STREAMED],
        y_valid=whole.y_valid[:MOST_STREAMED],
    )
    return scores(trials, solution.on_features(part), part)


def scores(trials: Trials, model: Model, part: FoldFeatures) -> dict[str, float]:
    return {
        "train": trials.fold_score(part.y_train, model.predict(part.x_train)),
        "validation": trials.fold_score(part.y_valid, model.predict(part.x_valid)),
    }
