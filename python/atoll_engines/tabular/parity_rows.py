"""Rows that put serving to the proof: held-out ones, and copies with missing and never-seen values."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

from atoll_engines.recipes import InputColumn

UNSEEN_WORD = "never seen in training ⚑"


INJECTED_ROWS = 250


def parity_parts(
    frame: pd.DataFrame, inputs: list[InputColumn], wanted: int, random: np.random.Generator
) -> tuple[list[str], pd.DataFrame]:
    """The kind of each row, and the rows: held-out ones, then copies with cells missing and cells never seen.

    A small sealed part is asked more often, each time with other cells missing or unseen, until there are rows enough.
    """
    held_out = frame
    if len(frame) > wanted:
        held_out = frame.iloc[np.sort(random.choice(len(frame), wanted, replace=False))]
    injected = max(INJECTED_ROWS, wanted // 4, -(-(wanted - len(held_out)) // 2))
    part = held_out.iloc[np.arange(injected) % len(held_out)] if len(held_out) < wanted else held_out.iloc[:injected]
    parts = {
        "held_out": held_out,
        "missing_injected": with_missing(part, random),
        "unseen_injected": with_unseen(part, inputs, random),
    }
    return [kind for kind, group in parts.items() for _ in range(len(group))], pd.concat(parts.values())


def with_missing(frame: pd.DataFrame, random: np.random.Generator, share: float = 0.3) -> pd.DataFrame:
    """A copy in which a share of all values is missing; in the first rows, each column in turn, then all at once."""
    result = frame.copy()
    holes = random.random(frame.shape) < share
    for position in range(min(len(frame), frame.shape[1])):
        holes[position] = np.arange(frame.shape[1]) == position
    if len(frame) > frame.shape[1]:
        holes[frame.shape[1]] = True
    for position, name in enumerate(frame.columns):
        result[name] = frame[name].where(~holes[:, position])
    return result


def with_unseen(frame: pd.DataFrame, inputs: list[InputColumn], random: np.random.Generator) -> pd.DataFrame:
    """A copy with words that training never saw, and numbers and dates beyond the range it saw."""
    result = frame.copy()
    for column in inputs:
        changed = random.random(len(frame)) < 0.5
        values = frame[column.name]
        if column.type in ("category", "text"):
            result[column.name] = values.where(~changed, UNSEEN_WORD)
        elif column.type in ("number", "integer"):
            high, low = values.max(), values.min()
            if not math.isfinite(high):
                continue
            far = np.where(random.random(len(frame)) < 0.5, np.floor(high * 2 + 1000), np.ceil(low * 2 - 1000))
            result[column.name] = values.where(~changed, pd.Series(far, index=frame.index))
        elif column.type == "datetime":
            result[column.name] = values.where(~changed, values + np.timedelta64(4000, "D"))
    return result


def as_requests(frame: pd.DataFrame, inputs: list[InputColumn]) -> list[dict[str, Any]]:
    """Rows as a client would send them: ISO dates, booleans, whole numbers, null for missing."""
    columns = {column.name: as_sent(frame[column.name], column.type) for column in inputs}
    return [{name: values[row] for name, values in columns.items()} for row in range(len(frame))]


def as_sent(values: pd.Series, type: str) -> list[Any]:
    missing = values.isna().to_numpy()
    if type == "datetime":
        return [
            None if gone else pd.Timestamp(value).isoformat(timespec="milliseconds") + "Z"
            for value, gone in zip(values, missing, strict=True)
        ]
    if type == "boolean":
        return [None if gone else bool(value) for value, gone in zip(values, missing, strict=True)]
    if type == "integer":
        return [None if gone else int(value) for value, gone in zip(values, missing, strict=True)]
    if type == "number":
        return [None if gone else float(value) for value, gone in zip(values, missing, strict=True)]
    return [None if gone else str(value) for value, gone in zip(values, missing, strict=True)]
