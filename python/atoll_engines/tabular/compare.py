"""Which of several models is better: each fitted and scored on the same folds of a division made anew, and again, with other seeds.

Only scores come from here; what they prove is for whoever asked. Settings are taken as given: nothing is searched.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from atoll_engines.contract import Job, Report, append_line, read_lines, write_json
from atoll_engines.errors import BadInput, EngineError
from atoll_engines.tabular.algorithms import ALGORITHMS
from atoll_engines.tabular.algorithms.model import Algorithm, Setting
from atoll_engines.tabular.folds import Division, divide
from atoll_engines.tabular.preparation import Preparation, Recipes
from atoll_engines.tabular.request import Request, read_request
from atoll_engines.tabular.sides import left_columns
from atoll_engines.tabular.training_table import Labels, Source, open_source, read_features, read_labels, read_rows_that_divide
from atoll_engines.tabular.trial import ROUNDS_WHEN_SMALL, STOP_EARLY_FROM, Trials

MOST_CANDIDATES = 10
MOST_REPEATS = 100
MOST_ROWS = 200_000


@dataclass(frozen=True)
class Candidate:
    """One model to be judged: an algorithm with settings, and the recipe that it is given."""

    name: str
    algorithm: Algorithm
    params: dict[str, Any]
    recipe: dict[str, Any]


def run(job: Job, report: Report) -> dict[str, Any]:
    """The engine `tabular.compare`."""
    request = read_request(job.parameters)
    if request.kind == "time":
        raise BadInput(
            "Rows in the order of time cannot be divided again and again: later rows would teach earlier ones. "
            "Compare the versions on the sealed rows.",
            parameter="validation.kind",
        )
    repeats = int(job.parameters.get("repeats") or 5)
    if not 1 <= repeats <= MOST_REPEATS:
        raise BadInput(f"{repeats} repeats were asked for; between 1 and {MOST_REPEATS} make sense.", parameter="repeats")
    candidates = read_candidates(job.parameters.get("candidates") or [])
    source = open_source(job, replace(request, recipe=all_recipes(candidates)))
    labels = some_of(read_labels(job, request, source, report), job.seed, report)
    frame = read_features(source, labels)
    preparations = {
        one.name: Preparation(Recipes(frame, source.schema, labels.target.values, request.task, job.seed, one.recipe))
        for one in candidates
    }
    left = left_columns(request, source, (one.algorithm.name for one in candidates))
    rounds = Rounds(job, report, request, labels, source, preparations, left)
    scores = [rounds.repeat(number, candidates, repeats) for number in range(repeats)]
    if len(scores[0][0]["folds"]) * repeats < 2:
        raise BadInput("One fold of one repeat leaves nothing to test: ask for more repeats.", parameter="repeats")
    result = {
        "metric": request.metric,
        "rows": len(labels.row_ids),
        "repeats": repeats,
        "folds": len(scores[0][0]["folds"]),
        "division": rounds.note,
        "testShare": rounds.test_share,
        "candidates": [
            {
                "name": one.name,
                "algorithm": one.algorithm.name,
                "params": scores[0][place]["params"],
                "scores": [repeat[place]["folds"] for repeat in scores],
                "seconds": sum(repeat[place]["seconds"] for repeat in scores),
            }
            for place, one in enumerate(candidates)
        ],
    }
    write_json(job.output / "comparison.json", result)
    report.progress("compare", repeats * len(candidates), repeats * len(candidates), 0.0, "compared")
    return result


class Rounds:
    """One repeat after the other: what is finished is on disk before the next one starts."""

    def __init__(
        self, job: Job, report: Report, request: Request, labels: Labels, source: Source, preparations: dict[str, Preparation],
        left: tuple[str, ...],
    ) -> None:
        self.job, self.report, self.request, self.labels, self.preparations = job, report, request, labels, preparations
        self.left = left
        self.groups = read_rows_that_divide(source, labels, request.group_column) if request.group_column else None
        self.checkpoint = job.checkpoints / "compare.jsonl"
        self.done = {(one["repeat"], one["name"]): one for one in read_lines(self.checkpoint)}
        self.note, self.test_share = "", 0.0
        self.started = time.monotonic()

    def repeat(self, number: int, candidates: list[Candidate], of: int) -> list[dict[str, Any]]:
        seed = self.job.seed + number
        division = self.division(seed)
        self.note = division.note
        self.test_share = float(np.mean([len(fold.valid) / (len(fold.valid) + len(fold.train)) for fold in division.folds]))
        found = []
        for place, one in enumerate(candidates):
            at = number * len(candidates) + place
            spent = time.monotonic() - self.started
            eta = spent / at * (of * len(candidates) - at) if at and not self.done else None
            message = f"{one.name}, division {number + 1} of {of}"
            self.report.progress("compare", at, of * len(candidates), eta, message)
            known = self.done.get((number, one.name))
            if known is None:
                known = {"repeat": number, "name": one.name} | self.score(one, division, seed)
                append_line(self.checkpoint, known)
                self.report.checkpoint(f"checkpoints/{self.checkpoint.name}", at)
            found.append(known)
        return found

    def division(self, seed: int) -> Division:
        kind = "kfold" if self.request.task == "regression" else "stratified"
        kind = "grouped" if self.request.kind == "grouped" else kind
        return divide(self.labels.target.values, self.request.task, kind, self.request.folds, seed, groups=self.groups)

    def score(self, one: Candidate, division: Division, seed: int) -> dict[str, Any]:
        """A candidate on every fold. Kept features are of another division by now."""
        preparation = self.preparations[one.name]
        preparation.forget()
        setting = Setting(self.request.task, len(self.labels.target.classes or ()), seed, self.job.threads, left=self.left)
        trials = Trials(preparation, division, setting, self.request.metric, self.request.at_least)
        params = settings_of(one, max(len(fold.train) for fold in division.folds), setting)
        try:
            outcome = trials.run(one.algorithm, params, give_up=lambda interim: None)
        except (ValueError, ArithmeticError) as error:
            raise EngineError(f"{one.name} could not be fitted: {(str(error).splitlines() or [''])[0][:300]}") from error
        if outcome.state != "complete":
            raise EngineError(f"{one.name} could not be judged: {outcome.reason}.")
        for fold, value in enumerate(outcome.folds):
            self.report.metric(f"compare.{self.request.metric}", value, step=fold, fold=fold, algorithm=one.name)
        return {"params": params, "folds": outcome.folds, "seconds": outcome.seconds}


def settings_of(one: Candidate, rows: int, setting: Setting) -> dict[str, Any]:
    """The candidate's settings over its algorithm's own; those of a version are whole already."""
    params = dict(one.algorithm.defaults)
    if one.algorithm.rounds and rows < STOP_EARLY_FROM:
        params[one.algorithm.rounds] = ROUNDS_WHEN_SMALL
    if one.algorithm.family is not None and setting.classes:
        params["imbalance"] = "none"
    return params | one.params


def read_candidates(given: list[dict[str, Any]]) -> list[Candidate]:
    if not 2 <= len(given) <= MOST_CANDIDATES:
        raise BadInput(f"{len(given)} candidates were given; a comparison is of 2 to {MOST_CANDIDATES}.", parameter="candidates")
    found = []
    for one in given:
        algorithm = ALGORITHMS.get(str(one.get("algorithm")))
        if algorithm is None or algorithm.is_ensemble:
            raise BadInput(
                f'"{one.get("algorithm")}" cannot be fitted fold by fold here: '
                f"{'ensembles are compared on the sealed rows' if algorithm else 'there is no such algorithm for tables'}.",
                parameter="candidates",
            )
        found.append(Candidate(str(one.get("name")), algorithm, one.get("params") or {}, one.get("recipe") or {"auto": True}))
    if len({one.name for one in found}) < len(found):
        raise BadInput("Two candidates have the same name.", parameter="candidates")
    return found


def all_recipes(candidates: list[Candidate]) -> dict[str, Any]:
    """Every step of every candidate, so that each column that one of them names is read."""
    return {"steps": [step for one in candidates for step in one.recipe.get("steps") or []]}


def some_of(labels: Labels, seed: int, report: Report) -> Labels:
    """At most so many rows, drawn at random: more would only take longer to say the same."""
    rows = len(labels.row_ids)
    if rows <= MOST_ROWS:
        return labels
    report.warning("compared_on_sample", f"{MOST_ROWS} of {rows} rows, drawn at random, are compared on.", rows=MOST_ROWS)
    kept = np.sort(np.random.default_rng(seed).choice(rows, MOST_ROWS, replace=False))
    usable = np.zeros_like(labels.usable)
    usable[np.flatnonzero(labels.usable)[kept]] = True
    target = replace(labels.target, values=labels.target.values[kept])
    return Labels(labels.row_ids[kept], target, labels.division, usable)
