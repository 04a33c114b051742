"""One trial: a model fitted on each fold's training rows and judged by the rows it did not see."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from atoll_engines.errors import EngineError
from atoll_engines.unsupervised.algorithms.model import Algorithm, Model, Setting
from atoll_engines.unsupervised.measures import measure
from atoll_engines.unsupervised.metrics import metric_names
from atoll_engines.unsupervised.pipeline import Pipeline
from atoll_engines.unsupervised.request import Request
from atoll_engines.unsupervised.rows_of_task import Prepare
from atoll_engines.unsupervised.table import Rows


@dataclass
class Outcome:
    """What a trial came to: each metric by fold, and what the fits settled."""

    state: str
    folds: dict[str, list[float]] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    reason: str | None = None

    def mean(self, metric: str) -> float:
        values = np.array(self.folds.get(metric, []), np.float64)
        return float(np.nanmean(values)) if len(values) and not np.isnan(values).all() else float("nan")

    def std(self, metric: str) -> float:
        values = np.array(self.folds.get(metric, []), np.float64)
        values = values[~np.isnan(values)]
        return float(np.std(values, ddof=1)) if len(values) > 1 else 0.0


class Trials:
    """Fits on folds; keeps their features, because every trial of a job uses the same."""

    def __init__(self, rows: Rows, prepare: Prepare, request: Request, setting: Setting) -> None:
        self.rows, self.prepare, self.request, self.setting = rows, prepare, request, setting
        self._kept: dict[int, tuple[Any, np.ndarray, np.ndarray]] = {}
        # Answers to held-out rows of the trial that ran last, by fold.
        self.answers: list[tuple[np.ndarray, dict[str, np.ndarray]]] = []

    @property
    def fold_count(self) -> int:
        return int(self.rows.fold.max()) + 1

    def fold(self, number: int) -> tuple[Any, np.ndarray, np.ndarray]:
        """The preparation fitted on a fold's training rows, their features, and those of the rows held out."""
        if number not in self._kept:
            held = self.rows.fold == number
            preparation, x_train = self.prepare.fit(self.rows.frame[~held])
            self._kept[number] = (preparation, x_train, preparation.transform(self.rows.frame[held]))
        return self._kept[number]

    def run(self, algorithm: Algorithm, params: dict[str, Any]) -> Outcome:
        started = time.monotonic()
        folds: dict[str, list[float]] = {name: [] for name in metric_names(self.request.task, self.rows.labels is not None)}
        facts: list[dict[str, Any]] = []
        self.answers = []
        for number in range(self.fold_count):
            # What no preparation can be made of is the data's fault, not the algorithm's.
            self.fold(number)
            try:
                found, said = self.one_fold(algorithm, params, number)
            except EngineError as error:
                return Outcome("failed", seconds=time.monotonic() - started, reason=error.message)
            except Exception as error:
                return Outcome("failed", seconds=time.monotonic() - started, reason=f"{type(error).__name__}: {error}")
            facts.append(said)
            for name in folds:
                folds[name].append(float(found.get(name, float("nan"))))
        return Outcome("complete", folds, averaged(facts), time.monotonic() - started)

    def one_fold(self, algorithm: Algorithm, params: dict[str, Any], number: int) -> tuple[dict[str, float], dict[str, Any]]:
        held = np.flatnonzero(self.rows.fold == number)
        preparation, x_train, x_held = self.fold(number)
        model = fit_model(algorithm, params, x_train, self.setting)
        answer = model.answer(x_held)
        pipeline = Pipeline(preparation, model, self.request.task, algorithm.name)
        pipeline.twins = self.twins(algorithm, params, x_train, model)
        if self.request.task == "anomaly":
            pipeline.threshold = threshold_at(answer["score"][:, 0], self.request.contamination)
        labels = None if self.rows.labels is None else self.rows.labels[held]
        self.answers.append((held, answer))
        found = measure(pipeline, self.rows.frame.iloc[held], x_held, answer, labels, self.setting.seed).all()
        return found, {name: value for name, value in model.facts().items() if isinstance(value, (int, float))}

    def twins(self, algorithm: Algorithm, params: dict[str, Any], x: np.ndarray, model: Model) -> list[Model]:
        """A model of either half of the rows, where how far they agree is asked for: for anomalies it is the only figure without labels."""
        wanted = self.request.task == "anomaly" or self.request.metric == "stability"
        return fit_twins(algorithm, params, x, self.setting, model) if wanted else []


def fit_model(algorithm: Algorithm, params: dict[str, Any], x: np.ndarray, setting: Setting) -> Model:
    """The algorithm fitted on these features, or on as many of them as it can take."""
    if len(x) > algorithm.most_rows:
        x = x[np.sort(np.random.default_rng(setting.seed).choice(len(x), algorithm.most_rows, replace=False))]
    model = algorithm.build({**algorithm.defaults, **params}, setting)
    model.fit(x)
    return model


def fit_twins(algorithm: Algorithm, params: dict[str, Any], x: np.ndarray, setting: Setting, model: Model) -> list[Model]:
    """The same algorithm on either half of the rows, or the halves of a model that is made of many."""
    if hasattr(model, "halves"):
        return model.halves()
    order = np.random.default_rng(setting.seed + 1).permutation(len(x))
    halves = (np.sort(order[: len(x) // 2]), np.sort(order[len(x) // 2 :]))
    return [fit_model(algorithm, params, x[half], setting) for half in halves]


def threshold_at(scores: np.ndarray, contamination: float) -> float:
    """The score that this share of the rows reaches, between two that occur, so that rounding moves no row over it."""
    ordered = np.unique(scores.astype(np.float64))
    place = float(np.quantile(scores.astype(np.float64), 1 - contamination))
    above = int(np.searchsorted(ordered, place, side="right"))
    if above >= len(ordered):
        return float(np.nextafter(np.float32(ordered[-1]), np.float32(np.inf)))
    if above == 0:
        return float(ordered[0])
    return float((ordered[above - 1] + ordered[above]) / 2)


def averaged(facts: list[dict[str, Any]]) -> dict[str, Any]:
    return {name: float(np.mean([one[name] for one in facts if name in one])) for name in (facts[0] if facts else {})}
