"""The shape of a distribution: bins, logarithm, power and quantile transforms."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ..columns import Columns, ValueColumns
from ..maths import NumpyMaths
from ..step import FitContext, Step, finite

_NUMBERS = frozenset({"number", "integer", "boolean"})
# Power parameters are estimated on at most this many rows.
_SAMPLE_ROWS = 100_000
# Normal scores end here, as those of the first and last of some ten million values would.
_MOST_SCORE = 5.2


class Bin(Step):
    """The number of the interval that a value lies in."""

    step = "bin"
    accepts = _NUMBERS

    def fit(self, columns: ValueColumns, context: FitContext) -> None:
        super().fit(columns, context)
        self.edges = {name: self._edges(finite(columns.values[name])) for name in self.columns}

    def apply(self, columns: Columns, wanted: set[str] | None) -> None:
        names, maths = self.here(columns), columns.maths
        if names:
            numbers = columns.numbers(names)
            edges = padded([self.edges[name] for name in names])
            counts = maths.count_passed(numbers, edges)
            columns.put(names, "integer", maths.where(maths.is_missing(numbers), np.nan, counts))

    def summary(self) -> dict[str, Any]:
        return {"edges": {name: edges.tolist() for name, edges in self.edges.items()}}

    def _edges(self, values: np.ndarray) -> np.ndarray:
        if not len(values):
            return np.empty(0)
        bins = int(self.parameters["bins"])
        if self.parameters["strategy"] == "uniform":
            edges = np.linspace(values.min(), values.max(), bins + 1)[1:-1]
        else:
            edges = np.quantile(values, np.linspace(0, 1, bins + 1)[1:-1])
        return np.unique(edges)


class Log1p(Step):
    """ln(1 + x), missing where x is -1 or less."""

    step = "log1p"
    accepts = _NUMBERS

    def apply(self, columns: Columns, wanted: set[str] | None) -> None:
        names, maths = self.here(columns), columns.maths
        if names:
            shifted = columns.numbers(names) + 1.0
            columns.put(names, "number", maths.log(maths.where(shifted > 0.0, shifted, np.nan)))


class YeoJohnson(Step):
    """The power transform of Yeo and Johnson (2000) by maximum likelihood, then mean 0 and standard deviation 1."""

    step = "yeo_johnson"
    accepts = _NUMBERS

    def fit(self, columns: ValueColumns, context: FitContext) -> None:
        super().fit(columns, context)
        self.fitted: dict[str, tuple[float, float, float]] = {}
        for name in self.columns:
            values = finite(columns.values[name])
            power = _power(values, context.seed)
            shaped = finite(_shaped(columns.maths, values.reshape(-1, 1), np.array([power]))) if len(values) else values
            mean, spread = (float(shaped.mean()), float(shaped.std())) if len(shaped) else (0.0, 1.0)
            self.fitted[name] = (power, mean, spread if spread > 0 and np.isfinite(spread) else 1.0)

    def apply(self, columns: Columns, wanted: set[str] | None) -> None:
        names = self.here(columns)
        if names:
            powers, means, spreads = (np.array(part) for part in zip(*(self.fitted[name] for name in names), strict=True))
            columns.put(names, "number", (_shaped(columns.maths, columns.numbers(names), powers) - means) / spreads)

    def summary(self) -> dict[str, Any]:
        return {"powers": {name: power for name, (power, _, _) in self.fitted.items()}}


class QuantileTransform(Step):
    """The place of a value among the training values, linear between learned quantiles."""

    step = "quantile_transform"
    accepts = _NUMBERS

    def fit(self, columns: ValueColumns, context: FitContext) -> None:
        super().fit(columns, context)
        self.curves = {name: self._curve(finite(columns.values[name])) for name in self.columns}

    def apply(self, columns: Columns, wanted: set[str] | None) -> None:
        names, maths = self.here(columns), columns.maths
        if not names:
            return
        points = padded([self.curves[name][0] for name in names])
        depth = points.shape[1]
        starts, values, slopes = (np.zeros((len(names), depth + 1)) for _ in range(3))
        for index, name in enumerate(names):
            x, y = self.curves[name]
            starts[index], values[index] = x[-1], y[-1]
            starts[index, 0], values[index, 0] = x[0], y[0]
            starts[index, 1 : len(x)], values[index, 1 : len(x)] = x[:-1], y[:-1]
            slopes[index, 1 : len(x)] = np.diff(y) / np.diff(x)
        lows, highs = points[:, 0], np.array([self.curves[name][0][-1] for name in names])
        numbers = maths.least(maths.greatest(columns.numbers(names), lows), highs)
        passed = maths.count_passed(numbers, points)
        place = maths.position(passed + np.arange(len(names)) * float(depth + 1))
        along = (numbers - maths.lookup(starts.ravel(), place)) * maths.lookup(slopes.ravel(), place)
        columns.put(names, "number", maths.lookup(values.ravel(), place) + along)

    def summary(self) -> dict[str, Any]:
        return {"quantiles": {name: len(x) for name, (x, _) in self.curves.items()}}

    def _curve(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        if not len(values):
            return np.zeros(1), np.zeros(1)
        places = np.linspace(0, 1, min(int(self.parameters["quantiles"]), max(len(values), 2)))
        points = np.quantile(values, places)
        x, groups = np.unique(points, return_inverse=True)
        # A value that several quantiles share lies in the middle of them.
        y = np.bincount(groups, weights=places) / np.bincount(groups)
        if self.parameters["output"] == "normal":
            from scipy import special

            y = np.clip(special.ndtri(y), -_MOST_SCORE, _MOST_SCORE)
        return x, y


def padded(rows: list[np.ndarray]) -> np.ndarray:
    """Rows of different lengths as one matrix; the filling compares with nothing."""
    matrix = np.full((len(rows), max(1, max(map(len, rows)))), np.nan)
    for index, row in enumerate(rows):
        matrix[index, : len(row)] = row
    return matrix


def _power(values: np.ndarray, seed: int) -> float:
    if len(values) > _SAMPLE_ROWS:
        values = np.random.default_rng(seed).choice(values, _SAMPLE_ROWS, replace=False)
    if len(values) < 3 or values.std() == 0 or np.abs(values).max() > 1e100:
        return 1.0
    power = _highest(lambda candidate: _likelihood(values, candidate), -8.0, 10.0)
    # Next to 0 and 2 the formula would lose its digits; the logarithm there is its limit.
    return 0.0 if abs(power) < 1e-4 else 2.0 if abs(power - 2.0) < 1e-4 else power


def _likelihood(values: np.ndarray, power: float) -> float:
    """The log-likelihood of a power, up to a constant (Yeo and Johnson 2000)."""
    spread = _shaped(NumpyMaths(), values.reshape(-1, 1), np.array([power])).var()
    if not np.isfinite(spread) or spread <= 0:
        return -np.inf
    return float(-0.5 * len(values) * np.log(spread) + (power - 1.0) * np.sum(np.sign(values) * np.log1p(np.abs(values))))


def _highest(score: Callable[[float], float], low: float, high: float) -> float:
    """Where a function with one peak is highest, to six digits (golden-section search, Kiefer 1953)."""
    ratio = (np.sqrt(5.0) - 1.0) / 2.0
    left, right = high - ratio * (high - low), low + ratio * (high - low)
    at_left, at_right = score(left), score(right)
    while high - low > 1e-6:
        if at_left >= at_right:
            high, right, at_right = right, left, at_left
            left = high - ratio * (high - low)
            at_left = score(left)
        else:
            low, left, at_left = left, right, at_right
            right = low + ratio * (high - low)
            at_right = score(right)
    return float((low + high) / 2.0)


def _shaped(maths: Any, x: Any, powers: np.ndarray) -> Any:
    """Yeo-Johnson with a power for each column."""
    up = maths.log(maths.greatest(x, 0.0) + 1.0)
    down = maths.log(maths.greatest(-x, 0.0) + 1.0)
    positive = _branch(maths, up, powers)
    negative = -_branch(maths, down, 2.0 - powers)
    return maths.where(x >= 0.0, positive, negative)


def _branch(maths: Any, logarithm: Any, powers: np.ndarray) -> Any:
    straight = powers == 0.0
    if straight.all():
        return logarithm
    safe = np.where(straight, 1.0, powers)
    powered = (maths.exp(logarithm * safe) - 1.0) / safe
    return maths.where(straight, logarithm, powered) if straight.any() else powered
