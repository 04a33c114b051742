"""Rows of a table as series of evenly spaced values."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from atoll_engines.contract import Report
from atoll_engines.errors import BadInput
from atoll_engines.forecast.request import Request
from atoll_engines.tabular.data import TableFiles, read_frame

# Nominal lengths in milliseconds, with the season that people expect of them (Hyndman and Athanasopoulos 2021, 2.1).
HOUR, DAY = 3_600_000, 86_400_000
STEPS = (
    ("minute", 60_000, 60), ("quarter of an hour", 900_000, 96), ("half an hour", 1_800_000, 48), ("hour", HOUR, 24),
    ("day", DAY, 7), ("week", 7 * DAY, 52),
)  # fmt: skip
MONTH_LIKE = 27 * DAY


@dataclass(frozen=True)
class Spacing:
    """How far apart the values of a series are: so many milliseconds, or so many months."""

    name: str
    milliseconds: int
    months: int
    season: int

    def after(self, time: np.ndarray, steps: np.ndarray) -> np.ndarray:
        """Times (ms, int64) so many steps later."""
        if not self.months:
            return time + steps * self.milliseconds
        at = time.astype("datetime64[ms]")
        month = at.astype("datetime64[M]")
        return ((month + steps * self.months).astype("datetime64[ms]") + (at - month.astype("datetime64[ms]"))).astype(np.int64)


@dataclass(frozen=True)
class Series:
    """One series without gaps in time; a value that is not there is NaN."""

    name: str
    # int64 [n], milliseconds; float64 [n]; float64 [n, known columns]; int64 [n], -1 for a value that was put in.
    time: np.ndarray
    values: np.ndarray
    known: np.ndarray
    row: np.ndarray


def read_series(table: TableFiles, request: Request, spacing: Spacing | None, report: Report) -> tuple[list[Series], Spacing]:
    """The series of a table and how far apart their values are (found in the data where nobody says)."""
    columns = [request.time_column, request.target, *request.known]
    if request.series_column:
        columns.append(request.series_column)
    frame = read_frame(table, columns)
    absent = frame[request.time_column].isna()
    if absent.any():
        report.warning(
            "time_missing",
            f'{int(absent.sum())} rows have no "{request.time_column}" (first: row {int(frame.index[absent.to_numpy()][0])}); '
            "they are left out.",
            rows=int(absent.sum()),
        )
        frame = frame[~absent]
    if not len(frame):
        raise BadInput(f'No row has a time in "{request.time_column}".', column=request.time_column)
    names = frame[request.series_column].astype(str) if request.series_column else pd.Series("all", index=frame.index)
    time = pd.to_datetime(frame[request.time_column]).astype("datetime64[ms]").astype(np.int64)
    groups = [(str(name), part) for name, part in frame.assign(__time=time).groupby(names, sort=True)]
    for name, part in groups:
        refuse_twice(name, part, request)
    spacing = spacing or find_spacing([part["__time"].to_numpy() for _, part in groups], request)
    return [evened(name, part, request, spacing, report) for name, part in groups], spacing


def refuse_twice(name: str, part: pd.DataFrame, request: Request) -> None:
    twice = part["__time"].duplicated()
    if not twice.any():
        return
    row = int(part.index[twice.to_numpy()][0])
    when = pd.Timestamp(int(part.loc[row, "__time"]), unit="ms").isoformat()
    help_ = (
        f'in the series "{name}"; each time may be there once.'
        if request.series_column
        else "; where the data set holds several series, name the column that tells them apart (options.seriesColumn)."
    )
    raise BadInput(f"Row {row} has the time {when} again {help_}", row=row, column=request.time_column)


def find_spacing(times: list[np.ndarray], request: Request) -> Spacing:
    """The commonest distance between neighbours, as a step that people have a name for."""
    gaps = np.concatenate([np.diff(np.sort(one)) for one in times if len(one) > 1] or [np.array([], np.int64)])
    if not len(gaps):
        raise BadInput("A series needs more than one row to be forecast.", column=request.time_column)
    values, counts = np.unique(gaps, return_counts=True)
    gap = int(values[np.argmax(counts)])
    if gap >= MONTH_LIKE:
        months = max(1, round(gap / (30.44 * DAY)))
        names = {1: "month", 3: "quarter", 12: "year"}
        found = Spacing(names.get(months, f"{months} months"), 0, months, {1: 12, 3: 4}.get(months, 1))
    else:
        name, milliseconds, season = min(STEPS, key=lambda one: abs(one[1] - gap))
        if abs(milliseconds - gap) > 0.01 * gap:
            name, milliseconds, season = f"{gap / 1000:g} s", gap, max(1, round(DAY / gap)) if gap < DAY else 1
        found = Spacing(name, milliseconds, 0, season)
    return Spacing(found.name, found.milliseconds, found.months, request.season) if request.season else found


def evened(name: str, part: pd.DataFrame, request: Request, spacing: Spacing, report: Report) -> Series:
    """One value for each step from the first to the last; what is not there is NaN."""
    part = part.sort_values("__time")
    time = part["__time"].to_numpy()
    first = time[0]
    if spacing.months:
        month = time.astype("datetime64[ms]").astype("datetime64[M]").astype(np.int64)
        place = (month - month[0]) // spacing.months
    else:
        place = np.rint((time - first) / spacing.milliseconds).astype(np.int64)
    off = np.flatnonzero(np.diff(place) == 0)
    if off.size:
        row = int(part.index[off[0] + 1])
        raise BadInput(
            f'Row {row} comes less than a {spacing.name} after the row before it in "{name}"; values must be evenly spaced. '
            "Aggregate them first.",
            row=row,
        )
    size = int(place[-1]) + 1
    if size > 20 * len(place) + 1000:
        raise BadInput(f'The series "{name}" has {len(place)} values over {size} {spacing.name}s: too few to be read as a series.')
    values = np.full(size, np.nan)
    known = np.full((size, len(request.known)), np.nan)
    row = np.full(size, -1, np.int64)
    values[place] = part[request.target].to_numpy(np.float64)
    known[place] = part[list(request.known)].to_numpy(np.float64)
    row[place] = part.index.to_numpy()
    infinite = np.flatnonzero(np.isinf(values))
    if infinite.size:
        raise BadInput(f'"{request.target}" is infinite in row {int(row[infinite[0]])}.', row=int(row[infinite[0]]), column=request.target)
    gaps = size - len(place)
    if gaps:
        report.warning(
            "gaps", f'The series "{name}" lacks {gaps} of {size} {spacing.name}s; they count as missing.', series=name, gaps=gaps
        )
    return Series(name, spacing.after(np.int64(first), np.arange(size)), values, known, row)
