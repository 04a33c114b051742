"""The search among algorithms and their parameters: each as it comes, then its space while trials and time last."""

from __future__ import annotations

import shutil
import time
from typing import Any

import numpy as np

from atoll_engines.contract import Job, Report, append_line, read_lines
from atoll_engines.errors import EngineError
from atoll_engines.language.algorithms import Algorithm
from atoll_engines.language.fitting import Fit, Fitter, forget
from atoll_engines.tabular.space import SAMPLERS, check_space, grid_points, random_point, sampled_point

TOLD = ("trial", "algorithm", "params", "state", "score", "std", "folds", "seconds", "reason")
LOWER_IS_BETTER = frozenset({"perplexity"})


class Search:
    """Trials as they were made; the best one's network is kept in memory, that of the others is not."""

    def __init__(self, job: Job, report: Report, algorithms: list[Algorithm], fitter: Fitter, metric: str, started: float) -> None:
        self.job, self.report, self.algorithms, self.fitter, self.metric, self.started = job, report, algorithms, fitter, metric, started
        asked = job.parameters.get("search") or {}
        self.strategy = asked.get("strategy") or "tpe"
        # A network is fitted with its defaults; more trials only where they are asked for.
        self.most = len(algorithms) if self.strategy == "none" else max(len(algorithms), int(asked.get("trials") or 1))
        self.seconds = asked.get("budgetSeconds")
        self.spaces = asked.get("space") or {}
        self.checkpoint = job.checkpoints / "trials.jsonl"
        self.trials: list[dict[str, Any]] = []
        self.kept: Fit | None = None
        self.kept_trial: int | None = None

    def run(self) -> dict[str, Any]:
        """The best trial; `kept` is its fit."""
        for one in self.algorithms:
            check_space(one.name, self.space(one))
        self.trials = read_lines(self.checkpoint)
        for one in self.trials:
            self.report.trial(**{name: one[name] for name in TOLD})
        while (proposal := self.next_proposal()) is not None:
            self.try_one(*proposal)
        complete = [one for one in self.trials if one["state"] == "complete"]
        if not complete:
            reasons = "; ".join(sorted({one["reason"] for one in self.trials if one["reason"]}))
            raise EngineError(f"No trial could be completed. {reasons}")
        best = max(complete, key=self.gain)
        if self.kept_trial != best["trial"]:
            # Of an earlier attempt: its checkpoint is complete, so this reads rather than trains.
            self.kept = self.fitter.fit(self.algorithm(best["algorithm"]), best["params"], best["trial"])
            self.kept_trial = best["trial"]
        return best

    def gain(self, trial: dict[str, Any]) -> float:
        return -trial["score"] if self.metric in LOWER_IS_BETTER else trial["score"]

    def algorithm(self, name: str) -> Algorithm:
        return next(one for one in self.algorithms if one.name == name)

    def space(self, algorithm: Algorithm) -> dict[str, Any]:
        given = self.spaces.get(algorithm.name, algorithm.space)
        return {name: value for name, value in given.items() if name in algorithm.defaults}

    def start(self, algorithm: Algorithm) -> dict[str, Any]:
        fixed = {name: value for name, value in self.space(algorithm).items() if not isinstance(value, dict)}
        return dict(algorithm.defaults) | fixed

    def next_proposal(self) -> tuple[Algorithm, dict[str, Any]] | None:
        tried = {one["algorithm"] for one in self.trials}
        for one in self.algorithms:
            if one.name not in tried:
                return one, self.start(one)
        elapsed = time.monotonic() - self.started
        if len(self.trials) >= self.most or (self.seconds and elapsed > 0.6 * self.seconds):
            return None
        searchable = [one for one in self.algorithms if any(isinstance(value, dict) for value in self.space(one).values())]
        if not searchable:
            return None
        algorithm = searchable[len(self.trials) % len(searchable)]
        space, number = self.space(algorithm), len(self.trials)
        own = [one for one in self.trials if one["algorithm"] == algorithm.name]
        if self.strategy == "grid":
            left = [point for point in grid_points(space) if not any(one["params"] == self.start(algorithm) | point for one in own)]
            return (algorithm, self.start(algorithm) | left[0]) if left else None
        if self.strategy in SAMPLERS:
            history = [(one["params"], -self.gain(one)) for one in own if one["state"] == "complete"]
            return algorithm, self.start(algorithm) | sampled_point(self.strategy, space, history, self.job.seed, number)
        return algorithm, self.start(algorithm) | random_point(space, self.job.seed * 100_003 + number)

    def try_one(self, algorithm: Algorithm, params: dict[str, Any]) -> None:
        number = len(self.trials)
        self.report.progress("search", number, max(number + 1, self.most), None, f"{algorithm.title}, trial {number + 1}")
        trial: dict[str, Any] = {
            "trial": number, "algorithm": algorithm.name, "params": params, "state": "running", "score": None, "std": None,
            "folds": [], "seconds": 0.0, "reason": None, "metrics": {},
        }  # fmt: skip
        self.report.trial(**{name: trial[name] for name in TOLD})
        began = time.monotonic()
        made = self.fitter.fit(algorithm, params, number)
        score = float(made.scores[self.metric])
        if not np.isfinite(score):
            raise EngineError(f"The {self.metric} of {algorithm.title} is no number; lower the learning rate.")
        trial |= {
            "state": "complete", "score": score, "std": None, "folds": [score], "metrics": made.scores, "seconds": time.monotonic() - began,
        }  # fmt: skip
        best = max((one for one in self.trials if one["state"] == "complete"), key=self.gain, default=None)
        if best is None or self.gain(trial) > self.gain(best):
            self.kept, self.kept_trial = made, number
        else:
            shutil.rmtree(self.fitter.place(algorithm, params), ignore_errors=True)
        del made
        forget()
        self.trials.append(trial)
        append_line(self.checkpoint, trial)
        self.report.checkpoint("checkpoints/trials.jsonl", number)
        self.report.trial(**{name: trial[name] for name in TOLD})
