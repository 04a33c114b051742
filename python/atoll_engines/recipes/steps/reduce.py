"""Fewer columns that keep most of what the many said."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..columns import Columns, ValueColumns
from ..step import FitContext, Step


class Pca(Step):
    """Principal components of the standardised columns (Hotelling 1933); a missing value counts as the mean."""

    step = "pca"
    accepts = frozenset({"number", "integer", "boolean"})

    def fit(self, columns: ValueColumns, context: FitContext) -> None:
        super().fit(columns, context)
        if not self.columns:
            raise self.error("there is no numeric column to reduce")
        numbers = columns.numbers(self.columns)
        usable = np.where(np.isfinite(numbers), numbers, np.nan)
        usable = np.where(np.isnan(usable).all(axis=0), 0.0, usable)
        self.means, scales = np.nanmean(usable, axis=0), np.nanstd(usable, axis=0)
        self.scales = np.where(scales > 0, scales, 1.0)
        z = np.where(np.isnan(usable), 0.0, (usable - self.means) / self.scales)
        variances, vectors = np.linalg.eigh(z.T @ z / len(z))
        variances, vectors = np.maximum(variances[::-1], 0.0), vectors[:, ::-1]
        total = variances.sum()
        self.shares = variances / total if total > 0 else np.zeros_like(variances)
        count = self._count()
        # The largest loading of a component is positive, so that equal data gives equal signs.
        signs = np.sign(vectors[np.abs(vectors).argmax(axis=0), np.arange(vectors.shape[1])])
        self.weights = np.ascontiguousarray((vectors * np.where(signs == 0, 1.0, signs))[:, :count])
        self.features = [f"pca_{index + 1}" for index in range(count)]
        self.refuse_taken(columns, self.features)

    def apply(self, columns: Columns, wanted: set[str] | None) -> None:
        maths = columns.maths
        # A component that is wanted needs all columns; where none is, they may be absent.
        if not all(name in columns for name in self.columns):
            columns.drop(self.here(columns))
            return
        numbers = columns.numbers(self.columns)
        z = maths.where(maths.is_missing(numbers), 0.0, (numbers - self.means) / self.scales)
        columns.drop(self.columns)
        columns.put(self.features, "number", maths.product(z, self.weights))

    def origins(self, output: str) -> Sequence[str]:
        return self.columns if output in self.features else [output]

    def summary(self) -> dict[str, Any]:
        count = len(self.features)
        return {"components": count, "varianceKept": float(self.shares[:count].sum()), "shares": self.shares[:count].tolist()}

    def _count(self) -> int:
        wanted = self.parameters["components"]
        if wanted < 1:
            return int(min(np.searchsorted(np.cumsum(self.shares), wanted) + 1, len(self.shares)))
        return int(min(wanted, len(self.shares)))
