"""Outlying values: cap them, winsorise them, or take signed logarithms."""

from abc import abstractmethod
from typing import Any

import numpy as np

from ..columns import Columns, ValueColumns
from ..step import FitContext, Step, finite
from .rows import outlier_limits

_NUMBERS = frozenset({"number", "integer", "boolean"})


class _Limit(Step):
    accepts = _NUMBERS

    @abstractmethod
    def limits(self, values: np.ndarray) -> tuple[float, float]:
        ...

    def fit(self, columns: ValueColumns, context: FitContext) -> None:
        super().fit(columns, context)
        self.ranges = {name: self.limits(finite(columns.values[name])) for name in self.columns}

    def apply(self, columns: Columns, wanted: set[str] | None) -> None:
        names, maths = self.here(columns), columns.maths
        if names:
            lows = np.array([self.ranges[name][0] for name in names])
            highs = np.array([self.ranges[name][1] for name in names])
            columns.put(names, "number", maths.least(maths.greatest(columns.numbers(names), lows), highs))

    def summary(self) -> dict[str, Any]:
        return {"limits": {name: {"low": low, "high": high} for name, (low, high) in self.ranges.items()}}


class Cap(_Limit):
    """Values beyond the limit for outliers become the limit."""

    step = "cap"

    def limits(self, values: np.ndarray) -> tuple[float, float]:
        return outlier_limits(values, self.parameters["method"], self.parameters["threshold"])


class Winsorise(_Limit):
    """Values beyond two training quantiles become those quantiles."""

    step = "winsorise"

    def fit(self, columns: ValueColumns, context: FitContext) -> None:
        lower, upper = self.parameters["lower"], self.parameters["upper"]
        if lower >= upper:
            raise self.error(f'"lower" ({lower}) must be below "upper" ({upper})')
        super().fit(columns, context)

    def limits(self, values: np.ndarray) -> tuple[float, float]:
        if not len(values):
            return -np.inf, np.inf
        low, high = np.quantile(values, [self.parameters["lower"], self.parameters["upper"]])
        return float(low), float(high)


class SignedLog(Step):
    """sign(x) · ln(1 + |x|)."""

    step = "log"
    accepts = _NUMBERS

    def apply(self, columns: Columns, wanted: set[str] | None) -> None:
        names, maths = self.here(columns), columns.maths
        if names:
            numbers = columns.numbers(names)
            columns.put(names, "number", maths.sign(numbers) * maths.log(maths.abs(numbers) + 1.0))
