"""Facts about raw columns that the automatic recipe decides by."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from .raw import NUMBER_TYPES, InputColumn, column_values

# Facts are estimated on at most this many rows of a long table.
_SAMPLE_ROWS = 200_000
ID_WORDS = {"id", "uuid", "guid", "key", "identifier", "rowid", "index", "number", "no", "nr", "code", "ref"}
# These end the name of a column whose numbers are names; "number" and "index" as often end that of a count or a measure.
_NAMING_WORDS = {"id", "uuid", "guid", "identifier"}


@dataclass(frozen=True)
class ColumnProfile:
    """One column as the training rows show it."""

    name: str
    type: str
    rows: int
    missing: float
    distinct: int
    # Third standardised moment of the finite values, 0 for strings.
    skewness: float
    low: float
    high: float
    values: np.ndarray

    @property
    def is_numeric(self) -> bool:
        return self.type in ("number", "integer", "boolean")

    @property
    def names_things(self) -> bool:
        """Whether it is a whole number that names what comes again (userId), so that its size says nothing."""
        return self.type == "integer" and 2 < self.distinct < 0.5 * self.rows and bool(_NAMING_WORDS.intersection(words_of(self.name)[-1:]))

    @property
    def is_constant(self) -> bool:
        return self.distinct <= 1 and (self.missing == 0 or self.distinct == 0)


def profiles(frame: pd.DataFrame, schema: Sequence[InputColumn], seed: int) -> tuple[list[ColumnProfile], np.ndarray]:
    """Profiles of the columns, and the (seeded) rows they were made from."""
    rows = np.arange(len(frame))
    if len(rows) > _SAMPLE_ROWS:
        rows = np.sort(np.random.default_rng(seed).choice(rows, _SAMPLE_ROWS, replace=False))
        frame = frame.iloc[rows]
    return [_profile(column, column_values(frame, column)) for column in schema if column.type != "id"], rows


def words_of(name: str) -> list[str]:
    """The lower-cased words of a column's name: `totalDayMinutes` and `total_day_minutes` are the same three."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name)
    return [word.lower() for word in re.split(r"[\W_]+", spaced) if word]


def _profile(column: InputColumn, values: np.ndarray) -> ColumnProfile:
    if column.type not in NUMBER_TYPES:
        missing = values == ""
        distinct = len(pd.unique(values[~missing]))
        return ColumnProfile(column.name, column.type, len(values), _share(missing), distinct, 0.0, 0.0, 0.0, values)
    missing, usable = np.isnan(values), values[np.isfinite(values)]
    low, high = (float(usable.min()), float(usable.max())) if len(usable) else (0.0, 0.0)
    spread = usable.std() if len(usable) else 0.0
    skewness = float(np.mean(((usable - usable.mean()) / spread) ** 3)) if spread > 0 else 0.0
    distinct = len(pd.unique(usable))
    return ColumnProfile(column.name, column.type, len(values), _share(missing), distinct, skewness, low, high, values)


def _share(mask: np.ndarray) -> float:
    return float(mask.mean()) if len(mask) else 0.0
