"""What sets each group apart: the raw columns in which its rows differ most from all rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from atoll_engines.recipes import InputColumn
from atoll_engines.recipes.raw import column_values
from atoll_engines.unsupervised.algorithms.model import NOISE

MOST_COLUMNS, MOST_VALUES = 10, 30
MISSING = "(missing)"


def describe_groups(
    frame: pd.DataFrame, inputs: list[InputColumn], clusters: np.ndarray, labels: np.ndarray | None
) -> list[dict[str, Any]]:
    """Each group's size, the columns that differ, and, where labels are known, which of them it holds."""
    facts = [fact for column in inputs for fact in column_facts(frame, column)]
    groups = []
    for name in np.unique(clusters):
        inside = clusters == name
        found = sorted((difference(fact, inside) for fact in facts), key=lambda one: -abs(one["effect"]))
        groups.append(
            {
                "cluster": int(name),
                "isNoise": bool(name == NOISE),
                "rows": int(inside.sum()),
                "share": float(inside.mean()),
                "differs": one_for_each_column(found)[:MOST_COLUMNS],
                "labels": None if labels is None else label_counts(labels[inside]),
            }
        )
    return groups


def column_facts(frame: pd.DataFrame, column: InputColumn) -> list[dict[str, Any]]:
    """A column as numbers to compare: itself, or a 0/1 column for each frequent value."""
    values = column_values(frame, column)
    base = {"column": column.name, "type": column.type}
    if column.type in ("number", "integer", "datetime"):
        facts = [base | {"value": None, "numbers": values}]
        gone = np.isnan(values)
    else:
        words = np.array(["" if v != v else ("true" if v else "false") for v in values]) if column.type == "boolean" else values
        gone = words == ""
        frequent = pd.Series(words[~gone]).value_counts().index[:MOST_VALUES] if column.type != "text" else []
        facts = [base | {"value": str(word), "numbers": (words == word).astype(np.float64)} for word in frequent]
    if 0 < gone.mean() < 1:
        facts.append(base | {"value": MISSING, "numbers": gone.astype(np.float64)})
    return facts


def difference(fact: dict[str, Any], inside: np.ndarray) -> dict[str, Any]:
    """The means inside and over all, and their gap in standard deviations of all rows."""
    numbers = fact["numbers"]
    here, overall, spread = (np.nanmean(numbers[inside]) if np.any(~np.isnan(numbers[inside])) else np.nan,
                             np.nanmean(numbers) if np.any(~np.isnan(numbers)) else np.nan,
                             np.nanstd(numbers) if np.any(~np.isnan(numbers)) else 0.0)  # fmt: skip
    gap = (here - overall) / spread if spread > 0 and np.isfinite(here) else 0.0
    return {
        "column": fact["column"], "type": fact["type"], "value": fact["value"], "here": float(here), "overall": float(overall),
        "effect": float(gap),
    }  # fmt: skip


def one_for_each_column(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The strongest difference of each column, strongest first."""
    seen: set[str] = set()
    kept = []
    for one in found:
        if one["column"] not in seen and one["effect"] != 0:
            seen.add(one["column"])
            kept.append(one)
    return kept


def label_counts(labels: np.ndarray) -> list[dict[str, Any]]:
    counts = pd.Series(labels.astype(str)).value_counts()
    return [{"label": str(name), "rows": int(count)} for name, count in counts.items()][:20]
