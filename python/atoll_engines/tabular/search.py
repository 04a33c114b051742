"""The search: which algorithm to try next, with which parameters, and when to stop."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from atoll_engines.contract import Report, append_line, read_lines
from atoll_engines.errors import BadInput, EngineError
from atoll_engines.processes import agreed
from atoll_engines.tabular.algorithms.model import Algorithm
from atoll_engines.tabular.halved import STRATEGIES as HALVING
from atoll_engines.tabular.halved import Halved, NotWorthGoingOn
from atoll_engines.tabular.metrics import sign
from atoll_engines.tabular.space import SAMPLERS, check_space, grid_points, random_point, sampled_point
from atoll_engines.tabular.trial import ROUNDS_WHEN_SMALL, STOP_EARLY_FROM, Outcome, Predictions, Trials
from atoll_engines.tuning.importance import importances
from atoll_engines.tuning.space import Space

DEFAULT_TRIALS = 40
DEFAULT_SECONDS = 120.0
# Which contender has its turn, best first: the leader twice as often as the second, and so on.
TURNS = (0, 1, 0, 2, 0, 1, 3, 0, 1, 2)
MOST_FAILURES = 5
# An ensemble takes at most so many trials of one algorithm.
KEPT_OF_EACH = 3


@dataclass
class Record:
    """One finished trial, as it stands in the checkpoint."""

    trial: int
    algorithm: str
    params: dict[str, Any]
    outcome: Outcome
    # Losses at the rungs of successive halving, by rounds.
    rungs: dict[str, float] = field(default_factory=dict)

    def line(self) -> dict[str, Any]:
        return {
            "trial": self.trial, "algorithm": self.algorithm, "params": self.params, "state": self.outcome.state,
            "score": self.outcome.score, "std": self.outcome.std, "folds": self.outcome.folds,
            "interim": self.outcome.interim, "rounds": self.outcome.rounds, "seconds": self.outcome.seconds,
            "reason": self.outcome.reason, "rungs": self.rungs,
        }  # fmt: skip

    @staticmethod
    def read(line: dict[str, Any]) -> Record:
        outcome = Outcome(
            state=line["state"], folds=line["folds"], seconds=line["seconds"], rounds=line["rounds"],
            reason=line["reason"], interim=line["interim"],
        )  # fmt: skip
        return Record(line["trial"], line["algorithm"], line["params"], outcome, line.get("rungs") or {})


@dataclass(frozen=True)
class Limits:
    """When the search ends."""

    trials: int
    seconds: float | None
    strategy: str


@dataclass
class Search:
    """Goes through the algorithms and their parameters; what is finished is on disk before the next one starts."""

    trials: Trials
    algorithms: list[Algorithm]
    limits: Limits
    imbalance: str
    spaces: dict[str, dict[str, Any]]
    warm_start: list[dict[str, Any]]
    checkpoint: Path
    report: Report
    seed: int
    # Seconds the job has already used, in this attempt before the search or in an earlier one.
    used_seconds: float = 0.0
    is_auto: bool = True
    # Each algorithm's first trial goes through all folds: a weak model may still be worth something to an ensemble.
    is_for_ensemble: bool = False
    records: list[Record] = field(default_factory=list)
    # Out-of-fold predictions of completed trials, by the trial's number; those before a restart are not among them.
    kept: dict[int, Predictions] = field(default_factory=dict)
    last_error: Exception | None = None
    halved: dict[str, Halved] = field(default_factory=dict)

    def run(self) -> Record:
        """Search until the limits; the best record."""
        self.started = time.monotonic()
        self.rows = max(len(fold.train) for fold in self.trials.division.folds)
        for algorithm in self.algorithms:
            check_space(algorithm.name, self.space(algorithm))
        self.resume()
        while (proposal := self.next_proposal()) is not None:
            self.try_one(*proposal)
        best = self.best()
        self.refuse_if_nothing_worked(best)
        self.warn_if_useless(best)
        self.report.progress("search", len(self.records), len(self.records), 0.0, "search finished")
        return best

    def run_only(self, trials: list[tuple[Algorithm, dict[str, Any]]]) -> Record:
        """Beside what `run` did, exactly these trials, in order; the best record."""
        for algorithm, params in trials[len(self.records) - 1 :]:
            self.try_one(algorithm, params)
        best = self.best()
        self.refuse_if_nothing_worked(best)
        return best

    def refuse_if_nothing_worked(self, best: Record | None) -> None:
        """Only failures beside the baseline mean that the job, not an algorithm, is at fault."""
        worked = {record.algorithm for record in self.records if record.outcome.state != "failed"}
        if best is not None and (len(self.algorithms) == 1 or worked - {"baseline"}):
            return
        if isinstance(self.last_error, EngineError):
            raise self.last_error
        failed = [record for record in self.records if record.outcome.state == "failed"]
        reasons = "; ".join(sorted({f"{record.algorithm}: {record.outcome.reason}" for record in failed}))
        raise EngineError(f"No trial could be completed. {reasons}")

    def warn_if_useless(self, best: Record) -> None:
        baseline = self.records[0]
        if best.algorithm != "baseline" and self.gain(best) <= self.gain(baseline):
            metric = self.trials.metric
            self.report.warning(
                "no_better_than_baseline",
                f"The best model's {metric} is {best.outcome.score:.4f}, no better than the baseline's "
                f"{baseline.outcome.score:.4f}: the columns say nothing about the target that the model could use.",
                metric=metric,
            )

    def resume(self) -> None:
        """Take up finished trials from the checkpoint."""
        self.records = [Record.read(line) for line in read_lines(self.checkpoint)]
        self.used_seconds += sum(record.outcome.seconds for record in self.records)
        for record in self.records:
            self.tell(record)
            if record.rungs:
                algorithm = next(one for one in self.algorithms if one.name == record.algorithm)
                self.halving_of(algorithm).recall(record.trial, record.rungs)
        if self.records:
            self.report.log(f"Resumed after {len(self.records)} finished trials.")

    def elapsed(self) -> float:
        return agreed(self.used_seconds + time.monotonic() - self.started)

    def is_spent(self) -> bool:
        if len(self.records) >= self.limits.trials:
            return True
        return self.limits.seconds is not None and self.elapsed() >= self.limits.seconds

    def next_proposal(self) -> tuple[Algorithm, dict[str, Any]] | None:
        """The next trial: the baseline, then each algorithm's start, then the search among the contenders."""
        tried = {record.algorithm for record in self.records}
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
        if self.limits.seconds is None or len(self.trials.division.folds) > 1 or not self.records:
            return False
        return agreed(self.elapsed() + self.records[-1].outcome.seconds > self.limits.seconds)

    def may_start(self, tried: set[str]) -> bool:
        """An algorithm asked for by name always has a first trial; of `auto` at least one, then while time lasts."""
        if not self.is_auto or len(tried) < 2:
            return True
        if len(self.records) >= self.limits.trials:
            return False
        return self.limits.seconds is None or self.elapsed() < 0.6 * self.limits.seconds

    def search_proposal(self) -> tuple[Algorithm, dict[str, Any]] | None:
        contenders = self.contenders()
        for turn in range(len(contenders)):
            position = TURNS[(len(self.records) + turn) % len(TURNS)] % len(contenders)
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
        slack = 2 * leader.outcome.std / max(1, len(leader.outcome.folds)) ** 0.5
        bar = self.gain(leader) - max(slack, 1e-3 * abs(self.gain(leader)))
        near = [one for one in searchable if self.best_of(one.name) >= bar]
        return sorted(near, key=lambda one: -self.best_of(one.name))

    def is_hopeless(self, name: str) -> bool:
        """Whether an algorithm has failed so often, and never done otherwise, that more of the budget is lost on it."""
        if self.limits.strategy == "grid":
            return False
        states = [record.outcome.state for record in self.records if record.algorithm == name]
        return len(states) >= MOST_FAILURES and set(states) == {"failed"}

    def propose(self, algorithm: Algorithm) -> dict[str, Any] | None:
        """The algorithm's next parameters, or None when there is nothing left to try."""
        own = [record for record in self.records if record.algorithm == algorithm.name]
        queue = self.queue(algorithm)
        for params in queue:
            if not any(record.params == params for record in own):
                return params
        if self.limits.strategy == "grid":
            return None
        seed = self.seed * 100_003 + len(self.records)
        base = self.start(algorithm)
        strategy = "tpe" if self.limits.strategy in HALVING else self.limits.strategy
        if strategy == "random":
            return base | random_point(self.space(algorithm), seed)
        history = [(record.params, -self.gain(record)) for record in own if record.outcome.interim]
        return base | sampled_point(strategy, self.space(algorithm), history, self.seed, len(self.records))

    def queue(self, algorithm: Algorithm) -> list[dict[str, Any]]:
        """What is tried before the sampler has its say: what won before, then settings known to be good."""
        base = self.start(algorithm)
        if self.limits.strategy == "grid":
            return [base | point for point in grid_points(self.space(algorithm))]
        before = [one["params"] for one in self.warm_start if one.get("algorithm") == algorithm.name]
        before.sort(key=lambda params: str(sorted(params.items())))
        known = [] if algorithm.name in self.spaces else list(algorithm.starts)
        return [base | params for params in [*before, *known]]

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

    def try_one(self, algorithm: Algorithm, params: dict[str, Any]) -> None:
        """Run one trial, record it, tell of it."""
        number = len(self.records)
        about = {"trial": number, "algorithm": algorithm.name}
        self.tell_progress(f"{algorithm.title}, trial {number + 1}")
        self.report.trial(
            **about, params=params, state="running", score=None, std=None, folds=[], seconds=0.0, reason=None
        )
        metric = self.trials.metric
        began = time.monotonic()
        is_first = not any(record.algorithm == algorithm.name for record in self.records)
        if is_first and algorithm.most_rows and self.rows > algorithm.most_rows:
            self.report.warning(
                "fitted_on_sample",
                f"{algorithm.title} is fitted on {algorithm.most_rows} of {self.rows} rows, drawn at random: "
                "its time or memory grows too fast with their number.",
                algorithm=algorithm.name,
                rows=algorithm.most_rows,
            )
        try:
            outcome = self.trials.run(
                algorithm,
                params,
                give_up=lambda interim: self.give_up(algorithm, interim),
                on_fold=lambda fold, value: self.report.metric(f"validation.{metric}", value, step=fold, fold=fold, **about),
                on_round=self.on_round(algorithm, number, self.round_reporter(about) if is_first else None),
            )
        except NotWorthGoingOn as reason:
            outcome = Outcome("pruned", [], time.monotonic() - began, reason=str(reason))
        except (EngineError, ValueError, ArithmeticError) as error:
            # One algorithm that cannot take these parameters or features leaves the others their chance.
            self.last_error = error
            outcome = Outcome("failed", [], time.monotonic() - began, reason=(str(error).splitlines() or [""])[0][:300])
        rungs = self.halved[algorithm.name].seen.get(number, {}) if algorithm.name in self.halved else {}
        record = Record(number, algorithm.name, params, outcome, {str(rounds): loss for rounds, loss in rungs.items()})
        self.records.append(record)
        self.keep(record)
        append_line(self.checkpoint, record.line())
        self.report.checkpoint(f"checkpoints/{self.checkpoint.name}", number)
        self.tell(record)
        if outcome.state == "complete":
            self.report.metric(f"validation.{metric}.mean", outcome.score, step=number, **about)

    def keep(self, record: Record) -> None:
        """Keep the predictions of the best trials of each algorithm, of which ensembles are made; of the others only their scores."""
        if record.outcome.predictions is None:
            return
        self.kept[record.trial] = record.outcome.predictions
        record.outcome.predictions = None
        own = [one for one in self.records if one.algorithm == record.algorithm and one.trial in self.kept]
        for worse in sorted(own, key=lambda one: -self.gain(one))[KEPT_OF_EACH:]:
            del self.kept[worse.trial]

    def on_round(self, algorithm: Algorithm, number: int, tell: Any) -> Any:
        """Who is told of each round: the live curve, and successive halving where the search asks for it."""
        if self.limits.strategy not in HALVING or algorithm.rounds is None or self.rows < STOP_EARLY_FROM:
            return tell
        return self.halving_of(algorithm).watcher(number, tell)

    def halving_of(self, algorithm: Algorithm) -> Halved:
        if algorithm.name not in self.halved:
            self.halved[algorithm.name] = Halved(self.limits.strategy, int(self.start(algorithm)[algorithm.rounds]))
        return self.halved[algorithm.name]

    def importances(self) -> dict[str, dict[str, float]]:
        """By algorithm: the share of its trials' variance that each parameter explains; only where there were trials enough to say."""
        found = {}
        for algorithm in self.algorithms:
            own = [
                (record.params, -self.gain(record))
                for record in self.records
                if record.algorithm == algorithm.name and record.outcome.interim
            ]
            if shares := importances(Space(self.space(algorithm)), own, self.seed):
                found[algorithm.name] = shares
        return found

    def round_reporter(self, about: dict[str, Any]) -> Any:
        """Tells every tenth boosting round of the first fold, for a live curve."""

        def tell(fold: int, step: int, value: float) -> None:
            if fold == 0 and step % 10 == 0:
                self.report.metric("loss.watched", value, step=step, fold=fold, **about)

        return tell

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
        if self.is_for_ensemble and not any(record.algorithm == algorithm.name for record in self.records):
            return None
        if self.limits.seconds is not None and self.elapsed() > self.limits.seconds:
            return "the budget was spent"
        done = len(interim)
        if done < 2 or self.limits.strategy == "grid":
            return None
        ahead = toward * float(np.mean(leader.outcome.interim[:done]))
        spread = float(np.std(leader.outcome.interim, ddof=1))
        if ahead - so_far > max(4 * spread, 0.02 * abs(ahead)):
            return f"far behind the best after {done} folds"
        peers = [
            toward * float(np.mean(record.outcome.interim[:done]))
            for record in self.records
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
        complete = [record for record in self.records if record.outcome.state == "complete"]
        usable = [record for record in complete if np.isfinite(record.outcome.score)]
        models = [record for record in usable if record.algorithm != "baseline"]
        # `max` keeps the first of equals, so an earlier model wins a tie.
        return max(models or usable, key=self.gain, default=None)

    def best_of(self, name: str) -> float:
        own = [self.gain(record) for record in self.records if record.algorithm == name]
        return max(own, default=float("-inf"))

    def tell(self, record: Record) -> None:
        line = record.line()
        self.report.trial(**{name: line[name] for name in TOLD})

    def tell_progress(self, message: str) -> None:
        done, of = float(len(self.records)), float(self.limits.trials)
        eta = None
        if self.limits.seconds is not None and self.elapsed() / self.limits.seconds > done / of:
            done, of = min(self.elapsed(), self.limits.seconds), self.limits.seconds
            eta = max(0.0, of - done)
        elif self.records:
            eta = self.elapsed() / max(1.0, done) * (of - done)
        self.report.progress("search", round(done, 1), of, eta, message)


TOLD = ("trial", "algorithm", "params", "state", "score", "std", "folds", "seconds", "reason")


def read_limits(search: dict[str, Any]) -> Limits:
    """The search's limits; with neither trials nor seconds given, the defaults."""
    strategy = search.get("strategy") or "tpe"
    known = (*SAMPLERS, *HALVING, "random", "grid", "none")
    if strategy not in known:
        raise BadInput(f'There is no search strategy "{strategy}"; there are: {", ".join(known)}.')
    trials, seconds = search.get("trials"), search.get("budgetSeconds")
    if trials is None and seconds is None:
        return Limits(DEFAULT_TRIALS if strategy != "grid" else 10_000, DEFAULT_SECONDS, strategy)
    for name, value in (("trials", trials), ("budgetSeconds", seconds)):
        if value is not None and value <= 0:
            raise BadInput(f"The search's {name} is {value}; it must be above zero.")
    return Limits(int(trials) if trials is not None else 100_000, float(seconds) if seconds is not None else None, strategy)
