"""An ensemble as a solution: built from trials' out-of-fold predictions, fitted member by member."""

from __future__ import annotations

import time
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from atoll_engines.recipes.joined import JoinedRecipe
from atoll_engines.tabular.algorithms.model import Algorithm, Model
from atoll_engines.tabular.ensembles.combine import Combine, MetaModel, WeightedMean, meta_features
from atoll_engines.tabular.ensembles.greedy import greedy_weights
from atoll_engines.tabular.ensembles.model import Ensemble
from atoll_engines.tabular.ensembles.registry import ENSEMBLES
from atoll_engines.tabular.folds import Fold
from atoll_engines.tabular.preparation import FoldFeatures
from atoll_engines.tabular.record import Record
from atoll_engines.tabular.solution import Recipe, Single
from atoll_engines.tabular.streaming import StreamedPreparation
from atoll_engines.tabular.trial import Outcome, Predictions, Trials, fit_model, parts_of


@dataclass(frozen=True)
class Meta:
    """The meta model of a stack."""

    algorithm: Algorithm
    params: dict[str, Any]
    reads_raw: bool


class EnsembleSolution:
    """Members and how they are combined.

    What combines them is fitted on out-of-fold predictions alone. For the ensemble's own out-of-fold predictions it is
    fitted once for each part, on the other parts (on the earlier ones where the parts follow each other in time),
    so that no row has a say in its own prediction.
    """

    def __init__(self, trials: Trials, kind: str, members: list[Single], meta: Meta | None, number: int) -> None:
        began = time.monotonic()
        self.trials, self.kind, self.members, self.meta = trials, kind, members, meta
        self.algorithm = ENSEMBLES[kind]
        first = members[0].predictions()
        self.rows, self.fold = first.rows, first.fold
        self.answers = np.stack([member.predictions().values for member in members])
        self.actual = trials.preparation.target[self.rows]
        self.part = parts_of(first)
        self.by_part: dict[int, Combine] = {}
        self._nested_answers: dict[int, np.ndarray] | None = None
        values = self._cross_fitted()
        self._predictions = Predictions(self.rows, self.fold, values)
        self.combine = self._fit_combine(np.ones(len(self.rows), bool), None)
        seconds = time.monotonic() - began + sum(member.record.outcome.seconds for member in members)
        folds = trials.honest_scores(self._predictions)
        self.record = Record(number, kind, self.params, Outcome("complete", folds, seconds, interim=folds))

    @property
    def weights(self) -> np.ndarray | None:
        return self.combine.weights if isinstance(self.combine, WeightedMean) else None

    @property
    def params(self) -> dict[str, Any]:
        weights = self.weights
        listed = [
            {
                "algorithm": member.algorithm.name,
                "trial": member.record.trial,
                "mean": member.record.outcome.score,
                "weight": None if weights is None else round(float(weights[number]), 6),
                "params": member.record.params,
            }
            for number, member in enumerate(self.members)
        ]
        params: dict[str, Any] = {"members": listed}
        if self.meta is not None:
            params |= {"meta": self.meta.algorithm.name, "metaParams": self.meta.params, "passthrough": self.meta.reads_raw}
        return params

    def predictions(self) -> Predictions:
        return self._predictions

    def everything(self) -> tuple[Recipe, Model]:
        recipes: dict[str, Any] = {}
        fitted = []
        for member in self._by_family():
            recipe, model = member.everything()
            recipes.setdefault(self._key(member.algorithm), recipe)
            fitted.append((member, model))
        if self._reads_raw and self._key(self.meta.algorithm) not in recipes:
            recipes[self._key(self.meta.algorithm)] = self.trials.preparation.everything(self.meta.algorithm.family)[0]
        return self._assembled(recipes, fitted, self.combine)

    def on_fold(self, fold: Fold) -> tuple[Recipe, Model, FoldFeatures]:
        parts: dict[str, FoldFeatures] = {}
        recipes: dict[str, Any] = {}
        wanted = [member.algorithm for member in self._kept()] + ([self.meta.algorithm] if self._reads_raw else [])
        for algorithm in wanted:
            if self._key(algorithm) not in parts:
                key = self._key(algorithm)
                recipes[key], parts[key] = self.trials.preparation.part(algorithm.family, fold)
        fitted = [(member, member.on_features(parts[self._key(member.algorithm)])) for member in self._kept()]
        recipe, model = self._assembled(recipes, fitted, self._combine_without(fold))
        first = next(iter(parts.values()))
        joined = FoldFeatures(
            x_train=np.hstack([one.x_train for one in parts.values()]),
            y_train=first.y_train,
            x_valid=np.hstack([one.x_valid for one in parts.values()]),
            y_valid=first.y_valid,
            train_rows=first.train_rows,
        )
        return recipe, model, joined

    def recipe(self, fitted: Recipe) -> dict[str, Any]:
        """The recipe of the first member, and of each family of algorithms its own."""
        recipes = self.trials.preparation.recipes
        algorithms = [member.algorithm for member in self.members] + ([self.meta.algorithm] if self._reads_raw else [])
        families = {}
        for algorithm in algorithms:
            steps, reasons = recipes.steps(algorithm.family)
            families.setdefault(algorithm.family, {"steps": steps, "reasons": reasons})
        first = next(iter(families.values()))
        return {**first, "families": families, "fitted": fitted.describe()}

    @property
    def _reads_raw(self) -> bool:
        return self.meta is not None and self.meta.reads_raw

    def _key(self, algorithm: Algorithm) -> str:
        return self.trials.preparation.recipes.key(algorithm.family)

    def _kept(self) -> list[Single]:
        """The members that have a say in the end."""
        if self.weights is None:
            return self.members
        return [member for member, weight in zip(self.members, self.weights, strict=True) if weight > 0]

    def _by_family(self) -> list[Single]:
        """Of a very large table one family's features are in memory at a time."""
        return sorted(self._kept(), key=lambda member: self._key(member.algorithm))

    def _assembled(self, recipes: dict[str, Any], fitted: list[tuple[Single, Model]], combine: Combine) -> tuple[Recipe, Model]:
        joined = JoinedRecipe(recipes, self.trials.preparation.recipes.schema)
        # In the order of the members, which is that of the weights.
        order = {id(member): number for number, member in enumerate(self._kept())}
        fitted = sorted(fitted, key=lambda one: order[id(one[0])])
        members = [(joined.place[self._key(member.algorithm)], model) for member, model in fitted]
        raw = joined.place[self._key(self.meta.algorithm)] if self._reads_raw else None
        if isinstance(combine, WeightedMean):
            weights = combine.weights if self.weights is None else combine.weights[self.weights > 0]
            combine = WeightedMean(weights / weights.sum() if weights.sum() > 0 else np.full(len(weights), 1 / len(weights)))
        return joined, Ensemble(members, combine, raw)

    def _combine_without(self, fold: Fold) -> Combine:
        """What was fitted without the rows that a fold scores."""
        held_out = np.isin(self.rows, fold.valid)
        parts = np.unique(self.part[held_out])
        return self.by_part[int(parts[0])] if len(parts) == 1 else self.combine

    def _cross_fitted(self) -> np.ndarray:
        values = np.empty_like(self.answers[0])
        in_order = self.trials.division.kind == "time"
        for number in np.unique(self.part):
            inside = self.part == number
            others = self.part < number if in_order else ~inside
            combine = self._fit_combine(others, int(number))
            self.by_part[int(number)] = combine
            raw = self._raw(inside, int(number))[0] if isinstance(combine, MetaModel) and combine.reads_raw else None
            values[inside] = combine.apply(self.answers[:, inside], raw)
        return values

    def _fit_combine(self, rows: np.ndarray, part: int | None) -> Combine:
        """Weights or a meta model from these rows' out-of-fold predictions; plain means where they cannot teach any."""
        equal = WeightedMean(np.full(len(self.members), 1 / len(self.members)))
        actual = self.actual[rows]
        classes = self.trials.setting.classes
        if self.kind == "voting" or not rows.any() or (classes and len(np.unique(actual)) < 2):
            return equal
        if self.kind == "blending":
            setting = self.trials.setting
            return WeightedMean(
                greedy_weights(self.answers[:, rows], actual, setting.task, self.trials.metric, self.trials.at_least, setting.seed)
            )
        return self._fit_meta(rows, part)

    def _fit_meta(self, rows: np.ndarray, part: int | None) -> MetaModel:
        raw, there, codes = self._raw(rows, part) if self.meta.reads_raw else (None, np.ones(int(rows.sum()), bool), ())
        answers = self.answers if part is None else self._answers_without(part)
        x = meta_features(answers[:, rows][:, there], self.trials.setting.classes, raw)
        if codes:
            codes = (0,) * (x.shape[1] - len(codes)) + codes
        model = fit_model(self.meta.algorithm, self.meta.params, x, self.actual[rows][there], self.trials.setting, codes=codes)
        return MetaModel(model, self.trials.setting.classes, self.meta.reads_raw)

    def _answers_without(self, part: int) -> np.ndarray:
        """The members' answers for the rows of other parts, for a meta model that is judged on this part.

        The usual ones come from members that knew this part's targets. A straight line through log odds can make nothing
        of that; a model that can tell rows apart can: rows that share a label give away each other's targets. For such a
        one the members are fitted again without both parts.
        """
        folds = self.trials.division.folds
        knows_rows = self.meta.reads_raw or self.meta.algorithm.family != "linear"
        if not knows_rows or len(folds) == 1 or self.trials.division.kind == "time":
            return self.answers
        if self._nested_answers is None:
            self._nested_answers = self._fit_without_pairs()
        return self._nested_answers[part]

    def _fit_without_pairs(self) -> dict[int, np.ndarray]:
        """By part, the answers for all other parts' rows by members that saw neither."""
        folds = self.trials.division.folds
        result = {int(number): self.answers.copy() for number in np.unique(self.part)}
        place = np.searchsorted(self.rows, np.arange(len(self.trials.preparation.target)))
        for first, second in combinations(sorted(result), 2):
            train = np.intersect1d(folds[first].train, folds[second].train)
            valid = np.concatenate([folds[first].valid, folds[second].valid])
            count = len(folds[first].valid)
            parts: dict[str, FoldFeatures] = {}
            for number, member in enumerate(self.members):
                key = self._key(member.algorithm)
                if key not in parts:
                    parts[key] = self.trials.preparation.part(member.algorithm.family, Fold(train, valid))[1]
                predicted = member.on_features(parts[key]).predict(parts[key].x_valid)
                result[second][number, place[valid[:count]]] = predicted[:count]
                result[first][number, place[valid[count:]]] = predicted[count:]
        return result

    def _raw(self, rows: np.ndarray, part: int | None) -> tuple[np.ndarray, np.ndarray, tuple[int, ...]]:
        """Raw features of some of the scored rows, which of them there are any of (a recipe may take rows out), and their codes.

        They are made by the recipe of the fold that scores the part, so that no recipe saw the rows it is judged on.
        """
        preparation, family = self.trials.preparation, self.meta.algorithm.family
        place = np.full(len(preparation.target), -1, np.int64)
        if part is None:
            fitted, x, _ = preparation.everything(family)
            codes = fitted.codes
            place[np.flatnonzero(np.asarray(fitted.training_rows))] = np.arange(len(x))
        else:
            number = part if len(self.trials.division.folds) > 1 else 0
            fold = self.trials.division.folds[number]
            features = preparation.fold(family, number, fold)
            x, codes = np.vstack([features.x_train, features.x_valid]), features.codes
            place[features.train_rows] = np.arange(len(features.x_train))
            place[fold.valid] = len(features.x_train) + np.arange(len(fold.valid))
        at = place[self.rows[rows]]
        return x[at[at >= 0]], at >= 0, codes


def meta_of(algorithm: Algorithm, given: dict[str, Any], imbalance: str, reads_raw: bool, trials: Trials) -> Meta:
    """The meta model with its parameters; classes are weighed in it where they were in its members."""
    params = dict(algorithm.defaults) | given
    if trials.setting.classes:
        params["imbalance"] = "class_weight" if imbalance == "class_weight" else "none"
    return Meta(algorithm, params, reads_raw and not isinstance(trials.preparation, StreamedPreparation))
