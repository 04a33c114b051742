"""What the model pays attention to, by raw column: permutation importance and partial dependence."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from atoll_engines.recipes import InputColumn
from atoll_engines.tabular.data import NUMERIC
from atoll_engines.tabular.metrics import score, sign
from atoll_engines.tabular.pipeline import Pipeline

PERMUTED_ROWS = 2000
REPEATS = 5
RESPONSE_ROWS = 400
POINTS = 20
MOST_COLUMNS = 30


def permutation_importance(
    pipeline: Pipeline,
    frame: pd.DataFrame,
    actual: np.ndarray,
    metric: str,
    seed: int,
    until: float,
    on_column: Callable[[int, int], None],
) -> list[dict[str, Any]]:
    """How much the metric falls when a column's values are shuffled among held-out rows (Breiman 2001; Fisher et al. 2019).

    Stops after `until` (monotonic seconds) and then leaves out the columns it did not come to.
    """
    random = np.random.default_rng(seed)
    if len(frame) > PERMUTED_ROWS:
        chosen = np.sort(random.choice(len(frame), PERMUTED_ROWS, replace=False))
        frame, actual = frame.iloc[chosen], actual[chosen]
    names = [column.name for column in pipeline.recipe.inputs]
    frame = frame[names].reset_index(drop=True)
    usual = score(metric, actual, pipeline.predict(frame), pipeline.threshold)
    found = []
    for number, name in enumerate(names):
        falls = []
        for _ in range(REPEATS):
            shuffled = frame.copy(deep=False)
            shuffled[name] = frame[name].to_numpy()[random.permutation(len(frame))]
            value = score(metric, actual, pipeline.predict(shuffled), pipeline.threshold)
            falls.append(sign(metric) * (usual - value))
        found.append({"column": name, "mean": float(np.mean(falls)), "std": float(np.std(falls, ddof=1))})
        on_column(number + 1, len(names))
        if time.monotonic() > until:
            break
    return sorted(found, key=lambda one: -one["mean"])


def partial_dependence(
    pipeline: Pipeline, frame: pd.DataFrame, columns: list[str], seed: int, until: float
) -> list[dict[str, Any]]:
    """The mean answer with one column set to each of its values in turn (Friedman 2001).

    The answer is the probability of the positive class, of each class with more than two, or the prediction.
    """
    random = np.random.default_rng(seed)
    inputs = {column.name: column for column in pipeline.recipe.inputs}
    frame = frame[list(inputs)].reset_index(drop=True)
    rows = frame
    if len(rows) > RESPONSE_ROWS:
        rows = rows.iloc[np.sort(random.choice(len(rows), RESPONSE_ROWS, replace=False))].reset_index(drop=True)
    curves = []
    # A whole text is no point on an axis.
    for name in [one for one in columns if inputs[one].type != "text"][:MOST_COLUMNS]:
        values, counts = points_of(frame[name], inputs[name])
        if len(values) < 2:
            continue
        # All the copies at once: one transformation and one prediction for each column.
        copies = pd.concat([rows] * len(values), ignore_index=True)
        copies[name] = np.repeat(np.array(values, dtype=frame[name].dtype), len(rows))
        answer = pipeline.predict(copies)
        answer = answer[:, 1] if pipeline.task == "binary" else answer
        response = answer.reshape(len(values), len(rows), -1).mean(axis=1)
        curves.append(
            {
                "column": name,
                "values": [shown(value, inputs[name]) for value in values],
                "response": response[:, 0].tolist() if response.shape[1] == 1 else response.tolist(),
                "counts": counts,
            }
        )
        if time.monotonic() > until:
            break
    return curves


def points_of(values: pd.Series, column: InputColumn) -> tuple[list[Any], list[int]]:
    """Where to look along a column, and how many rows lie about each point."""
    present = values.dropna()
    if column.type not in NUMERIC and column.type != "datetime":
        counts = present.value_counts().head(POINTS)
        return list(counts.index), counts.tolist()
    distinct = np.sort(present.unique())
    if len(distinct) <= POINTS:
        counts = present.value_counts()
        return list(distinct), [int(counts[value]) for value in distinct]
    numbers = present.to_numpy()
    points = np.unique(np.quantile(numbers, np.linspace(0.01, 0.99, POINTS), method="nearest"))
    edges = np.append(points[:-1] + (points[1:] - points[:-1]) / 2, numbers.max())
    nearest = np.searchsorted(edges, numbers, side="left").clip(max=len(points) - 1)
    return list(points), np.bincount(nearest, minlength=len(points)).tolist()


def shown(value: Any, column: InputColumn) -> Any:
    if column.type == "datetime":
        return pd.Timestamp(value).isoformat() + "Z"
    return value if isinstance(value, str) else float(value)
