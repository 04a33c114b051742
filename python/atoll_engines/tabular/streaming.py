"""Preparation of a table too large to hold: raw rows pass by piece by piece, and only their features stay.

The recipe is fitted on a sample of the training rows. Features lie in one float32 matrix, training rows first and in
random order, so that every part a fit needs is a slice of it and nothing is copied.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from atoll_engines.contract import Job, Report
from atoll_engines.recipes import FittedRecipe
from atoll_engines.tabular.data import read_chunks, refuse_infinite
from atoll_engines.tabular.folds import Fold, divide
from atoll_engines.tabular.package import Seen
from atoll_engines.tabular.preparation import Derived, FoldFeatures, Preparation, Recipes
from atoll_engines.tabular.request import Request
from atoll_engines.tabular.training_table import Labels, Source, refuse_all_missing

if TYPE_CHECKING:
    from atoll_engines.tabular.trial import Trials

FITTED_ON = 200_000
HELD_OUT_SAMPLE = 10_000
JUDGED_ON = 30_000
ROW_STEPS = ("drop_duplicates", "drop_missing_rows", "remove_outliers")


class StreamedPreparation:
    """Like `Preparation`, for a single holdout and one family's features at a time."""

    def __init__(self, source: Source, labels: Labels, request: Request, job: Job, report: Report) -> None:
        self.source, self.labels, self.report, self.task = source, labels, report, request.task
        self.target = labels.target.values
        random = np.random.default_rng(job.seed)
        fold = labels.division.folds[0]
        self.order = np.concatenate([random.permutation(fold.train), fold.valid])
        self.train_count = len(fold.train)
        fitted_on = np.sort(self.order[: min(FITTED_ON, self.train_count)])
        held_out = np.sort(random.choice(fold.valid, min(HELD_OUT_SAMPLE, len(fold.valid)), replace=False))
        self.sample_rows = np.sort(np.concatenate([fitted_on, held_out]))
        self.frame = self._read_sample()
        refuse_all_missing(self.frame)
        self.fitted_on = np.searchsorted(self.sample_rows, fitted_on)
        self.held_out = np.searchsorted(self.sample_rows, held_out)
        self.recipes = Recipes(
            self.frame.iloc[self.fitted_on],
            source.schema,
            self.target[fitted_on],
            request.task,
            job.seed,
            request.recipe,
        )
        self.seen: Seen | None = None
        self._kept: tuple[str, FittedRecipe, np.ndarray] | None = None
        self._warn_of_row_steps()

    def use_derived(self, derived: list[Derived]) -> None:
        self.recipes.use_derived(derived)
        self._kept = None

    def fold(self, family: str | None, number: int, fold: Fold) -> FoldFeatures:
        """The holdout's features; the number and the fold are those of the only one."""
        recipe, matrix = self._features(family)
        return FoldFeatures(
            x_train=matrix[: self.train_count],
            y_train=self.target[self.order[: self.train_count]],
            x_valid=matrix[self.train_count :],
            y_valid=self.target[self.order[self.train_count :]],
            train_rows=self.order[: self.train_count],
            is_shuffled=True,
            codes=recipe.codes,
            origins=recipe.origins,
        )

    def everything(self, family: str | None) -> tuple[FittedRecipe, np.ndarray, np.ndarray]:
        """The recipe as it is, and every row's features and target, for the final fit."""
        recipe, matrix = self._features(family)
        return recipe, matrix, self.target[self.order]

    def _features(self, family: str | None) -> tuple[FittedRecipe, np.ndarray]:
        key = self.recipes.key(family)
        if self._kept is None or self._kept[0] != key:
            # The old matrix must go before the new one is made.
            self._kept = None
            recipe = self.recipes.fit(family, np.arange(len(self.fitted_on)))
            self._kept = (key, recipe, self._stream(recipe))
        return self._kept[1], self._kept[2]

    def _stream(self, recipe: FittedRecipe) -> np.ndarray:
        """Transform every row into its place in the matrix."""
        place = np.empty(len(self.order), np.int64)
        place[self.order] = np.arange(len(self.order))
        matrix = np.empty((len(self.order), len(recipe.feature_names)), np.float32)
        names = [column.name for column in recipe.inputs]
        seen = Seen(recipe.inputs)
        done = 0
        for chunk in self._chunks(names, self.labels.usable):
            refuse_infinite(chunk)
            seen.add(chunk)
            matrix[place[done : done + len(chunk)]] = recipe.transform(chunk)
            done += len(chunk)
            self.report.progress("prepare", done, len(self.order), None, f"{done} of {len(self.order)} rows prepared")
        self.seen = seen
        return matrix

    def _read_sample(self) -> pd.DataFrame:
        usable = np.flatnonzero(self.labels.usable)
        only = np.zeros(len(self.labels.usable), bool)
        only[usable[self.sample_rows]] = True
        return pd.concat(list(self._chunks(self.source.names, only)))

    def _chunks(self, names: list[str], only: np.ndarray) -> Any:
        start = 0
        for table in self.source.tables:
            yield from read_chunks(table, names, only=only[start : start + table.rows])
            start += table.rows

    def _warn_of_row_steps(self) -> None:
        given = self.recipes.given or []
        found = [step["step"] for step in given if isinstance(step, dict) and step.get("step") in ROW_STEPS]
        if found:
            self.report.warning(
                "row_steps_on_sample",
                f"The table has {len(self.order)} rows, so the recipe was fitted on a sample of {len(self.fitted_on)}; "
                f"{', '.join(found)} took rows out of the sample, not out of the rows that the model is fitted on.",
                steps=found,
            )


def sample_to_judge(trials: Trials, seed: int) -> Trials:
    """A part of the sample as a table of its own, to judge derived features on."""
    whole = trials.preparation.recipes
    rows = np.sort(np.random.default_rng(seed).permutation(len(whole.target))[:JUDGED_ON])
    frame, target = whole.frame.iloc[rows], whole.target[rows]
    choice = Recipes(frame, whole.schema, target, whole.task, seed, {"auto": True})
    division = divide(target, whole.task, "stratified", 3, seed)
    return replace(trials, preparation=Preparation(choice), division=division)
