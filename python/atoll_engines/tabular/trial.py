"""One trial: an algorithm with parameters, fitted and scored fold by fold."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from atoll_engines.compression.lesson import Taught, fit_taught
from atoll_engines.tabular.algorithms.model import Algorithm, Debugger, Model, Setting, Watch
from atoll_engines.tabular.folds import Division, inner_split
from atoll_engines.tabular.imbalance import rebalanced
from atoll_engines.tabular.metrics import BY_LABEL, score
from atoll_engines.tabular.preparation import Preparation
from atoll_engines.tabular.streaming import StreamedPreparation
from atoll_engines.tabular.thresholds import best_threshold

# With fewer rows than this a part set aside for early stopping is too small to say when; rounds are then searched for.
STOP_EARLY_FROM = 1000
ROUNDS_WHEN_SMALL = 120
MOST_WATCHED = 200_000


@dataclass
class Predictions:
    """Out-of-fold predictions: the rows that some fold scored, in the table's order."""

    rows: np.ndarray
    fold: np.ndarray
    values: np.ndarray


@dataclass
class Outcome:
    """What a trial came to."""

    state: str
    folds: list[float]
    seconds: float
    rounds: int | None = None
    reason: str | None = None
    # The running scores that pruning compares; with a tuned threshold they are a little kinder than `folds`.
    interim: list[float] = field(default_factory=list)
    predictions: Predictions | None = None

    @property
    def score(self) -> float:
        return float(np.mean(self.folds)) if self.folds else float("nan")

    @property
    def std(self) -> float:
        return float(np.std(self.folds, ddof=1)) if len(self.folds) > 1 else 0.0


@dataclass(frozen=True)
class Trials:
    """What all trials of a job share."""

    preparation: Preparation | StreamedPreparation
    division: Division
    setting: Setting
    metric: str
    at_least: float | None
    # On a very large table a single fit may outlast the whole budget: it then stops after so many seconds.
    fit_seconds: float | None = None
    # Who hears how the rules stand while the final network learns.
    debugger: Debugger | None = None

    def run(
        self,
        algorithm: Algorithm,
        params: dict[str, Any],
        give_up: Callable[[list[float]], str | None],
        on_fold: Callable[[int, float], None] | None = None,
        on_round: Callable[[int, int, float], None] | None = None,
        on_model: Callable[[int, Model], None] | None = None,
    ) -> Outcome:
        """Fit and score on every fold; `give_up` sees the scores so far and may name a reason to stop."""
        started = time.monotonic()
        interim: list[float] = []
        parts: list[tuple[np.ndarray, np.ndarray]] = []
        rounds: list[int] = []
        for number, fold in enumerate(self.division.folds):
            features = self.preparation.fold(algorithm.family, number, fold)
            tell = (lambda step, value, number=number: on_round(number, step, value)) if on_round else None
            is_limited = features.is_shuffled and self.fit_seconds is not None
            model = fit_model(
                algorithm,
                params,
                features.x_train,
                features.y_train,
                self.setting,
                tell,
                is_shuffled=features.is_shuffled,
                until=time.monotonic() + self.fit_seconds if is_limited else None,
                codes=features.codes,
                origins=features.origins,
            )
            if on_model:
                on_model(number, model)
            predicted = model.predict(features.x_valid)
            if not np.isfinite(predicted).all():
                return Outcome("failed", [], time.monotonic() - started, reason="the model predicted no number")
            parts.append((fold.valid, predicted))
            if model.rounds:
                rounds.append(model.rounds)
            interim.append(self.fold_score(features.y_valid, predicted))
            if on_fold:
                on_fold(number, interim[-1])
            reason = give_up(interim) if number + 1 < len(self.division.folds) else None
            if reason:
                return Outcome("pruned", [], time.monotonic() - started, reason=reason, interim=interim)
        predictions = gathered(parts)
        return Outcome(
            state="complete",
            folds=self.honest_scores(predictions),
            seconds=time.monotonic() - started,
            rounds=round(float(np.mean(rounds))) if rounds else None,
            interim=interim,
            predictions=predictions,
        )

    def fold_score(self, actual: np.ndarray, predicted: np.ndarray) -> float:
        threshold = None
        if self.setting.task == "binary" and self.metric in BY_LABEL:
            threshold = best_threshold(actual, predicted[:, 1], self.metric, self.at_least)
        return score(self.metric, actual, predicted, threshold)

    def honest_scores(self, predictions: Predictions) -> list[float]:
        """The metric on each fold, with a threshold chosen on the other folds."""
        return [
            score(self.metric, actual, predicted, threshold)
            for actual, predicted, threshold in self.parts_with_thresholds(predictions)
        ]

    def parts_with_thresholds(self, predictions: Predictions) -> list[tuple[np.ndarray, np.ndarray, float | None]]:
        """Each fold's rows and predictions with a threshold that these rows had no say in."""
        actual = self.preparation.target[predictions.rows]
        part = parts_of(predictions)
        by_label = self.setting.task == "binary" and self.metric in BY_LABEL
        result = []
        for number in np.unique(part):
            inside = part == number
            threshold = None
            if by_label:
                others = ~inside
                threshold = best_threshold(actual[others], predictions.values[others, 1], self.metric, self.at_least)
            elif self.setting.task == "binary":
                threshold = 0.5
            result.append((actual[inside], predictions.values[inside], threshold))
        return result


def parts_of(predictions: Predictions) -> np.ndarray:
    """Which part each row is in; a single holdout is halved, so that there are others to choose a threshold on."""
    if np.unique(predictions.fold).size > 1:
        return predictions.fold
    return np.random.default_rng(0).permutation(len(predictions.rows)) % 2


def gathered(parts: list[tuple[np.ndarray, np.ndarray]]) -> Predictions:
    rows = np.concatenate([valid for valid, _ in parts])
    fold = np.concatenate([np.full(len(valid), number) for number, (valid, _) in enumerate(parts)])
    values = np.concatenate([predicted for _, predicted in parts])
    order = np.argsort(rows, kind="stable")
    return Predictions(rows[order], fold[order], values[order])


def fit_model(
    algorithm: Algorithm,
    params: dict[str, Any],
    x: np.ndarray,
    y: np.ndarray,
    setting: Setting,
    on_round: Callable[[int, float], None] | None = None,
    is_shuffled: bool = False,
    until: float | None = None,
    codes: tuple[int, ...] = (),
    debugger: Debugger | None = None,
    origins: Callable[[], list[list[str]]] | None = None,
) -> Model:
    """Fit one model; a boosted one on enough rows sets some aside and stops when they no longer gain."""
    setting = replace(setting, codes=codes)
    if algorithm.is_of_pairs and origins:
        setting = replace(setting, origins=tuple(tuple(columns) for columns in origins()))
    own = {name: value for name, value in params.items() if name not in ("imbalance", "stop_early")}
    x, y = at_most_rows(algorithm, x, y, setting, is_shuffled)
    watch = None
    if algorithm.rounds and params.get("stop_early", len(y) >= STOP_EARLY_FROM):
        fit_on, watched = watched_split(y, setting, is_shuffled)
        watch = Watch(x[watched], y[watched], on_round=on_round, until=until)
        x, y = x[fit_on], y[fit_on]
    x, y, weights = rebalanced(x, y, params.get("imbalance", "none"), setting.classes, setting.seed)
    model = algorithm.build(own, setting)
    if debugger and hasattr(model, "debugger"):
        model.debugger = replace(debugger, algorithm=algorithm.name)
    if isinstance(y, Taught):
        fit_taught(model, algorithm.weighted, x, y, weights, watch, setting.task, algorithm.title)
    else:
        model.fit(x, y, weights, watch)
    return model


def watched_split(y: np.ndarray, setting: Setting, is_shuffled: bool) -> tuple[Any, Any]:
    """Rows to fit on and rows to watch; of shuffled rows the last ones, as slices that copy nothing."""
    if not is_shuffled:
        return inner_split(y, setting.task, setting.seed)
    edge = len(y) - min(MOST_WATCHED, round(0.15 * len(y)))
    return slice(None, edge), slice(edge, None)


def at_most_rows(
    algorithm: Algorithm, x: np.ndarray, y: np.ndarray, setting: Setting, is_shuffled: bool
) -> tuple[np.ndarray, np.ndarray]:
    """A random part of the rows where the algorithm's cost grows too fast with their number."""
    most = algorithm.most_rows
    if most is None or len(y) <= most:
        return x, y
    if is_shuffled:
        return x[:most], y[:most]
    kept = np.sort(np.random.default_rng(setting.seed).choice(len(y), most, replace=False))
    return x[kept], y[kept]
