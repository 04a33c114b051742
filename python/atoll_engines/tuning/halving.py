"""Which trials are worth going on: successive halving, ASHA and Hyperband.

A trial is scored at rungs: after `least`, `least·eta`, `least·eta²`, … units of a resource (epochs, rounds, rows).
At each rung the best `1/eta` go on. Less is better for every score here.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class Rungs:
    """Asynchronous successive halving (ASHA, Li et al. 2020) in its stopping form: a trial that is not among the best `1/eta` of those
    that reached a rung ends there, without waiting for others."""

    least: int
    most: int
    eta: int = 3
    # Scores by resource, of every trial that reached it: {resource: {trial: score}}.
    scores: dict[int, dict[int, float]] = field(default_factory=dict)

    @property
    def levels(self) -> list[int]:
        """Where trials are compared; the last level is the end, not a rung."""
        levels, at = [], self.least
        while at < self.most:
            levels.append(at)
            at *= self.eta
        return levels

    def goes_on(self, trial: int, resource: int, score: float, knows: Callable[[int], bool] = lambda _: True) -> bool:
        """Notes a trial's score after so much of the resource, and says whether it goes on, compared with the trials it `knows`."""
        if resource not in self.levels:
            return True
        score = score if math.isfinite(score) else math.inf
        reached = self.scores.setdefault(resource, {})
        reached[trial] = score
        others = [value for other, value in reached.items() if other == trial or knows(other)]
        if len(others) < self.eta:
            # Too few to say who is best: only what is no number ends here.
            return math.isfinite(score)
        kept = max(1, len(others) // self.eta)
        return score <= sorted(others)[kept - 1]


@dataclass(frozen=True)
class Bracket:
    """So many trials begin with so much of the resource each."""

    trials: int
    least: int


def hyperband(most: int, eta: int = 3) -> list[Bracket]:
    """The brackets of Hyperband (Li et al. 2018), from many short trials to few whole ones; together they cost about the same each."""
    deepest = int(math.log(max(1, most)) / math.log(eta) + 1e-9)
    brackets = []
    for depth in range(deepest, -1, -1):
        trials = math.ceil((deepest + 1) / (depth + 1) * eta**depth)
        brackets.append(Bracket(trials, max(1, round(most * eta**-depth))))
    return brackets


class Hyperband:
    """One ASHA for each bracket, in turn; `begin` says with how much the next trial starts."""

    def __init__(self, most: int, eta: int = 3) -> None:
        self.brackets = hyperband(most, eta)
        self.rungs = [Rungs(bracket.least, most, eta) for bracket in self.brackets]
        self._order = [number for number, bracket in enumerate(self.brackets) for _ in range(bracket.trials)]

    def bracket_of(self, trial: int) -> int:
        """Trials go through the brackets one after the other, and then from the first again."""
        return self._order[trial % len(self._order)]

    def levels(self, trial: int) -> list[int]:
        return self.rungs[self.bracket_of(trial)].levels

    def goes_on(self, trial: int, resource: int, score: float, knows: Callable[[int], bool] = lambda _: True) -> bool:
        return self.rungs[self.bracket_of(trial)].goes_on(trial, resource, score, knows)


class SuccessiveHalving:
    """One bracket of ASHA: every trial starts with the least."""

    def __init__(self, least: int, most: int, eta: int = 3) -> None:
        self.rungs = Rungs(least, most, eta)

    def levels(self, trial: int) -> list[int]:
        return self.rungs.levels

    def goes_on(self, trial: int, resource: int, score: float, knows: Callable[[int], bool] = lambda _: True) -> bool:
        return self.rungs.goes_on(trial, resource, score, knows)
