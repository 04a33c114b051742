"""Rows that leave the training data: duplicates, incomplete rows, outliers. Served rows are never dropped."""

from typing import Any

import numpy as np
import pandas as pd

from ..columns import ValueColumns
from ..step import SELECTORS, FitContext, RowStep, finite


class DropDuplicates(RowStep):
    """Takes out rows that repeat an earlier one."""

    step = "drop_duplicates"
    accepts = SELECTORS["*all"]

    def kept(self, columns: ValueColumns, context: FitContext) -> np.ndarray:
        chosen = pd.DataFrame({name: columns.values[name] for name in self.columns})
        mask = ~chosen.duplicated().to_numpy() if self.columns else np.ones(columns.rows, dtype=bool)
        self.removed = int((~mask).sum())
        return mask

    def summary(self) -> dict[str, Any]:
        return {"rowsRemoved": self.removed}


class DropMissingRows(RowStep):
    """Takes out rows that miss a value."""

    step = "drop_missing_rows"
    accepts = SELECTORS["*all"]

    def kept(self, columns: ValueColumns, context: FitContext) -> np.ndarray:
        mask = np.ones(columns.rows, dtype=bool)
        for name in self.columns:
            mask &= ~columns.missing(name)
        self.removed = int((~mask).sum())
        return mask

    def summary(self) -> dict[str, Any]:
        return {"rowsRemoved": self.removed}


class RemoveOutliers(RowStep):
    """Takes out rows with an outlying value, or that are easy to isolate (Liu, Ting and Zhou 2008)."""

    step = "remove_outliers"
    accepts = frozenset({"number", "integer", "boolean"})

    def kept(self, columns: ValueColumns, context: FitContext) -> np.ndarray:
        if self.parameters["method"] == "isolation_forest":
            mask = self._not_isolated(columns, context)
        else:
            mask = np.ones(columns.rows, dtype=bool)
            for name in self.columns:
                values = columns.values[name]
                low, high = outlier_limits(finite(values), self.parameters["method"], self.parameters["threshold"])
                mask &= ~((values < low) | (values > high))
        self.removed = int((~mask).sum())
        return mask

    def summary(self) -> dict[str, Any]:
        return {"rowsRemoved": self.removed}

    def _not_isolated(self, columns: ValueColumns, context: FitContext) -> np.ndarray:
        if not self.columns:
            return np.ones(columns.rows, dtype=bool)
        from sklearn.ensemble import IsolationForest

        numbers = columns.numbers(self.columns)
        numbers = np.where(np.isfinite(numbers), numbers, np.nan)
        medians = np.array(
            [np.median(finite(numbers[:, index])) if np.isfinite(numbers[:, index]).any() else 0.0 for index in range(numbers.shape[1])]
        )
        filled = np.where(np.isnan(numbers), medians, numbers)
        forest = IsolationForest(n_estimators=200, max_samples=min(256, len(filled)), random_state=context.seed).fit(filled)
        removed = int(np.floor(self.parameters["contamination"] * len(filled)))
        order = np.argsort(forest.score_samples(filled), kind="stable")
        mask = np.ones(len(filled), dtype=bool)
        mask[order[:removed]] = False
        return mask


def outlier_limits(values: np.ndarray, method: str, threshold: float | None) -> tuple[float, float]:
    """The least and greatest value that is no outlier: by z-score, Tukey's fences or percentiles."""
    if not len(values):
        return -np.inf, np.inf
    if method == "zscore":
        reach = (3.0 if threshold is None else threshold) * values.std()
        return float(values.mean() - reach), float(values.mean() + reach)
    if method == "percentile":
        cut = (1.0 if threshold is None else threshold) / 100.0
        low, high = np.quantile(values, [min(cut, 0.5), max(1.0 - cut, 0.5)])
        return float(low), float(high)
    low, high = np.quantile(values, [0.25, 0.75])
    reach = (1.5 if threshold is None else threshold) * (high - low)
    return float(low - reach), float(high + reach)
