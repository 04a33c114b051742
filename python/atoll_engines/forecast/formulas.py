"""What a model reads of a window, written once: on arrays in training, as nodes of the graph when served."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from atoll_engines.forecast.windows import Frame, Windows
from atoll_engines.recipes.civil_dates import civil_from_days, days_from_civil
from atoll_engines.recipes.graph import GraphBuilder
from atoll_engines.recipes.graph_maths import GraphMaths, GraphTensor
from atoll_engines.recipes.maths import NumpyMaths

LEAST_SCALE = 1e-9
GRID = 1024.0


class Arrays:
    """A window's parts as arrays [n, …], and how to pick and join their columns."""

    def __init__(self, windows: Windows) -> None:
        self.maths = NumpyMaths()
        self.values = windows.values
        self.time = windows.time[:, None].astype(np.float64)
        self.known = windows.known.reshape(len(windows), -1)

    def take(self, matrix: np.ndarray, columns: Sequence[int]) -> np.ndarray:
        return matrix[:, list(columns)]

    def join(self, parts: Sequence[np.ndarray]) -> np.ndarray:
        rows = max(part.shape[0] for part in parts)
        return np.concatenate([np.broadcast_to(part, (rows, part.shape[1])) for part in parts], axis=1)


class Nodes:
    """The same as tensors of a graph."""

    def __init__(self, graph: GraphBuilder, frame: Frame) -> None:
        self.graph = graph
        self.maths = GraphMaths(graph)
        lags, known = frame.context, len(frame.known) * frame.horizon
        self.values = self.take(GraphTensor(graph, "numbers"), range(lags))
        time = self.take(GraphTensor(graph, "numbers"), [lags])
        self.time = self.maths.where(self.maths.is_missing(time), 0.0, time)
        self.known = self.take(GraphTensor(graph, "numbers"), range(lags + 1, lags + 1 + known)) if known else None

    def take(self, matrix: GraphTensor, columns: Sequence[int]) -> GraphTensor:
        return self.maths.choose(matrix, list(columns))

    def join(self, parts: Sequence[Any]) -> GraphTensor:
        """Constants [1, k] become columns of every row."""
        like = next(part for part in parts if isinstance(part, GraphTensor))
        zero = self.maths.number(self.maths.is_missing(self.take(like, [0]))) * 0.0
        return self.maths.concat([part if isinstance(part, GraphTensor) else zero + np.asarray(part, np.float64) for part in parts])


def filled(of: Any) -> Any:
    """The window's values, each missing one as the mean of those that are there; 0 where none is."""
    maths = of.maths
    missing = maths.is_missing(of.values)
    zeroed = maths.where(missing, 0.0, of.values)
    present = maths.row_sum(maths.number(maths.invert(missing)))
    mean = maths.row_sum(zeroed) / maths.greatest(present, 1.0)
    return maths.where(missing, mean, of.values)


def level_and_scale(of: Any, values: Any, frame: Frame) -> tuple[Any, Any]:
    """The mean of the last season, and the mean absolute distance of the window's values from their mean: what values are measured by."""
    maths = of.maths
    recent = of.take(values, range(frame.context - min(frame.season, frame.context), frame.context))
    level = maths.row_sum(recent) / float(min(frame.season, frame.context))
    mean = maths.row_sum(values) / float(frame.context)
    scale = maths.row_sum(maths.abs(values - mean)) / float(frame.context)
    # A window without change has no scale of its own: values then are measured as they are.
    return level, maths.where(scale > LEAST_SCALE, scale, 1.0)


def calendar(of: Any, frame: Frame, step: int) -> list[Any]:
    """The parts of the date so many steps after the origin: of the week, the year, the month, and of the day below days."""
    maths, spacing = of.maths, frame.spacing
    days = maths.floor(of.time / 86_400_000.0)
    if spacing.months:
        year, month, _ = civil_from_days(maths, days)
        month = month + float(step * spacing.months)
        year = year + maths.floor((month - 1.0) / 12.0)
        month = month - 12.0 * maths.floor((month - 1.0) / 12.0)
        return [month, year]
    at = of.time + float(step * spacing.milliseconds)
    days = maths.floor(at / 86_400_000.0)
    year, month, day = civil_from_days(maths, days)
    first = days_from_civil(maths, year, month * 0.0 + 1.0, month * 0.0 + 1.0)
    weekday = days + 3.0 - 7.0 * maths.floor((days + 3.0) / 7.0)
    parts = [weekday, month, day, days - first]
    if spacing.milliseconds < 86_400_000:
        parts.append(maths.floor((at - 86_400_000.0 * days) / 900_000.0))
    return parts


def on_grid(maths: Any, x: Any) -> Any:
    return maths.floor(x * GRID + 0.5) / GRID


def boosting_features(of: Any, frame: Frame, step: int) -> Any:
    """float64 [n, features] for one step: recent values, those some seasons before the step, means, the calendar, what is known."""
    maths, season, context = of.maths, frame.season, frame.context
    values = filled(of)
    level, scale = level_and_scale(of, values, frame)
    scaled = (values - level) / scale
    lags = [at for at in range(1, context + 1) if at <= max(season, 7)][:28]
    # On a grid: sums that differ in their last bit, as those of two runtimes do, then fall on the same side of every split.
    scaled = on_grid(maths, scaled)
    parts = [of.take(scaled, [context - at for at in lags])]
    ahead = -(-step // season) * season
    aligned = [ahead - step + 1 + season * back for back in range(4)]
    aligned = [at for at in aligned if at <= context] or [context]
    while len(aligned) < 4:
        aligned.append(aligned[-1])
    seasonal = of.take(scaled, [context - at for at in aligned])
    parts += [seasonal, on_grid(maths, maths.row_sum(seasonal) / 4.0)]
    for width in (3, season, 4 * season):
        width = min(width, context)
        parts.append(on_grid(maths, maths.row_sum(of.take(scaled, range(context - width, context))) / float(width)))
    parts += calendar(of, frame, step)
    parts.append(np.array([[float(step)]]))
    if frame.known:
        parts.append(of.take(of.known, [number * frame.horizon + step - 1 for number in range(len(frame.known))]))
    return of.join(parts)
