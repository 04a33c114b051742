"""Types and names: convert, drop, keep and rename columns."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..columns import Columns, ValueColumns
from ..parsing import boolean_values, category_labels, parsed_datetimes, parsed_numbers
from ..step import SELECTORS, FitContext, Step

_ANY = SELECTORS["*all"]
_NUMERIC = frozenset({"number", "integer", "boolean", "datetime"})


class Convert(Step):
    """Reads columns as another type; what cannot be read becomes missing."""

    step = "convert"
    accepts = _ANY

    def fit(self, columns: ValueColumns, context: FitContext) -> None:
        super().fit(columns, context)
        self.kinds = {name: columns.types[name] for name in self.columns}
        to = self.parameters["to"]
        for name, kind in self.kinds.items():
            if kind == "datetime" and to in ("category", "text", "boolean"):
                raise self.error(f'column "{name}" is a datetime; take its date_parts and convert those to {to}', column=name)
            if kind == "boolean" and to == "datetime":
                raise self.error(f'column "{name}" is boolean and cannot be read as a datetime', column=name)

    def apply(self, columns: Columns, wanted: set[str] | None) -> None:
        to = self.parameters["to"]
        for kind in dict.fromkeys(self.kinds.values()):
            names = [name for name in self.here(columns) if self.kinds[name] == kind]
            if names:
                columns.put(names, to, self._converted(columns, names, kind, to))

    def _converted(self, columns: Columns, names: list[str], kind: str, to: str) -> Any:
        maths = columns.maths
        if kind in _NUMERIC:
            numbers = columns.numbers(names)
            if to in ("category", "text"):
                return category_labels(maths, numbers, truth=kind == "boolean")
            if to == "integer":
                return maths.round(numbers)
            if to == "boolean":
                truth = maths.number(maths.invert(maths.is_equal(numbers, 0.0)))
                return maths.where(maths.is_missing(numbers), np.nan, truth)
            if to == "datetime" and self.parameters["unit"] == "s":
                return maths.floor(numbers * 1000.0)
            return numbers
        strings = columns.strings(names)
        if to in ("category", "text"):
            return strings
        if to == "boolean":
            return boolean_values(maths, strings, len(names))
        if to == "datetime":
            return parsed_datetimes(maths, strings)
        numbers = parsed_numbers(maths, strings)
        return maths.round(numbers) if to == "integer" else numbers


class DropColumns(Step):
    """Takes columns out."""

    step = "drop_columns"
    accepts = _ANY

    def apply(self, columns: Columns, wanted: set[str] | None) -> None:
        columns.drop(self.here(columns))


class KeepColumns(Step):
    """Takes all other columns out."""

    step = "keep_columns"
    accepts = _ANY

    def apply(self, columns: Columns, wanted: set[str] | None) -> None:
        columns.keep(self.columns)


class Rename(Step):
    """Gives columns new names."""

    step = "rename"
    accepts = _ANY

    def fit(self, columns: ValueColumns, context: FitContext) -> None:
        names: dict[str, str] = self.parameters["names"]
        for old, new in names.items():
            self.need(columns, old)
            if not isinstance(new, str) or not new:
                raise self.error(f'the new name of column "{old}" must be a text of at least one character', column=old)
        self.columns = list(names)
        after = [names.get(name, name) for name in columns.names]
        twice = next((name for name in after if after.count(name) > 1), None)
        if twice is not None:
            raise self.error(f'two columns would be called "{twice}"', column=twice)
        self.old_names = {new: old for old, new in names.items()}

    def apply(self, columns: Columns, wanted: set[str] | None) -> None:
        columns.rename({old: new for new, old in self.old_names.items() if old in columns})

    def origins(self, output: str) -> Sequence[str]:
        return [self.old_names.get(output, output)]
