"""What a search tries next, and which trials it gives up: decisions by what is seen of the others."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from atoll_engines.processes import agreed
from atoll_engines.tabular.algorithms.model import Algorithm
from atoll_engines.tabular.halved import STRATEGIES as HALVING
from atoll_engines.tabular.limits import Limits
from atoll_engines.tabular.metrics import sign
from atoll_engines.tabular.objectives import Aims
from atoll_engines.tabular.record import Record
from atoll_engines.tabular.space import History, grid_points, random_point, sampled_point
from atoll_engines.tabular.trial import ROUNDS_WHEN_SMALL, STOP_EARLY_FROM, Trials
from atoll_engines.tuning.space import Space

# Which contender has its turn, best first: the leader twice as often as the second, and so on.
TURNS = (0, 1, 0, 2, 0, 1, 3, 0, 1, 2)
MOST_FAILURES = 5
# Of an earlier search on other data so many of an algorithm's best trials are tried again.
TRIED_AGAIN = 3
# `auto` uses a Gaussian process up to so many parameters, for so many trials.
GP_MOST_AXES, GP_MOST_TRIALS = 8, 40


@dataclass(kw_only=True)
class Proposals:
    """Decides by the trials that are seen."""

    trials: Trials
    algorithms: list[Algorithm]
    limits: Limits
    imbalance: str
    spaces: dict[str, dict[str, Any]]
    # Trials of an earlier search, the best first; whether they were scored on these rows and folds, so that their scores hold.
    warm_start: list[dict[str, Any]]
    is_same_data: bool = False
    seed: int
    # Several objectives, where the search has them.
    aims: Aims = Aims()
    # Seconds the job has already used, in this attempt before the search or in an earlier one.
    used_seconds: float = 0.0
    started: float = 0.0
    # Rows that each fold is fitted on, at most.
    rows: int = 0
    is_auto: bool = True
    # Each algorithm's first trial goes through all folds: a weak model may still be worth something to an ensemble.
    is_for_ensemble: bool = False
    # Finished trials; of those side by side in the order in which they finished.
    records: list[Record] = field(default_factory=list)
    # What the decision in hand may look at: finished trials, and those under way without what came of them.
    seen: list[Record] = field(default_factory=list)
    # The trial that the decision in hand is about.
    number: int = 0

    def see(self, number: int, under_way: list[Record] | None = None) -> None:
        """What the decisions of a trial may look at. With a lag these are the trials that had to finish before it began, however
        many more have finished since; of the others only that they were begun."""
        finished = [record for record in self.records if record.trial < number or not self.limits.lag]
        begun = [record for record in under_way or [] if record.trial < number]
        if self.limits.lag > 1:
            begun += [
                Record.under_way(record.trial, record.algorithm, record.params)
                for record in finished
                if record.trial > number - self.limits.lag
            ]
            finished = [record for record in finished if record.trial <= number - self.limits.lag]
        self.seen = sorted([*finished, *begun], key=lambda record: record.trial)
        self.number = number

    def elapsed(self) -> float:
        return agreed(self.used_seconds + time.monotonic() - self.started)

    def is_spent(self) -> bool:
        if self.number >= self.limits.trials:
            return True
        return self.limits.seconds is not None and self.elapsed() >= self.limits.seconds

    def next_proposal(self) -> tuple[Algorithm, dict[str, Any]] | None:
        """The next trial: the baseline, then each algorithm's start, then the search among the contenders."""
        tried = {record.algorithm for record in self.seen}
        for algorithm in self.algorithms:
            if algorithm.name in tried:
                continue
            if algorithm.family is None or self.may_start(tried):
                return algorithm, self.start(algorithm)
        if self.is_spent() or self.limits.strategy == "none" or self.would_be_cut_short():
            return None
        return self.search_proposal()

    def would_be_cut_short(self) -> bool:
        """On a single holdout a trial cannot be given up between folds, so the last one must fit into the time."""
        last = next((record for record in reversed(self.seen) if record.outcome.state != "running"), None)
        if self.limits.seconds is None or len(self.trials.division.folds) > 1 or last is None:
            return False
        return agreed(self.elapsed() + last.outcome.seconds > self.limits.seconds)

    def may_start(self, tried: set[str]) -> bool:
        """An algorithm asked for by name always has a first trial; of `auto` at least one, then while time lasts."""
        if not self.is_auto or len(tried) < 2:
            return True
        if self.number >= self.limits.trials:
            return False
        return self.limits.seconds is None or self.elapsed() < 0.6 * self.limits.seconds

    def search_proposal(self) -> tuple[Algorithm, dict[str, Any]] | None:
        contenders = self.contenders()
        for turn in range(len(contenders)):
            position = TURNS[(self.number + turn) % len(TURNS)] % len(contenders)
            algorithm = contenders[position] if turn == 0 else contenders[turn % len(contenders)]
            params = self.propose(algorithm)
            if params is not None:
                return algorithm, params
        return None

    def contenders(self) -> list[Algorithm]:
        """The algorithms worth more trials: those within two standard errors of the leader, best first."""
        searchable = [one for one in self.algorithms if self.space(one) and not self.is_hopeless(one.name)]
        if not self.is_auto:
            order = {one.name: number for number, one in enumerate(searchable)}
            return sorted(searchable, key=lambda one: (-self.best_of(one.name), order[one.name]))
        leader = self.best()
        if leader is None or not searchable:
            return searchable
        if self.aims:
            unbeaten = {record.algorithm for record in self.aims.front(self.seen)}
            return [one for one in searchable if one.name in unbeaten] or searchable
        slack = 2 * leader.outcome.std / max(1, len(leader.outcome.folds)) ** 0.5
        bar = self.gain(leader) - max(slack, 1e-3 * abs(self.gain(leader)))
        near = [one for one in searchable if self.best_of(one.name) >= bar]
        return sorted(near, key=lambda one: -self.best_of(one.name))

    def is_hopeless(self, name: str) -> bool:
        """Whether an algorithm has failed so often, and never done otherwise, that more of the budget is lost on it."""
        if self.limits.strategy == "grid":
            return False
        states = [record.outcome.state for record in self.seen if record.algorithm == name]
        return len(states) >= MOST_FAILURES and set(states) == {"failed"}

    def propose(self, algorithm: Algorithm) -> dict[str, Any] | None:
        """The algorithm's next parameters, or None when there is nothing left to try."""
        own = [record for record in self.seen if record.algorithm == algorithm.name]
        queue = self.queue(algorithm)
        for params in queue:
            if not any(record.params == params for record in own):
                return params
        if self.limits.strategy == "grid":
            return None
        seed = self.seed * 100_003 + self.number
        base = self.start(algorithm)
        strategy = self.sampler(algorithm, own)
        if strategy == "random":
            return base | random_point(self.space(algorithm), seed)
        return base | sampled_point(strategy, self.space(algorithm), self.history(algorithm.name, own), self.seed, self.number)

    def sampler(self, algorithm: Algorithm, own: list[Record]) -> str:
        """Which sampler a strategy stands for. `auto`: few trials of numbers alone are what a Gaussian process is best at."""
        if self.limits.strategy in HALVING:
            return "tpe"
        if self.limits.strategy != "auto":
            return self.limits.strategy
        axes = Space(self.space(algorithm))
        return "gp" if len(axes) <= GP_MOST_AXES and not axes.is_choice.any() and len(own) < GP_MOST_TRIALS else "tpe"

    def history(self, name: str, own: list[Record]) -> History:
        """What a sampler is told of an algorithm's trials; of those under way only where they are, of earlier ones on other data a hint."""
        told = [(record.params, losses) for record in own if (losses := self.losses(record)) is not None]
        under_way = [record.params for record in own if record.outcome.state == "running"]
        known = [record.params for record in own]
        earlier = [(one["params"], -sign(self.trials.metric) * float(one["score"])) for one in self.before(name)]
        if not self.is_same_data or self.aims:
            return History(told, under_way, [] if self.aims else earlier)
        base = self.start_of(name)
        return History([(params, (loss,)) for params, loss in earlier if base | params not in known] + told, under_way)

    def start_of(self, name: str) -> dict[str, Any]:
        return self.start(next(one for one in self.algorithms if one.name == name))

    def losses(self, record: Record) -> tuple[float, ...] | None:
        """Less is better; one number for each objective, None for a trial that says nothing."""
        if self.aims:
            return self.aims.losses(record)
        return (-self.gain(record),) if record.outcome.interim else None

    def queue(self, algorithm: Algorithm) -> list[dict[str, Any]]:
        """What is tried before the sampler has its say: what won before, then settings known to be good."""
        base = self.start(algorithm)
        if self.limits.strategy == "grid":
            return [base | point for point in grid_points(self.space(algorithm))]
        # Scores that hold need no second trial, but the best must be fitted here to be taken.
        before = [one["params"] for one in self.before(algorithm.name)][: 1 if self.is_same_data else TRIED_AGAIN]
        known = [] if algorithm.name in self.spaces else list(algorithm.starts)
        return [base | params for params in [*before, *known]]

    def before(self, name: str) -> list[dict[str, Any]]:
        """What an earlier search tried of an algorithm."""
        return [one for one in self.warm_start if one.get("algorithm") == name]

    def start(self, algorithm: Algorithm) -> dict[str, Any]:
        """The parameters of an algorithm's first trial."""
        params = dict(algorithm.defaults)
        if algorithm.rounds and self.rows < STOP_EARLY_FROM:
            params[algorithm.rounds] = ROUNDS_WHEN_SMALL
        for name, range_ in self.spaces.get(algorithm.name, {}).items():
            if not isinstance(range_, dict):
                params[name] = range_
        if algorithm.family is not None and self.trials.setting.classes:
            params["imbalance"] = "none" if self.imbalance == "auto" else self.imbalance
        return params

    def space(self, algorithm: Algorithm) -> dict[str, Any]:
        """What the search may vary."""
        space = dict(self.spaces.get(algorithm.name, algorithm.space))
        if not algorithm.space and algorithm.name not in self.spaces:
            return {}
        if algorithm.rounds and self.rows < STOP_EARLY_FROM and algorithm.name not in self.spaces:
            space[algorithm.rounds] = {"int": [30, 400], "log": True}
        if self.imbalance == "auto" and self.trials.setting.classes and algorithm.weighted and self.is_unequal():
            space["imbalance"] = {"choice": ["none", "class_weight"]}
        return space

    def is_unequal(self) -> bool:
        if self.trials.preparation.target.ndim > 1:
            return False
        counts = np.bincount(self.trials.preparation.target, minlength=self.trials.setting.classes)
        return bool(counts.min() / counts.sum() < 0.8 / len(counts))

    def give_up(self, algorithm: Algorithm, interim: list[float]) -> str | None:
        """Whether a trial is not worth its other folds.

        The median rule (Golovin et al. 2017): worse after these folds than half of the algorithm's trials were then;
        or far behind the leader on the same folds; or out of time.
        """
        toward = sign(self.trials.metric)
        so_far = toward * float(np.mean(interim))
        leader = self.best()
        if leader is None or leader.algorithm == "baseline":
            return None
        if self.is_for_ensemble and not any(record.algorithm == algorithm.name for record in self.seen):
            return None
        if self.limits.seconds is not None and self.elapsed() > self.limits.seconds:
            return "the budget was spent"
        done = len(interim)
        # What is worse may still be faster or smaller.
        if done < 2 or self.limits.strategy == "grid" or self.aims:
            return None
        ahead = toward * float(np.mean(leader.outcome.interim[:done]))
        spread = float(np.std(leader.outcome.interim, ddof=1))
        if ahead - so_far > max(4 * spread, 0.02 * abs(ahead)):
            return f"far behind the best after {done} folds"
        peers = [
            toward * float(np.mean(record.outcome.interim[:done]))
            for record in self.seen
            if record.algorithm == algorithm.name and len(record.outcome.interim) >= done
        ]
        if len(peers) >= 4 and so_far < float(np.median(peers)) and so_far < ahead - spread / 2:
            return f"below the median of its algorithm after {done} folds"
        return None

    def gain(self, record: Record) -> float:
        """A record's score, so turned that more is better; a pruned one counts by the folds it had."""
        if record.outcome.state == "complete":
            return sign(self.trials.metric) * record.outcome.score
        if record.outcome.interim:
            return sign(self.trials.metric) * float(np.mean(record.outcome.interim))
        return float("-inf")

    def best(self) -> Record | None:
        """The best model; the baseline is what models are compared with, and wins only where there is no other."""
        complete = [record for record in self.seen if record.outcome.state == "complete"]
        usable = [record for record in complete if np.isfinite(record.outcome.score)]
        models = [record for record in usable if record.algorithm != "baseline"]
        # `max` keeps the first of equals, so an earlier model wins a tie.
        return max(models or usable, key=self.gain, default=None)

    def best_of(self, name: str) -> float:
        own = [self.gain(record) for record in self.seen if record.algorithm == name]
        return max(own, default=float("-inf"))
