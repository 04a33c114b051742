"""Categories as numbers, without the target: one-hot, ordinal, frequency and hash encoding."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from ..columns import Columns, ValueColumns
from ..raw import STRING_TYPES
from ..step import FitContext, Step, finite

_LABELS = frozenset({"category", "text"})
_NUMBERS = frozenset({"number", "integer", "boolean"})
_OTHER, _MISSING = "(other)", "(missing)"


class OneHot(Step):
    """A 0/1 column for each frequent value; rare ones share a column, unseen ones go with them or get all zeros."""

    step = "one_hot"
    accepts = _LABELS | _NUMBERS

    def fit(self, columns: ValueColumns, context: FitContext) -> None:
        super().fit(columns, context)
        self.known: dict[str, list[Any]] = {}
        self.rare: dict[str, list[Any]] = {}
        # output column -> (input column, value); a value of None stands for the rare ones
        self.features: dict[str, tuple[str, Any]] = {}
        for name in self.columns:
            self._learn(columns, name)
        self.refuse_taken(columns, list(self.features))

    def apply(self, columns: Columns, wanted: set[str] | None) -> None:
        names = self.here(columns)
        features = [feature for feature, (name, _) in self.features.items() if name in columns and (wanted is None or feature in wanted)]
        strings = [name for name in names if columns.types[name] in STRING_TYPES]
        for part in (strings, [name for name in names if name not in set(strings)]):
            made = [feature for feature in features if self.features[feature][0] in set(part)]
            if made:
                codes = self._codes(columns, part, as_strings=part is strings)
                chosen = columns.maths.choose(codes, [part.index(self.features[feature][0]) for feature in made])
                targets = np.array([self._code(*self.features[feature]) for feature in made])
                columns.put(made, "boolean", columns.maths.number(columns.maths.is_equal(chosen, targets)))
        columns.drop(names)

    def origins(self, output: str) -> Sequence[str]:
        return [self.features[output][0]] if output in self.features else [output]

    def summary(self) -> dict[str, Any]:
        return {"columns": {name: {"values": values[:200], "rare": len(self.rare[name])} for name, values in self.known.items()}}

    def _learn(self, columns: ValueColumns, name: str) -> None:
        values = columns.values[name]
        is_text = columns.types[name] in STRING_TYPES
        counts = pd.Series(values if is_text else finite(values)).value_counts()
        least = self.parameters["minFrequency"]
        needed = least * columns.rows if least < 1 else least
        limit = int(self.parameters["maxCategories"])
        # By count, then by value, so that the order of the rows has no say.
        order = sorted(counts.index, key=lambda value: (-counts[value], value))
        frequent = [value for value in order[:limit] if counts[value] >= needed]
        self.known[name] = sorted(frequent)
        self.rare[name] = sorted(set(order) - set(frequent)) if is_text else [value for value in order if value not in set(frequent)]
        for value in self.known[name]:
            self.features[f"{name}={_shown(value)}"] = (name, value)
        if self.rare[name]:
            self.features[f"{name}={_OTHER}"] = (name, None)

    def _codes(self, columns: Columns, names: list[str], as_strings: bool) -> Any:
        """A code per cell: the value's place in `known`, the number after for rare and unseen ones, -1 for none."""
        maths = columns.maths
        if as_strings:
            known = [self.known[name] for name in names]
            vocabularies = [[*labels, *([] if "" in labels else [""])] for labels in known]
            values = [np.append(np.arange(len(labels), dtype=np.float64), [] if "" in labels else [-1.0]) for labels in known]
            unseen = [float(len(labels)) for labels in known]
            return maths.string_values(columns.strings(names), vocabularies, values, unseen)
        numbers = columns.numbers(names)
        depth = max(1, max(len(self.known[name]) for name in names))
        table = np.full((len(names), depth), np.nan)
        for index, name in enumerate(names):
            table[index, : len(self.known[name])] = self.known[name]
        found = maths.place_of(numbers, table) - 1.0
        others = np.array([float(len(self.known[name])) for name in names])
        codes = maths.where(found < 0.0, others, found)
        return maths.where(maths.is_missing(numbers), -1.0, codes)

    def _code(self, name: str, value: Any) -> float:
        return float(len(self.known[name]) if value is None else self.known[name].index(value))


class Ordinal(Step):
    """A whole number for each value, in the given order or sorted; missing and unseen values become -1."""

    step = "ordinal"
    accepts = _LABELS

    def fit(self, columns: ValueColumns, context: FitContext) -> None:
        super().fit(columns, context)
        order = self.parameters["order"]
        self.orders: dict[str, list[str]] = {}
        for name in self.columns:
            given = order.get(name) if isinstance(order, dict) else order
            seen = sorted(set(columns.values[name]) - {""})
            self.orders[name] = list(dict.fromkeys(map(str, given))) if given else seen

    def apply(self, columns: Columns, wanted: set[str] | None) -> None:
        names = self.here(columns)
        if not names:
            return
        vocabularies = [self.orders[name] for name in names]
        values = [np.arange(len(labels), dtype=np.float64) for labels in vocabularies]
        codes = columns.maths.string_values(columns.strings(names), vocabularies, values, [-1.0] * len(names))
        columns.put(names, "integer", codes)

    def code_counts(self) -> dict[str, int]:
        return {name: len(labels) for name, labels in self.orders.items()}

    def summary(self) -> dict[str, Any]:
        return {"orders": {name: labels[:200] for name, labels in self.orders.items()}}


class FrequencyEncode(Step):
    """Each value as its share of the training rows; unseen values are 0."""

    step = "frequency_encode"
    accepts = _LABELS

    def fit(self, columns: ValueColumns, context: FitContext) -> None:
        super().fit(columns, context)
        self.shares = {name: pd.Series(columns.values[name]).value_counts(normalize=True).sort_index().to_dict() for name in self.columns}

    def apply(self, columns: Columns, wanted: set[str] | None) -> None:
        names = self.here(columns)
        if not names:
            return
        vocabularies = [list(self.shares[name]) for name in names]
        values = [np.array(list(self.shares[name].values())) for name in names]
        columns.put(names, "number", columns.maths.string_values(columns.strings(names), vocabularies, values, [0.0] * len(names)))

    def summary(self) -> dict[str, Any]:
        return {"categories": {name: len(shares) for name, shares in self.shares.items()}}


class HashEncode(Step):
    """Each value in one of a fixed number of 0/1 columns by MurmurHash3; nothing is learned, so nothing is unseen."""

    step = "hash_encode"
    accepts = _LABELS

    def fit(self, columns: ValueColumns, context: FitContext) -> None:
        super().fit(columns, context)
        buckets = int(self.parameters["buckets"])
        self.features = {f"{name}#{bucket}": (name, bucket) for name in self.columns for bucket in range(buckets)}
        self.refuse_taken(columns, list(self.features))

    def apply(self, columns: Columns, wanted: set[str] | None) -> None:
        names, maths = self.here(columns), columns.maths
        made = [feature for feature, (name, _) in self.features.items() if name in columns and (wanted is None or feature in wanted)]
        if made:
            buckets = maths.hash_buckets(columns.strings(names), int(self.parameters["buckets"]))
            chosen = maths.choose(buckets, [names.index(self.features[feature][0]) for feature in made])
            targets = np.array([float(self.features[feature][1]) for feature in made])
            columns.put(made, "boolean", maths.number(maths.is_equal(chosen, targets)))
        columns.drop(names)

    def origins(self, output: str) -> Sequence[str]:
        return [self.features[output][0]] if output in self.features else [output]


def _shown(value: Any) -> str:
    if isinstance(value, str):
        return value if value else _MISSING
    return str(int(value)) if float(value).is_integer() else f"{value:g}"
