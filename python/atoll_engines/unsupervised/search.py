"""The search: every number of groups that is worth trying, and what else was asked for."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from atoll_engines.contract import Report, append_line, read_lines
from atoll_engines.errors import BadInput, EngineError
from atoll_engines.tabular.space import check_space, grid_points, random_point
from atoll_engines.unsupervised.algorithms import find_algorithm
from atoll_engines.unsupervised.algorithms.model import Algorithm
from atoll_engines.unsupervised.metrics import sign
from atoll_engines.unsupervised.request import Request
from atoll_engines.unsupervised.trials import Outcome, Trials

MOST_TRIALS = 60
MOST_NOISE = 0.5


@dataclass
class Record:
    """One finished trial, as it stands in the checkpoint."""

    trial: int
    algorithm: str
    params: dict[str, Any]
    outcome: Outcome

    def line(self, metric: str) -> dict[str, Any]:
        one = self.outcome
        return {
            "trial": self.trial, "algorithm": self.algorithm, "params": self.params, "state": one.state,
            "score": one.mean(metric), "std": one.std(metric), "folds": one.folds.get(metric, []), "metrics": one.folds,
            "facts": one.facts, "seconds": one.seconds, "reason": one.reason,
        }  # fmt: skip

    @staticmethod
    def read(line: dict[str, Any]) -> Record:
        folds = {name: [float(value) for value in values] for name, values in line["metrics"].items()}
        outcome = Outcome(line["state"], folds, line["facts"], line["seconds"], line["reason"])
        return Record(line["trial"], line["algorithm"], line["params"], outcome)


@dataclass
class Search:
    """Tries each point once; what is finished is on disk before the next one starts."""

    trials: Trials
    algorithms: list[Algorithm]
    request: Request
    checkpoint: Path
    report: Report
    seed: int
    started: float
    records: list[Record] = field(default_factory=list)
    # The number of the best trial that ran in this process, and its answers to held-out rows.
    kept: tuple[int, list[Any]] | None = None

    def run(self) -> Record:
        plan = self.plan()
        self.records = [Record.read(line) for line in read_lines(self.checkpoint)][: len(plan)]
        if self.records:
            self.report.log(f"Resumed after {len(self.records)} trials.")
        seconds = self.request.search.get("budgetSeconds")
        for number in range(len(self.records), len(plan)):
            if seconds and number and time.monotonic() - self.started > 0.7 * float(seconds):
                self.report.log(f"The budget ends the search after {number} of {len(plan)} trials.")
                break
            self.try_one(number, *plan[number])
        best = self.best()
        if best is None:
            reasons = "; ".join(sorted({f"{one.algorithm}: {one.outcome.reason}" for one in self.records}))
            raise EngineError(f"No trial could be completed. {reasons}")
        self.report.progress("search", len(self.records), len(self.records), 0.0, "search finished")
        return best

    def plan(self) -> list[tuple[Algorithm, dict[str, Any]]]:
        """The points of all algorithms, taking turns, so that a budget that runs out has seen something of each."""
        rows = self.trials.rows.frame.shape[0]
        lists = [[(algorithm, point) for point in self.points(algorithm, rows)] for algorithm in self.algorithms]
        turns = [one[turn] for turn in range(max(map(len, lists))) for one in lists if turn < len(one)]
        limit = self.request.search.get("trials")
        if limit is not None and int(limit) < 1:
            raise BadInput(f"{limit} trials were asked for; at least one is needed.", parameter="search.trials")
        return turns[: int(limit) if limit else MOST_TRIALS]

    def points(self, algorithm: Algorithm, rows: int) -> list[dict[str, Any]]:
        """What to try: the space that was given, else the algorithm's own list, within the numbers of groups asked for."""
        given = (self.request.search.get("space") or {}).get(algorithm.name)
        strategy = self.request.search.get("strategy") or "tpe"
        fixed = self.fixed(algorithm)
        if given is not None:
            check_space(algorithm.name, given)
            points = self.given_points(given, strategy)
        elif strategy == "none" or algorithm.tries is None:
            points = [{}]
        else:
            points = algorithm.tries(rows)
        return distinct([within for point in points for within in self.grouped(algorithm, point | fixed, strategy, rows)])

    def given_points(self, space: dict[str, Any], strategy: str) -> list[dict[str, Any]]:
        """All points of a small space, where whole numbers and choices can be counted; else points drawn from it."""
        counted = {name: spelt_out(axis) for name, axis in space.items()}
        points = grid_points(counted)
        limit = int(self.request.search.get("trials") or MOST_TRIALS)
        if strategy == "grid" or (len(points) <= limit and not any(isinstance(a, dict) and "float" in a for a in space.values())):
            return points
        return [random_point(space, self.seed + number) for number in range(limit)]

    def fixed(self, algorithm: Algorithm) -> dict[str, Any]:
        """Options that set a parameter of the algorithm."""
        components = self.request.components
        return {"components": components} if components and "components" in algorithm.defaults else {}

    def grouped(self, algorithm: Algorithm, point: dict[str, Any], strategy: str, rows: int) -> list[dict[str, Any]]:
        """The point for each number of groups that was asked for."""
        name = next((one for one in ("clusters", "topics") if one in algorithm.defaults), None)
        if name is None or self.request.groups is None:
            return [point]
        low, high = self.request.groups
        if high >= rows // 2:
            raise BadInput(
                f"{high} {name} were asked for, but there are {rows} rows; each needs a few rows of its own.",
                parameter=f"options.{name}",
            )
        return [point | {name: count} for count in ([low] if strategy == "none" else range(low, high + 1))]

    def try_one(self, number: int, algorithm: Algorithm, params: dict[str, Any]) -> None:
        metric = self.request.metric
        params = {**algorithm.defaults, **params}
        self.report.trial(
            trial=number, algorithm=algorithm.name, params=params, state="running", score=None, std=None, folds=[], seconds=0,
            reason=None,
        )  # fmt: skip
        record = Record(number, algorithm.name, params, self.trials.run(algorithm, params))
        self.records.append(record)
        if self.best() is record:
            self.kept = (number, self.trials.answers)
        line = record.line(metric)
        append_line(self.checkpoint, line)
        self.report.checkpoint(str(self.checkpoint.name), number)
        self.report.trial(**{name: value for name, value in line.items() if name not in ("metrics", "facts")})
        if record.outcome.state == "complete":
            self.report.metric(metric, record.outcome.mean(metric), number, trial=number, algorithm=algorithm.name)
        self.report.progress("search", number + 1, len(self.plan()), None, f"{algorithm.title}: {describe(params)}")

    def best(self) -> Record | None:
        """The best by the metric; one that calls most rows noise only where nothing else worked."""
        metric = self.request.metric
        complete = [one for one in self.records if one.outcome.state == "complete"]
        if not complete:
            return None
        scored = [one for one in complete if np.isfinite(one.outcome.mean(metric))] or complete
        quiet = [one for one in scored if not one.outcome.mean("noise_share") > MOST_NOISE] or scored
        return max(quiet, key=lambda one: (np.nan_to_num(sign(metric) * one.outcome.mean(metric), nan=-np.inf), -one.trial))

    def answers_of(self, best: Record) -> list[Any]:
        """A trial's answers to held-out rows; after a restart they are made again, which gives the same."""
        if self.kept is None or self.kept[0] != best.trial:
            self.trials.run(find_algorithm(best.algorithm, self.request.task), best.params)
            self.kept = (best.trial, self.trials.answers)
        return self.kept[1]


def spelt_out(axis: Any) -> Any:
    """A short range of whole numbers as a choice between them."""
    if isinstance(axis, dict) and "int" in axis and axis["int"][1] - axis["int"][0] < 30:
        return {"choice": list(range(axis["int"][0], axis["int"][1] + 1))}
    return axis


def distinct(points: list[dict[str, Any]]) -> list[dict[str, Any]]:
    seen: list[dict[str, Any]] = []
    for point in points:
        if point not in seen:
            seen.append(point)
    return seen


def describe(params: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in params.items()) or "defaults"
