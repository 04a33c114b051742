"""Numbers on a common scale: (x - centre) / spread, with centre and spread from the training rows."""

from abc import abstractmethod
from typing import Any

import numpy as np

from ..columns import Columns, ValueColumns
from ..step import FitContext, Step, finite


class _Scale(Step):
    accepts = frozenset({"number", "integer", "boolean"})

    def fit(self, columns: ValueColumns, context: FitContext) -> None:
        super().fit(columns, context)
        self.scales: dict[str, tuple[float, float]] = {}
        for name in self.columns:
            values = finite(columns.values[name])
            centre, spread = self.measure(values) if len(values) else (0.0, 1.0)
            # A constant column keeps its unit: dividing by nothing would make it infinite.
            self.scales[name] = (float(centre), float(spread) if spread > 0 and np.isfinite(spread) else 1.0)

    @abstractmethod
    def measure(self, values: np.ndarray) -> tuple[float, float]:
        ...

    def apply(self, columns: Columns, wanted: set[str] | None) -> None:
        names = self.here(columns)
        if not names:
            return
        centres = np.array([self.scales[name][0] for name in names])
        spreads = np.array([self.scales[name][1] for name in names])
        columns.put(names, "number", (columns.numbers(names) - centres) / spreads)

    def summary(self) -> dict[str, Any]:
        return {"columns": {name: {"centre": centre, "spread": spread} for name, (centre, spread) in self.scales.items()}}


class StandardScale(_Scale):
    """Mean 0 and standard deviation 1."""

    step = "standard_scale"

    def measure(self, values: np.ndarray) -> tuple[float, float]:
        return values.mean(), values.std()


class MinMaxScale(_Scale):
    """The training range as 0 to 1."""

    step = "min_max_scale"

    def measure(self, values: np.ndarray) -> tuple[float, float]:
        return values.min(), values.max() - values.min()


class RobustScale(_Scale):
    """Median 0 and interquartile range 1, so that outliers have little say."""

    step = "robust_scale"

    def measure(self, values: np.ndarray) -> tuple[float, float]:
        low, middle, high = np.quantile(values, [0.25, 0.5, 0.75])
        return middle, high - low
