"""From raw columns to features for a model without a target."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from atoll_engines.recipes import FittedRecipe, InputColumn, auto_recipe, fit_recipe

UNWANTED = {
    "target_encode": ("frequency_encode", "Without a target, a label with many values enters as how frequent it is."),
}


@dataclass(frozen=True)
class Steps:
    """The recipe's steps and the reason for each."""

    steps: list[dict[str, Any]]
    reasons: list[str]


def choose_steps(frame: pd.DataFrame, schema: list[InputColumn], task: str, recipe: dict[str, Any], seed: int) -> Steps:
    """The steps given, or those that the data's profile suggests for models that measure distances."""
    if not recipe.get("auto"):
        return Steps(list(recipe.get("steps") or []), [])
    steps, reasons = auto_recipe(frame, schema, None, task, seed, "distance")
    chosen, last = [], []
    for step, reason in zip(steps, reasons, strict=True):
        if step["step"] in UNWANTED:
            name, why = UNWANTED[step["step"]]
            step, reason = {"step": name, "columns": step["columns"]}, f"{', '.join(step['columns'])}: {why}"
        # A far value is what an anomaly is, so nothing pulls it in.
        if step["step"] == "log" and task == "anomaly":
            continue
        # After scaling: a rare label would otherwise outweigh every number.
        (last if step["step"] == "one_hot" else chosen).append((step, reason))
    return Steps([step for step, _ in chosen + last], [reason for _, reason in chosen + last])


@dataclass
class Preparation:
    """A fitted recipe whose features have no missing values."""

    recipe: FittedRecipe
    fill: np.ndarray

    @property
    def inputs(self) -> list[InputColumn]:
        return self.recipe.inputs

    @property
    def names(self) -> list[str]:
        return self.recipe.feature_names

    def transform(self, frame: pd.DataFrame) -> np.ndarray:
        return self.filled(self.recipe.transform(frame))

    def filled(self, x: np.ndarray) -> np.ndarray:
        return np.where(np.isnan(x), self.fill, x)

    def emit(self, graph: Any) -> str:
        from atoll_engines.onnx_models.outputs import fill_missing

        return fill_missing(graph, self.recipe.emit(graph), self.fill)

    def describe(self) -> list[dict[str, Any]]:
        return self.recipe.describe()


def fit_preparation(
    steps: Steps, frame: pd.DataFrame, schema: list[InputColumn], task: str, seed: int
) -> tuple[Preparation, np.ndarray]:
    """The recipe fitted on these rows, and their features."""
    fitted = fit_recipe(steps.steps, frame, schema, None, task, seed)
    x = np.ascontiguousarray(fitted.training_features, np.float32)
    empty = np.isnan(x).all(axis=0)
    fill = np.nanmedian(np.where(empty, np.float32(0), x), axis=0).astype(np.float32)
    preparation = Preparation(fitted, fill)
    return preparation, preparation.filled(x)
