"""Trials over items of media, and how few of them there are: in the place of features a row has a place in the array of items."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from atoll_engines.tabular.algorithms.model import Algorithm
from atoll_engines.tabular.folds import Division, Fold
from atoll_engines.tabular.limits import Limits, read_limits
from atoll_engines.tabular.trial import Outcome, Trials

MOST_VALIDATED = 5000


class WatchedSetting(Protocol):
    """A job as its models see it; `watched` are the items and targets that a fit validates on."""

    watched: tuple[np.ndarray, np.ndarray] | None


@dataclass(frozen=True)
class MediaTrials(Trials):
    """Trials whose networks are validated epoch by epoch on the rows that score them."""

    media: WatchedSetting | None = None

    def run(
        self,
        algorithm: Algorithm,
        params: dict[str, Any],
        give_up: Callable[[list[float]], str | None],
        on_fold: Callable[[int, float], None] | None = None,
        on_round: Callable[[int, int, float], None] | None = None,
    ) -> Outcome:
        valid = self.division.folds[0].valid
        self.media.watched = (self.preparation.items[valid], self.preparation.target[valid])
        try:
            return super().run(algorithm, params, give_up, on_fold, on_round)
        finally:
            self.media.watched = None


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


class Quiet:
    """Says nothing: what it would say is said later."""

    def warning(self, *_: Any, **__: Any) -> None: ...


def best_of_networks(search: Any, best: Any) -> Any:
    """The best record that looks at items at all: a package of the constant baseline would serve none."""
    if best.algorithm != "baseline":
        return best
    complete = [record for record in search.records if record.algorithm != "baseline" and record.outcome.state == "complete"]
    return max(complete, key=search.gain)


def few_trials(search: dict[str, Any]) -> Limits:
    """A network is fitted with its defaults; more trials only where they are asked for."""
    limits = read_limits(search)
    if (search.get("trials") or 0) > 1:
        return limits
    return Limits(limits.trials, search.get("budgetSeconds"), "none")
