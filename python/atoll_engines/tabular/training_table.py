"""The rows of a training job: read from its channels, checked, and ready to be divided."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from atoll_engines.contract import Job, Report
from atoll_engines.errors import BadInput, what_exists
from atoll_engines.recipes import InputColumn
from atoll_engines.tabular.data import (
    TableFiles,
    feature_columns,
    open_table,
    read_frame,
    refuse_infinite,
)
from atoll_engines.tabular.folds import Division, divide
from atoll_engines.tabular.request import Request
from atoll_engines.tabular.target import Target, read_target


@dataclass(frozen=True)
class TrainingTable:
    """Raw rows with a target, the columns a recipe may use, and how the rows are divided."""

    frame: pd.DataFrame
    schema: list[InputColumn]
    target: Target
    division: Division


def read_training_table(job: Job, request: Request, report: Report) -> TrainingTable:
    """Read `train`, and `validation` where there is one; rows without a target are left out and counted."""
    tables = [open_table(job.channel("train"))]
    if job.has_channel("validation"):
        tables.append(open_table(job.channel("validation")))
    first = tables[0]
    refuse_absent(first, request.target, "target")
    for name, role in ((request.group_column, "group"), (request.time_column, "time")):
        if name:
            refuse_absent(first, name, role)
    kept_out = [request.group_column] if request.group_column else []
    columns = feature_columns(first, request.target, kept_out)
    if not columns:
        raise BadInput("Beside the target there is no column to learn from.", column=request.target)
    names = list(dict.fromkeys([*(one.name for one in columns), request.target, *kept_out, *needed_time(request)]))
    parts = [read_frame(table, names) for table in tables]
    frame = pd.concat(parts)
    given = np.repeat(np.arange(len(parts)) == 1, [len(part) for part in parts])
    frame, given = without_missing_target(frame, given, request.target, report)
    refuse_all_missing(frame, [one.name for one in columns])
    refuse_infinite(frame[[one.name for one in columns]])
    target = read_target(first.column(request.target), frame[request.target], request.task, request.positive)
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
    schema = [InputColumn(one.name, one.type) for one in columns]
    return TrainingTable(frame[[one.name for one in columns]], schema, target, division)


def refuse_absent(table: TableFiles, name: str, role: str) -> None:
    if table.column(name) is None:
        names = [column.name for column in table.columns]
        raise BadInput(f'The table has no {role} column "{name}". {what_exists(name, names)}', column=name)


def needed_time(request: Request) -> list[str]:
    return [request.time_column] if request.time_column else []


def without_missing_target(
    frame: pd.DataFrame, given: np.ndarray, target: str, report: Report
) -> tuple[pd.DataFrame, np.ndarray]:
    """Rows that have a target; a missing one teaches nothing."""
    missing = frame[target].isna().to_numpy()
    if missing.all():
        raise BadInput(f'The target "{target}" is missing in all {len(frame)} rows.', column=target)
    if not missing.any():
        return frame, given
    row = int(frame.index[np.flatnonzero(missing)[0]])
    report.warning(
        "target_missing",
        f'{int(missing.sum())} rows without a value of the target "{target}" are left out, the first is row {row}.',
        column=target,
        rows=int(missing.sum()),
        row=row,
    )
    return frame[~missing], given[~missing]


def refuse_all_missing(frame: pd.DataFrame, names: list[str]) -> None:
    if frame[names].isna().all(axis=None):
        raise BadInput(
            f"Every value in the columns beside the target is missing ({', '.join(names[:5])}"
            f"{', …' if len(names) > 5 else ''}); there is nothing to learn from."
        )
