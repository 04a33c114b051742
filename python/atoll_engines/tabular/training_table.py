"""The rows of a training job: read from its channels, checked, and divided."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from atoll_engines.compression.lesson import with_teacher
from atoll_engines.contract import Job, Report
from atoll_engines.errors import BadInput, what_exists
from atoll_engines.recipes import InputColumn, named_columns
from atoll_engines.tabular.data import (
    Column,
    TableFiles,
    feature_columns,
    open_table,
    read_frame,
    refuse_infinite,
)
from atoll_engines.tabular.folds import Division, divide
from atoll_engines.tabular.request import Request
from atoll_engines.tabular.target import Target, read_target

# Above this many rows the raw table is never in memory whole: its features are.
STREAM_ABOVE = 400_000


@dataclass(frozen=True)
class Source:
    """The tables of a job's channels and the columns that the job reads of them."""

    tables: list[TableFiles]
    columns: list[Column]
    schema: list[InputColumn]

    @property
    def names(self) -> list[str]:
        return [column.name for column in self.columns]

    @property
    def rows(self) -> int:
        return sum(table.rows for table in self.tables)


@dataclass(frozen=True)
class Labels:
    """Every row that has a target: its number, its target, how the rows are divided, and which rows of the files they are."""

    row_ids: np.ndarray
    target: Target
    division: Division
    usable: np.ndarray


def open_source(job: Job, request: Request) -> Source:
    """Look at `train`, and at `validation` where there is one; refuse columns that are not there."""
    tables = [open_table(job.channel("train"))]
    if job.has_channel("validation"):
        tables.append(open_table(job.channel("validation")))
    for name, role in ((request.target, "target"), (request.group_column, "group"), (request.time_column, "time")):
        if name:
            refuse_absent(tables[0], name, role)
    given = [request.recipe, *(request.recipe.get("families") or {}).values()]
    named = named_columns([step for one in given for step in one.get("steps") or []])
    columns = feature_columns(tables[0], request.target, request.group_column, named)
    only = job.parameters.get("onlyColumns")
    if only is not None:
        columns = [column for column in columns if column.name in only]
    if not columns:
        raise BadInput("Beside the target there is no column to learn from.", column=request.target)
    return Source(tables, columns, [InputColumn(one.name, one.type) for one in columns])


def read_labels(job: Job, request: Request, source: Source, report: Report, also: np.ndarray | None = None) -> Labels:
    """Read the target and what divides the rows; rows without a target are left out and counted, those not in `also` too."""
    names = [request.target, *(name for name in (request.group_column, request.time_column) if name)]
    parts = [read_frame(table, list(dict.fromkeys(names))) for table in source.tables]
    frame = pd.concat(parts)
    given = np.repeat(np.arange(len(parts)) == 1, [len(part) for part in parts])
    usable = has_target(frame, request.target, report)
    if also is not None:
        usable = usable & also
    frame, given = frame[usable], given[usable]
    target = read_target(source.tables[0].column(request.target), frame[request.target], request.task, request.positive)
    taught = with_teacher(job, frame.index.to_numpy(), target.values, target.classes)
    division = divide(
        target.values,
        request.task,
        request.kind,
        request.folds,
        job.seed,
        groups=frame[request.group_column] if request.group_column else None,
        times=frame[request.time_column] if request.time_column else None,
        given=given,
    )
    return Labels(frame.index.to_numpy(), replace(target, values=taught), division, usable)


def read_features(source: Source, labels: Labels) -> pd.DataFrame:
    """The raw rows that have a target, checked."""
    frame = pd.concat([read_frame(table, source.names) for table in source.tables])[labels.usable]
    refuse_all_missing(frame)
    refuse_infinite(frame)
    return frame


def read_rows_that_divide(source: Source, labels: Labels, name: str) -> pd.Series:
    """A column of the rows that have a target, by which they are divided."""
    return pd.concat([read_frame(table, [name]) for table in source.tables])[labels.usable][name]


def refuse_absent(table: TableFiles, name: str, role: str) -> None:
    if table.column(name) is None:
        names = [column.name for column in table.columns]
        raise BadInput(f'The table has no {role} column "{name}". {what_exists(name, names)}', column=name)


def has_target(frame: pd.DataFrame, target: str, report: Report) -> np.ndarray:
    """Marks the rows that have a target; a missing one teaches nothing."""
    missing = frame[target].isna().to_numpy()
    if missing.all():
        raise BadInput(f'The target "{target}" is missing in all {len(frame)} rows.', column=target)
    if missing.any():
        row = int(frame.index[np.flatnonzero(missing)[0]])
        report.warning(
            "target_missing",
            f'{int(missing.sum())} rows without a value of the target "{target}" are left out, the first is row {row}.',
            column=target,
            rows=int(missing.sum()),
            row=row,
        )
    return ~missing


def refuse_all_missing(frame: pd.DataFrame) -> None:
    if frame.isna().all(axis=None):
        names = list(frame.columns)
        raise BadInput(
            f"Every value in the columns beside the target is missing ({', '.join(names[:5])}"
            f"{', …' if len(names) > 5 else ''}); there is nothing to learn from."
        )
