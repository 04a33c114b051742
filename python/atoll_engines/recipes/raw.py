"""From a data frame to the two raw tensors of a model graph: `numbers` (float64) and `strings`."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..errors import BadInput, what_exists

STRING_TYPES = frozenset({"category", "text", "id"})
NUMBER_TYPES = frozenset({"number", "integer", "boolean", "datetime"})
_TRUE, _FALSE = {"true", "yes", "1", "t", "y"}, {"false", "no", "0", "f", "n"}


@dataclass(frozen=True)
class InputColumn:
    """A raw column: its name and type (number, integer, boolean, datetime, category, text)."""

    name: str
    type: str


def raw_tensors(frame: pd.DataFrame, inputs: Sequence[InputColumn]) -> dict[str, np.ndarray]:
    """The graph's inputs for these rows: NaN or "" where a value is missing; a tensor without columns is absent."""
    numbers = [column for column in inputs if column.type in NUMBER_TYPES]
    strings = [column for column in inputs if column.type in STRING_TYPES]
    tensors: dict[str, np.ndarray] = {}
    if numbers:
        matrix = np.empty((len(frame), len(numbers)), dtype=np.float64)
        for index, column in enumerate(numbers):
            matrix[:, index] = column_values(frame, column)
        tensors["numbers"] = matrix
    if strings:
        matrix = np.empty((len(frame), len(strings)), dtype=object)
        for index, column in enumerate(strings):
            matrix[:, index] = column_values(frame, column)
        tensors["strings"] = matrix
    return tensors


def column_values(frame: pd.DataFrame, column: InputColumn) -> np.ndarray:
    """One raw column as float64 (NaN is missing) or as strings ("" is missing)."""
    if column.name not in frame.columns:
        raise BadInput(
            f'The table has no column "{column.name}". {what_exists(column.name, map(str, frame.columns))}',
            column=column.name,
        )
    series = frame[column.name]
    if column.type in STRING_TYPES:
        return _strings(series)
    if column.type == "datetime":
        return _milliseconds(series, column)
    return _numbers(series, column)


def _numbers(series: pd.Series, column: InputColumn) -> np.ndarray:
    kind = series.dtype
    if isinstance(kind, np.dtype) and kind.kind in "fiub":
        return series.to_numpy(dtype=np.float64)
    if pd.api.types.is_numeric_dtype(kind) or pd.api.types.is_bool_dtype(kind):
        return series.to_numpy(dtype=np.float64, na_value=np.nan)
    if pd.api.types.is_datetime64_any_dtype(kind):
        raise BadInput(f'Column "{column.name}" holds dates where {column.type} values were expected.', column=column.name)
    values = series.astype(object)
    if column.type == "boolean":
        values = values.map(_truth)
    numbers = pd.to_numeric(values, errors="coerce")
    _refuse_unread(values, numbers.isna(), column)
    return numbers.to_numpy(dtype=np.float64, na_value=np.nan)


def _truth(value: object) -> object:
    if isinstance(value, str):
        word = value.strip().lower()
        return 1.0 if word in _TRUE else 0.0 if word in _FALSE else value
    return value


def _milliseconds(series: pd.Series, column: InputColumn) -> np.ndarray:
    kind = series.dtype
    if isinstance(kind, np.dtype) and kind.kind in "fiu":
        return series.to_numpy(dtype=np.float64)
    if not pd.api.types.is_datetime64_any_dtype(kind):
        values = series.astype(object).where(series.notna() & (series.astype(object) != ""), None)
        series = pd.to_datetime(values, utc=True, errors="coerce", format="ISO8601")
        _refuse_unread(values, series.isna(), column)
    if getattr(series.dtype, "tz", None) is not None:
        series = series.dt.tz_convert("UTC").dt.tz_localize(None)
    times = series.to_numpy(dtype="datetime64[us]")
    # Whole milliseconds, as a client's own date type would send them.
    result = np.floor(times.astype(np.int64) / 1000.0)
    result[np.isnat(times)] = np.nan
    return result


def _strings(series: pd.Series) -> np.ndarray:
    if isinstance(series.dtype, pd.CategoricalDtype):
        labels = _strings(pd.Series(series.cat.categories))
        return np.append(labels, "")[series.cat.codes.to_numpy()]
    values = series.to_numpy(dtype=object)
    missing = pd.isna(values)
    if missing.any():
        values = values.copy()
        values[missing] = ""
    if pd.api.types.infer_dtype(values, skipna=False) not in ("string", "empty"):
        values = np.array([_label(value) for value in values] + [""], dtype=object)[:-1]
    return values


def _label(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, (bool, np.bool_)):
        return "true" if value else "false"
    if isinstance(value, (float, np.floating)) and float(value).is_integer():
        return str(int(value))
    return str(value)


def _refuse_unread(values: pd.Series, unread: pd.Series, column: InputColumn) -> None:
    wrong = unread.to_numpy() & values.notna().to_numpy() & (values != "").to_numpy()
    if wrong.any():
        place = int(np.flatnonzero(wrong)[0])
        row = values.index[place]
        raise BadInput(
            f'Column "{column.name}", row {row}: "{values.iloc[place]}" is not a {column.type} value.',
            column=column.name,
            row=int(row) if isinstance(row, (int, np.integer)) else str(row),
        )
