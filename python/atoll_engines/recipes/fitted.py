"""Fitting a recipe on training rows, and the fitted recipe: arrays in, features out, or nodes in a graph."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ..errors import BadInput, what_exists
from .columns import Columns, GraphColumns, ValueColumns
from .graph import GraphBuilder
from .named import named_columns
from .notes import note
from .raw import InputColumn
from .registry import step_class
from .step import FitContext, RowStep, Step

# Rows, and cells of features, handled at once when transforming, so that any recipe on a long table stays within memory.
_CHUNK_ROWS, _CHUNK_CELLS = 200_000, 20_000_000
_FEATURE_TYPES = frozenset({"number", "integer", "boolean"})


@dataclass
class FittedSteps:
    """Steps fitted one after another, the training columns after the last of them, and what each changed."""

    steps: list[Step]
    columns: ValueColumns
    rows: np.ndarray
    history: list[dict[str, Any]]


class FittedRecipe:
    """A recipe fitted on training rows. It transforms raw rows and writes itself into a graph."""

    def __init__(
        self,
        inputs: list[InputColumn],
        feature_names: list[str],
        plan: list[tuple[Step, set[str]]],
        training_rows: np.ndarray,
        training_features: np.ndarray | None,
        history: list[dict[str, Any]],
        codes: tuple[int, ...] = (),
    ):
        # The raw columns really used, in order.
        self.inputs = inputs
        self.feature_names = feature_names
        # True for the training rows that the row steps kept.
        self.training_rows = training_rows
        # float32 features of the kept training rows; cross-fitted where a step looks at the target.
        self.training_features = training_features
        self.history = history
        # For each feature how many categories its codes count (ordinal codes that no later step changed), 0 for a number.
        self.codes = codes
        self._plan = plan

    def transform(self, frame: pd.DataFrame) -> np.ndarray:
        """float32 features [rows, features] of raw rows; NaN where no step fills a missing value."""
        result = np.empty((len(frame), len(self.feature_names)), dtype=np.float32)
        size = max(1, min(_CHUNK_ROWS, _CHUNK_CELLS // max(1, len(self.feature_names))))
        for start in range(0, len(frame), size):
            chunk = frame.iloc[start : start + size]
            columns = ValueColumns.read(chunk, self.inputs)
            result[start : start + len(chunk)] = self._features(columns)
        return result

    def emit(self, graph: GraphBuilder) -> str:
        """Adds the recipe to a graph built over `inputs`; returns the float32 [N, features] tensor's name."""
        return self._features(GraphColumns(graph, self.inputs)).name

    def origins(self) -> list[list[str]]:
        """The raw columns that each feature is made from."""
        names = {column.name for column in self.inputs}
        found = []
        for feature in self.feature_names:
            wanted = {feature}
            for step, _ in reversed(self._plan):
                wanted = _before(step, wanted)
            found.append([column.name for column in self.inputs if column.name in wanted & names])
        return found

    def describe(self) -> list[dict[str, Any]]:
        """What each step learned, readable."""
        return [{**line, "fitted": step.summary()} for line, (step, _) in zip(self.history, self._plan, strict=True)]

    def _features(self, columns: Columns) -> Any:
        with np.errstate(all="ignore"):
            for step, wanted in self._plan:
                step.apply(columns, wanted)
                columns.keep(wanted)
            return columns.maths.clamp_to_float32(columns.numbers(self.feature_names))

    def __getstate__(self) -> dict[str, Any]:
        # The training matrix is for the fit that made it, not for the stored pipeline.
        return {**self.__dict__, "training_features": None}


def fit_recipe(
    steps: Sequence[dict[str, Any]], frame: pd.DataFrame, schema: Sequence[InputColumn], target: np.ndarray | None, task: str, seed: int
) -> FittedRecipe:
    """Fits the steps in order on training rows; every remaining column must be numeric at the end."""
    done = fit_steps(steps, frame, schema, target, task, seed)
    _refuse_unfinished(done.columns)
    features = done.columns.names
    plan = _plan(done.steps, set(features))
    first = plan[0][1] if plan else set(features)
    needed = _before(done.steps[0], first) if plan else first
    matrix = np.empty((done.columns.rows, len(features)), dtype=np.float32)
    for index, name in enumerate(features):
        matrix[:, index] = done.columns.maths.clamp_to_float32(done.columns.values[name])
    mask = np.zeros(len(frame), dtype=bool)
    mask[done.rows] = True
    inputs = [InputColumn(column.name, "category" if column.type == "id" else column.type) for column in schema if column.name in needed]
    return FittedRecipe(inputs, features, plan, mask, matrix, done.history, _code_counts(done.steps, features))


def fit_steps(
    steps: Sequence[dict[str, Any]], frame: pd.DataFrame, schema: Sequence[InputColumn], target: np.ndarray | None, task: str, seed: int
) -> FittedSteps:
    """Fits the steps without asking that the result be numeric (a preview shows what there is)."""
    context = FitContext(_codes(target, task), task, seed)
    named = named_columns(steps)
    columns = ValueColumns.read(frame, [column for column in schema if column.type != "id" or column.name in named])
    # An identifier enters only where a step asks for it by name, and then as a category.
    columns.types = {name: "category" if kind == "id" else kind for name, kind in columns.types.items()}
    rows, fitted, history = np.arange(len(frame)), [], []
    if columns.rows == 0:
        raise BadInput("There are no training rows to fit the recipe on.")
    for number, given in enumerate(steps, start=1):
        step = _build(number, given)
        before, rows_before = columns.at_now(), columns.rows
        with np.errstate(all="ignore"):
            if isinstance(step, RowStep):
                step.fit(columns, context)
                kept = step.kept(columns, context)
                if not kept.any():
                    raise step.error("it would remove every training row")
                columns, context, rows = columns.at(kept), context.at(kept), rows[kept]
            else:
                step.fit_apply(columns, context)
        if not columns.names:
            raise step.error("no column is left after it")
        fitted.append(step)
        history.append(
            {
                "step": step.step,
                "columnsBefore": len(before.names),
                "columnsAfter": len(columns.names),
                "rowsBefore": rows_before,
                "rowsAfter": columns.rows,
                "note": note(before, columns),
            }
        )
    return FittedSteps(fitted, columns, rows, history)


def _code_counts(steps: list[Step], features: list[str]) -> tuple[int, ...]:
    """How many categories the codes of each feature count, where codes are what the last step to touch it made."""
    counts: dict[str, int] = {}
    for step in steps:
        made = step.code_counts()
        for name in step.columns:
            counts[name] = made.get(name, 0)
    return tuple(counts.get(name, 0) for name in features)


def _build(number: int, given: Any) -> Step:
    if not isinstance(given, dict) or not isinstance(given.get("step"), str):
        raise BadInput(f'Step {number} has no "step" name: {given!r}.', step=number)
    kind = step_class(given["step"])
    if kind is None:
        from .registry import step_names

        raise BadInput(
            f'Step {number}: there is no step "{given["step"]}". {what_exists(given["step"], step_names(), "steps")}',
            step=number,
            stepName=given["step"],
        )
    return kind(number, given)


def _plan(steps: list[Step], features: set[str]) -> list[tuple[Step, set[str]]]:
    """Each step with the columns that later steps, or the model, need of it."""
    plan, wanted = [], features
    for step in reversed(steps):
        plan.append((step, wanted))
        wanted = _before(step, wanted)
    return plan[::-1]


def _before(step: Step, wanted: set[str]) -> set[str]:
    return {origin for output in wanted for origin in step.origins(output)}


def _refuse_unfinished(columns: Columns) -> None:
    left = [(name, kind) for name, kind in columns.types.items() if kind not in _FEATURE_TYPES]
    if not left:
        return
    name, kind = left[0]
    advice = {"datetime": "date_parts or time_since", "text": "tfidf"}.get(kind, "one_hot, ordinal or target_encode")
    others = f" (and {len(left) - 1} more: {', '.join(other for other, _ in left[1:6])})" if len(left) > 1 else ""
    raise BadInput(
        f'After the last step column "{name}" is still of type {kind}{others}; a model takes numbers. Add {advice}, or drop_columns.',
        column=name,
        type=kind,
        columns=[other for other, _ in left],
    )


def _codes(target: np.ndarray | None, task: str) -> np.ndarray | None:
    """Class numbers (0, 1, … in sorted order) for classification, float64 for regression."""
    if target is None:
        return None
    if task == "regression":
        return np.asarray(target, dtype=np.float64)
    return np.unique(np.asarray(target), return_inverse=True)[1].astype(np.int64)

