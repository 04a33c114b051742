"""Recipes for a training job: one for each family of algorithms, fitted anew inside every fold."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from atoll_engines import recipes
from atoll_engines.recipes import FittedRecipe, InputColumn, fit_recipe
from atoll_engines.tabular.folds import Fold

CACHE_BYTES = 600 * 1024 * 1024


@dataclass(frozen=True)
class FoldFeatures:
    """One fold as float32 features: what to fit on, and what to score."""

    x_train: np.ndarray
    y_train: np.ndarray
    x_valid: np.ndarray
    y_valid: np.ndarray
    # Positions in the table of the rows of `x_train`: a recipe may take rows out.
    train_rows: np.ndarray
    # Whether the training rows are in random order, so that the last of them are as good as drawn.
    is_shuffled: bool = False
    # For each feature how many categories its codes count, 0 for a number.
    codes: tuple[int, ...] = ()
    # Gives for each feature the raw columns it is made from.
    origins: Callable[[], list[list[str]]] | None = None

    @property
    def size_bytes(self) -> int:
        return self.x_train.nbytes + self.x_valid.nbytes


@dataclass(frozen=True)
class Derived:
    """A derived feature: its name and the expression over raw columns that makes it."""

    name: str
    expression: str

    def step(self) -> dict[str, Any]:
        return {"step": "derive", "name": self.name, "expression": self.expression}


class Recipes:
    """The steps for each family of algorithms: those given, or those that the data's profile suggests."""

    def __init__(
        self,
        frame: pd.DataFrame,
        schema: list[InputColumn],
        target: np.ndarray,
        task: str,
        seed: int,
        recipe: dict[str, Any],
    ) -> None:
        self.frame, self.schema, self.target, self.task, self.seed = frame, schema, target, task, seed
        self.given = None if recipe.get("auto") else recipe.get("steps", [])
        # An ensemble made again brings a recipe for each family of its members.
        self.given_families: dict[str, Any] = {} if recipe.get("auto") else recipe.get("families") or {}
        self.derived: list[Derived] = []
        self._steps: dict[str, tuple[list[dict], list[Any]]] = {}

    @property
    def is_automatic(self) -> bool:
        return self.given is None

    def use_derived(self, derived: list[Derived]) -> None:
        """From now on every recipe starts with these derived features."""
        self.derived = list(derived)
        self._steps.clear()

    def key(self, family: str | None) -> str:
        """Families with the same recipe have the same key."""
        if self.given is not None and family not in self.given_families:
            return "given"
        return family or "tree"

    def steps(self, family: str | None) -> tuple[list[dict], list[Any]]:
        """The steps for a family of algorithms and the reason for each."""
        if family in self.given_families:
            return self.given_families[family]["steps"], []
        if self.given is not None:
            return self.given, []
        key = self.key(family)
        if key not in self._steps:
            frame, schema = self.with_derived()
            steps, reasons = recipes.auto_recipe(frame, schema, self.target, self.task, self.seed, key)
            front = [one.step() for one in self.derived]
            said = [f'"{one.name}" pays in cross-validation.' for one in self.derived]
            self._steps[key] = (front + list(steps), said + list(reasons))
        return self._steps[key]

    def with_derived(self) -> tuple[pd.DataFrame, list[InputColumn]]:
        """The raw table with the derived features beside it, for the automatic recipe to look at."""
        if not self.derived:
            return self.frame, self.schema
        made = self.derived_values(self.derived)
        frame = self.frame.copy(deep=False)
        for position, one in enumerate(self.derived):
            frame[one.name] = made[:, position].astype(np.float64)
        return frame, [*self.schema, *(InputColumn(one.name, "number") for one in self.derived)]

    def derived_values(self, derived: list[Derived]) -> np.ndarray:
        """The values of derived features on every row, float32; they look at no other row, so no fold is needed."""
        steps = [*(one.step() for one in derived), {"step": "keep_columns", "columns": [one.name for one in derived]}]
        return fit_recipe(steps, self.frame, self.schema, None, self.task, self.seed).training_features

    def fit(self, family: str | None, rows: np.ndarray) -> FittedRecipe:
        """The family's recipe fitted on these rows."""
        steps, _ = self.steps(family)
        return fit_recipe(steps, self.frame.iloc[rows], self.schema, self.target[rows], self.task, self.seed)


class Preparation:
    """Gives each algorithm the features its family needs, and keeps those of recent folds."""

    def __init__(self, choice: Recipes) -> None:
        self.recipes = choice
        self.frame, self.target, self.task = choice.frame, choice.target, choice.task
        self._kept: OrderedDict[tuple, FoldFeatures] = OrderedDict()

    def use_derived(self, derived: list[Derived]) -> None:
        self.recipes.use_derived(derived)
        self.forget()

    def forget(self) -> None:
        """The features of folds are kept by their number: before folds of another division come, these must go."""
        self._kept.clear()

    def fold(self, family: str | None, number: int, fold: Fold) -> FoldFeatures:
        """A fold's features, from a recipe fitted on its training rows alone."""
        if family is None and self.recipes.is_automatic:
            return self.without_features(fold)
        key = (self.recipes.key(family), number)
        if key not in self._kept:
            self._kept[key] = self.part(family, fold)[1]
            while len(self._kept) > 1 and sum(one.size_bytes for one in self._kept.values()) > CACHE_BYTES:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        return self._kept[key]

    def part(self, family: str | None, fold: Fold) -> tuple[FittedRecipe, FoldFeatures]:
        """A recipe fitted on a fold's training rows, and the fold's features by it."""
        fitted = self.recipes.fit(family, fold.train)
        kept = fold.train[np.asarray(fitted.training_rows)]
        features = FoldFeatures(
            x_train=np.ascontiguousarray(fitted.training_features, np.float32),
            y_train=self.target[kept],
            x_valid=fitted.transform(self.frame.iloc[fold.valid]),
            y_valid=self.target[fold.valid],
            train_rows=kept,
            codes=fitted.codes,
            origins=fitted.origins,
        )
        return fitted, features

    def without_features(self, fold: Fold) -> FoldFeatures:
        """For what looks at no feature: making them would take longer than the rest."""
        empty = np.empty((len(fold.train), 0), np.float32), np.empty((len(fold.valid), 0), np.float32)
        return FoldFeatures(empty[0], self.target[fold.train], empty[1], self.target[fold.valid], fold.train)

    def everything(self, family: str | None) -> tuple[FittedRecipe, np.ndarray, np.ndarray]:
        """A recipe fitted on every row, its features and their target, for the final fit."""
        fitted = self.recipes.fit(family, np.arange(len(self.target)))
        return fitted, fitted.training_features, self.target[np.asarray(fitted.training_rows)]
