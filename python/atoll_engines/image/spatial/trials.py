"""Trials of networks of places: fitted once on most rows, scored on the rest in the images' own pixels."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from atoll_engines.image.spatial.part import Answering, Part
from atoll_engines.image.spatial.placement import Placement
from atoll_engines.image.spatial.setting import SpatialSetting
from atoll_engines.tabular.algorithms.model import Algorithm
from atoll_engines.tabular.trial import Outcome, Trials


@dataclass
class Truths:
    """The rows that are learnt from: what is true of each, and where it lies in its square."""

    values: list[Any]
    placements: list[Placement]


@dataclass(frozen=True)
class SpatialTrials(Trials):
    """Each trial's scores are kept, so that none is worked out again."""

    images: SpatialSetting | None = None
    part: Part | None = None
    about: Answering | None = None
    truths: Truths | None = None
    scored: dict[str, dict[str, float]] = field(default_factory=dict)

    def run(
        self,
        algorithm: Algorithm,
        params: dict[str, Any],
        give_up: Callable[[list[float]], str | None],
        on_fold: Callable[[int, float], None] | None = None,
        on_round: Callable[[int, int, float], None] | None = None,
    ) -> Outcome:
        started = time.monotonic()
        fold = self.division.folds[0]
        model = self.fitted(algorithm, params)
        scores = self.scores(model, fold.valid)
        self.scored[key_of(algorithm.name, params)] = scores
        value = scores[self.metric]
        if on_fold:
            on_fold(0, value)
        if not np.isfinite(value):
            return Outcome("failed", [], time.monotonic() - started, reason="the held-out images hold nothing to be found")
        return Outcome("complete", [value], time.monotonic() - started, interim=[value])

    def fitted(self, algorithm: Algorithm, params: dict[str, Any]) -> Any:
        """The fit of these parameters; with checkpoints one that was made before is taken up as it ended."""
        fold = self.division.folds[0]
        self.images.watched = fold.valid
        try:
            model = algorithm.build(params, self.images)
            model.fit(fold.train)
            return model
        finally:
            self.images.watched = None

    def scores(self, model: Any, places: np.ndarray) -> dict[str, float]:
        return self.part.scores(self.evidence(model, places), self.about)

    def evidence(self, model: Any, places: np.ndarray) -> list[Any]:
        found = []
        for start in range(0, len(places), 64):
            here = places[start : start + 64]
            for place, said in zip(here, model.predict(self.images.images, here), strict=True):
                answer = self.part.answer(said, self.truths.placements[place], self.about)
                found.append(self.part.evidence(self.truths.values[place], answer, self.about))
        return found


def key_of(name: str, params: dict[str, Any]) -> str:
    return f"{name} {sorted(params.items())!r}"
