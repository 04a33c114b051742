"""The images of a training job, in the place where other families have features: a feature is a place in the array."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from atoll_engines.image.setting import ImageSetting
from atoll_engines.tabular.algorithms.model import Algorithm
from atoll_engines.tabular.folds import Division, Fold
from atoll_engines.tabular.trial import Outcome, Trials

MOST_VALIDATED = 5000


@dataclass(frozen=True)
class ImageTrials(Trials):
    """Trials whose networks are validated epoch by epoch on the rows that score them."""

    images: ImageSetting | None = None

    def run(
        self,
        algorithm: Algorithm,
        params: dict[str, Any],
        give_up: Callable[[list[float]], str | None],
        on_fold: Callable[[int, float], None] | None = None,
        on_round: Callable[[int, int, float], None] | None = None,
    ) -> Outcome:
        valid = self.division.folds[0].valid
        self.images.watched = (self.preparation.items[valid], self.preparation.target[valid])
        try:
            return super().run(algorithm, params, give_up, on_fold, on_round)
        finally:
            self.images.watched = None


def one_holdout(division: Division, seed: int) -> Division:
    """A network is fitted once; of very many rows, a few thousand are enough to score it."""
    fold = division.folds[0]
    note = division.note if division.kind == "holdout" else f"the first of {division.note}"
    if (
        len(fold.valid) > MOST_VALIDATED
        and division.kind in ("stratified", "kfold")
        or (division.kind == "holdout" and "random" in division.note and len(fold.valid) > MOST_VALIDATED)
    ):
        kept = np.random.default_rng(seed).permutation(len(fold.valid)) < MOST_VALIDATED
        fold = Fold(np.sort(np.append(fold.train, fold.valid[~kept])), fold.valid[kept])
        note = f"{MOST_VALIDATED} rows held out at random"
    return replace(division, kind="holdout" if division.kind in ("stratified", "kfold") else division.kind, folds=(fold,), note=note)
