"""Trials that are given up while they are fitted: successive halving over rounds of boosting or epochs of a network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from atoll_engines.tuning.halving import Hyperband, SuccessiveHalving

STRATEGIES = ("asha", "hyperband")
ETA = 3
# A trial is compared for the first time after this share of its rounds.
FIRST_SHARE = 27


class NotWorthGoingOn(Exception):
    """Raised from within a fit; its text is the reason."""


@dataclass
class Halved:
    """One algorithm's rungs. What each trial scored at them is kept with the trial, so that a resumed search knows it."""

    strategy: str
    rounds: int
    # Losses at rungs by trial: {trial: {rounds: loss}}.
    seen: dict[int, dict[int, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        least = max(1, self.rounds // FIRST_SHARE)
        self.scheduler = Hyperband(self.rounds, ETA) if self.strategy == "hyperband" else SuccessiveHalving(least, self.rounds, ETA)

    def recall(self, trial: int, rungs: dict[str, float]) -> None:
        """A finished trial of an earlier attempt."""
        for rounds, loss in rungs.items():
            self.goes_on(trial, int(rounds), float(loss))

    def goes_on(self, trial: int, rounds: int, loss: float, knows: Callable[[int], bool] = lambda _: True) -> bool:
        """Whether a trial is worth more rounds, by what is known of the trials that it may look at."""
        if rounds in self.levels(trial):
            self.seen.setdefault(trial, {})[rounds] = loss
        return self.scheduler.goes_on(trial, rounds, loss, knows)

    def levels(self, trial: int) -> list[int]:
        return self.scheduler.levels(trial)


def watcher(
    levels: list[int], goes_on: Callable[[int, float], bool], tell: Callable[[int, int, float], None] | None
) -> Callable[[int, int, float], None]:
    """For the fit: told of each round of each fold; only the first fold decides, and only at the rungs."""

    def on_round(fold: int, step: int, loss: float) -> None:
        if tell:
            tell(fold, step, loss)
        rounds = step + 1
        if fold == 0 and rounds in levels and not goes_on(rounds, loss):
            raise NotWorthGoingOn(f"not among the best third after {rounds} rounds")

    return on_round
