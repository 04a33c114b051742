"""Windows over series: what is known at an origin, and what came after it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from atoll_engines.forecast.series import Series, Spacing
from atoll_engines.recipes import InputColumn


@dataclass(frozen=True)
class Frame:
    """The form of a window, which is the form of a request."""

    context: int
    horizon: int
    season: int
    spacing: Spacing
    time_column: str
    known: tuple[str, ...]

    @property
    def inputs(self) -> list[InputColumn]:
        """The columns of a request: `lag_1` is the newest value, known at the time in the time column; `name@+1` is of the next step."""
        lags = [InputColumn(f"lag_{lag}", "number") for lag in range(self.context, 0, -1)]
        known = [InputColumn(f"{name}@+{step}", "number") for name in self.known for step in range(1, self.horizon + 1)]
        return [*lags, InputColumn(self.time_column, "datetime"), *known]


@dataclass(frozen=True)
class Windows:
    """values [n, context] (oldest first), time [n] of the newest in ms, known [n, columns, horizon], what came after [n, horizon]."""

    values: np.ndarray
    time: np.ndarray
    known: np.ndarray
    actual: np.ndarray
    series: np.ndarray
    row: np.ndarray

    def __len__(self) -> int:
        return len(self.values)

    def take(self, which: np.ndarray) -> Windows:
        return Windows(*(part[which] for part in (self.values, self.time, self.known, self.actual, self.series, self.row)))


def windows_of(series: list[Series], frame: Frame, *, origins: slice | None = None, since: int | None = None, stride: int = 1) -> Windows:
    """Every window whose next values are all there; `since` (ms) keeps origins from that time on."""
    parts: list[Windows] = []
    for number, one in enumerate(series):
        last = len(one.values) - frame.horizon
        starts = np.arange(frame.context, last + 1, stride) if last >= frame.context else np.array([], int)
        if since is not None:
            starts = starts[one.time[starts - 1] >= since]
        if origins is not None:
            starts = starts[origins]
        after = starts[:, None] + np.arange(frame.horizon)
        actual = one.values[after]
        whole = ~np.isnan(actual).any(axis=1)
        starts, after, actual = starts[whole], after[whole], actual[whole]
        before = starts[:, None] - frame.context + np.arange(frame.context)
        parts.append(
            Windows(
                one.values[before],
                one.time[starts - 1],
                one.known[after].transpose(0, 2, 1),
                actual,
                np.full(len(starts), number),
                one.row[starts - 1],
            )  # fmt: skip
        )
    return Windows(*(np.concatenate([getattr(part, name) for part in parts]) for name in Windows.__dataclass_fields__))


def to_frame(windows: Windows, frame: Frame) -> pd.DataFrame:
    """Windows as requests: one row each, in the columns of `Frame.inputs`."""
    columns: dict[str, np.ndarray] = {f"lag_{frame.context - at}": windows.values[:, at] for at in range(frame.context)}
    columns[frame.time_column] = windows.time.astype("datetime64[ms]")
    for number, name in enumerate(frame.known):
        columns |= {f"{name}@+{step}": windows.known[:, number, step - 1] for step in range(1, frame.horizon + 1)}
    return pd.DataFrame(columns)


def from_frame(rows: pd.DataFrame, frame: Frame) -> Windows:
    """Requests as windows; a missing time reads as the beginning of 1970, like everything that nobody said."""
    values = np.stack(
        [pd.to_numeric(rows[f"lag_{lag}"], errors="coerce").to_numpy(np.float64) for lag in range(frame.context, 0, -1)], axis=1
    )
    when = (
        pd.to_datetime(rows[frame.time_column], utc=True, errors="coerce", format="ISO8601")
        if rows[frame.time_column].dtype == object
        else rows[frame.time_column]
    )
    missing = when.isna().to_numpy()
    time = np.where(missing, 0, when.astype("int64") // unit_of(when)) if len(rows) else np.array([], np.int64)
    known = np.full((len(rows), len(frame.known), frame.horizon), np.nan)
    for number, name in enumerate(frame.known):
        for step in range(1, frame.horizon + 1):
            known[:, number, step - 1] = pd.to_numeric(rows[f"{name}@+{step}"], errors="coerce").to_numpy(np.float64)
    nothing = np.full((len(rows), frame.horizon), np.nan)
    return Windows(values, time.astype(np.int64), known, nothing, np.zeros(len(rows), int), np.full(len(rows), -1))


def unit_of(when: pd.Series) -> int:
    """How many of the column's ticks are a millisecond."""
    unit = getattr(when.dtype, "unit", None) or np.datetime_data(when.dtype)[0]
    return {"s": 1, "ms": 1, "us": 1000, "ns": 1_000_000}[unit]
