"""Missing values: fill them, mark them, or drop the columns that have too many."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from ..columns import Columns, ValueColumns
from ..imputers import IterativeImputer, NearestImputer
from ..raw import STRING_TYPES
from ..step import SELECTORS, FitContext, Step, finite

MISSING_LABEL = "Missing"
_STRINGS = frozenset({"category", "text"})
_NUMBERS = frozenset({"number", "integer", "boolean", "datetime"})
_FEATURES = frozenset({"number", "integer", "boolean"})
_ACCEPTS = {
    "mean": _NUMBERS,
    "median": _NUMBERS,
    "mode": SELECTORS["*all"],
    "constant": SELECTORS["*all"],
    "missing_category": _STRINGS,
    "knn": _FEATURES,
    "iterative": _FEATURES,
}


class Impute(Step):
    """Fills missing values with what the training rows say, and can mark where it did."""

    step = "impute"
    accepts = SELECTORS["*all"]

    def fit(self, columns: ValueColumns, context: FitContext) -> None:
        strategy = self.parameters["strategy"]
        self.columns = self.select(columns, accepts=_ACCEPTS[strategy])
        self.joint = None
        if strategy in ("knn", "iterative"):
            kind = NearestImputer if strategy == "knn" else IterativeImputer
            if self.columns:
                self.joint = kind(columns.numbers(self.columns), context.seed)
            self.fills = {}
        else:
            self.fills = {name: self._fill(columns, name, strategy) for name in self.columns}
        self.kinds = {name: columns.types[name] for name in self.columns}
        self.marks = {}
        if self.parameters["indicator"]:
            self.marks = {name: f"{name}_missing" for name in self.columns if columns.missing(name).any()}
            self.refuse_taken(columns, list(self.marks.values()))

    def apply(self, columns: Columns, wanted: set[str] | None) -> None:
        names = self.here(columns)
        strings = [name for name in names if self.kinds[name] in STRING_TYPES]
        numbers = [name for name in names if name not in set(strings)]
        marked = [name for name in names if name in self.marks]
        marks = self._marks(columns, marked)
        if strings:
            self._fill_strings(columns, strings)
        if numbers:
            self._fill_numbers(columns, numbers)
        for part, matrix in marks:
            columns.put([self.marks[name] for name in part], "boolean", matrix)

    def origins(self, output: str) -> Sequence[str]:
        for name, mark in self.marks.items():
            if output == mark:
                return [name]
        return self.columns if self.joint is not None and output in self.columns else [output]

    def summary(self) -> dict[str, Any]:
        if self.joint is not None:
            return {"columns": self.columns, **self.joint.summary(), "indicators": list(self.marks.values())}
        return {"fills": self.fills, "indicators": list(self.marks.values())}

    def _fill(self, columns: ValueColumns, name: str, strategy: str) -> Any:
        values = columns.values[name]
        if columns.types[name] in STRING_TYPES:
            if strategy == "missing_category":
                return MISSING_LABEL
            if strategy == "constant":
                return self._constant(name, str)
            present = values[values != ""]
            return _mode(present) if len(present) else MISSING_LABEL
        if strategy == "constant":
            return self._constant(name, float)
        present = finite(values)
        if not len(present):
            # Nothing was seen to fill with; a whole column of zeros says nothing, which is true.
            return 0.0
        if strategy == "mean":
            return float(np.mean(present))
        return float(np.median(present)) if strategy == "median" else float(_mode(present))

    def _constant(self, name: str, kind: type) -> Any:
        value = self.parameters["value"]
        if value is None:
            raise self.error('the strategy "constant" needs a "value"')
        if kind is float and (isinstance(value, str) or not np.isfinite(value)):
            raise self.error(f'the value {value!r} is not a number, and column "{name}" holds numbers', column=name)
        if kind is str and not isinstance(value, str):
            raise self.error(f'the value {value!r} is not a text, and column "{name}" holds labels', column=name)
        return kind(value)

    def _marks(self, columns: Columns, marked: list[str]) -> list[tuple[list[str], Any]]:
        maths, found = columns.maths, []
        strings = [name for name in marked if self.kinds[name] in STRING_TYPES]
        numbers = [name for name in marked if name not in set(strings)]
        if numbers:
            found.append((numbers, maths.number(maths.is_missing(columns.numbers(numbers)))))
        if strings:
            empty = [[""]] * len(strings)
            found.append((strings, maths.string_values(columns.strings(strings), empty, [np.ones(1)] * len(strings), [0.0] * len(strings))))
        return found

    def _fill_strings(self, columns: Columns, names: list[str]) -> None:
        maths, strings = columns.maths, columns.strings(names)
        is_missing = maths.string_values(strings, [[""]] * len(names), [np.ones(1)] * len(names), [0.0] * len(names)) > 0.5
        fills = np.array([self.fills[name] for name in names], dtype=object)
        columns.put(names, [self.kinds[name] for name in names], maths.string_choice(is_missing, fills, strings))

    def _fill_numbers(self, columns: Columns, names: list[str]) -> None:
        maths, numbers = columns.maths, columns.numbers(names)
        if self.joint is not None:
            filled = self.joint.fill(maths, numbers)
        else:
            fills = np.array([self.fills[name] for name in names])
            filled = maths.where(maths.is_missing(numbers), fills, numbers)
        whole = self.parameters["strategy"] in ("mode", "constant")
        types = [self.kinds[name] if whole or self.kinds[name] == "datetime" else "number" for name in names]
        columns.put(names, types, filled)


class DropMissingColumns(Step):
    """Takes out columns whose share of missing values in the training rows is above a limit."""

    step = "drop_missing_columns"
    accepts = SELECTORS["*all"]

    def fit(self, columns: ValueColumns, context: FitContext) -> None:
        self.shares = {name: float(columns.missing(name).mean()) for name in self.select(columns)}
        self.columns = [name for name, share in self.shares.items() if share > self.parameters["above"]]

    def apply(self, columns: Columns, wanted: set[str] | None) -> None:
        columns.drop(self.here(columns))

    def summary(self) -> dict[str, Any]:
        return {"dropped": {name: self.shares[name] for name in self.columns}}


def _mode(values: np.ndarray) -> Any:
    """The most frequent value; the smallest of equally frequent ones."""
    counts = pd.Series(values).value_counts()
    return min(counts.index[counts == counts.iloc[0]])
