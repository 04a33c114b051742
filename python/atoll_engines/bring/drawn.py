"""Rows drawn from what a model tells of its columns, and copies of rows with cells changed."""

from __future__ import annotations

import numpy as np
import pandas as pd

from atoll_engines.bring.original import Column
from atoll_engines.tabular.parity_rows import UNSEEN_WORD

# Where nothing says what is usual.
USUAL = (-3.0, 100.0)
WORDS = (
    "alpha",
    "good",
    "bad",
    "the",
    "price",
    "of",
    "late",
    "and",
    "delivery",
    "was",
    "café",
    "naïve",
    "12",
    "x",
    "service",
    "not",
    "very",
    "!",
)


def drawn_rows(columns: list[Column], count: int, random: np.random.Generator) -> pd.DataFrame:
    """Rows in which each column is drawn by itself from its values, its range, and the numbers at which the model changes its mind."""
    return pd.DataFrame({column.name: drawn(column, count, random) for column in columns}, index=pd.RangeIndex(count, name="__row"))


def drawn(column: Column, count: int, random: np.random.Generator) -> np.ndarray:
    if column.is_words:
        if column.categories:
            return np.array(column.categories, dtype=object)[random.integers(0, len(column.categories), count)]
        return np.array([" ".join(random.choice(WORDS, random.integers(1, 9))) for _ in range(count)], dtype=object)
    if column.type == "datetime":
        days = random.integers(0, 9000, count)
        return np.datetime64("2002-01-01", "ms") + days.astype("timedelta64[D]")
    if column.type == "boolean":
        return random.integers(0, 2, count).astype(np.float64)
    points = np.array(column.points, np.float64)
    if column.is_whole and points.size:
        return random.choice(points, count)
    low, high = limits(column)
    values = random.uniform(low, high, count)
    if points.size:
        # At and close to where trees divide, as float32 holds it, so that no side is told by a rounding of JSON.
        near = random.choice(points, count) + random.normal(0, (high - low) / 50 or 1, count)
        values = np.where(random.random(count) < 0.5, values, near)
    if column.type == "integer" or column.is_whole:
        return np.round(values)
    return np.float64(np.float32(values))


def limits(column: Column) -> tuple[float, float]:
    """From where to where a column's numbers lie, as far as anything says it."""
    if column.low is not None and column.high is not None and column.high > column.low:
        return column.low, column.high
    finite = [point for point in column.points if np.isfinite(point)]
    if len(finite) > 1:
        low, high = min(finite), max(finite)
        return low - (high - low) * 0.2, high + (high - low) * 0.2
    if finite:
        return finite[0] - abs(finite[0]) - 1, finite[0] + abs(finite[0]) + 1
    if column.low is not None or column.high is not None:
        at = column.low if column.low is not None else float(column.high or 0)
        return at - 1, at + abs(at) + 1
    return USUAL


def knows_nothing(column: Column) -> bool:
    """Whether a drawn number is a guess."""
    return not column.is_words and column.type != "boolean" and column.type != "datetime" and column.low is None and not column.points


def recombined(frame: pd.DataFrame, count: int, random: np.random.Generator) -> pd.DataFrame:
    """Rows whose cells come from different rows, so that combinations occur that the sample has not."""
    places = {name: random.integers(0, len(frame), count) for name in frame.columns}
    made = {name: frame[name].to_numpy()[places[name]] for name in frame.columns}
    return pd.DataFrame(made, index=pd.RangeIndex(count, name="__row"))


def with_missing(frame: pd.DataFrame, columns: list[Column], random: np.random.Generator) -> pd.DataFrame:
    """Copies in which cells are missing, where the model takes it: each such column in turn, all at once, then some of them."""
    allowed = np.array([column.nullable is not False for column in columns])
    holes = (random.random(frame.shape) < 0.3) & allowed
    for number, position in enumerate(np.flatnonzero(allowed)[: len(frame)]):
        holes[number] = np.arange(frame.shape[1]) == position
    if len(frame) > allowed.sum():
        holes[int(allowed.sum())] = allowed
    return pd.DataFrame({name: frame[name].where(~holes[:, at]) for at, name in enumerate(frame.columns)}, index=frame.index)


def with_unseen(frame: pd.DataFrame, columns: list[Column], random: np.random.Generator) -> pd.DataFrame:
    """Copies with words that the model never saw and numbers beyond what it did, where it takes them."""
    made = {}
    for column in columns:
        values, changed = frame[column.name], random.random(len(frame)) < 0.5
        if column.is_closed:
            made[column.name] = values
        elif column.is_words:
            made[column.name] = values.where(~changed, UNSEEN_WORD)
        elif column.type == "datetime":
            made[column.name] = values.where(~changed, values + np.timedelta64(4000, "D"))
        elif column.type == "boolean" or not np.isfinite(values.max()):
            made[column.name] = values
        else:
            far = np.where(random.random(len(frame)) < 0.5, np.floor(values.max() * 2 + 1000), np.ceil(values.min() * 2 - 1000))
            made[column.name] = values.where(~changed, pd.Series(far, index=frame.index))
    return pd.DataFrame(made, index=frame.index)
