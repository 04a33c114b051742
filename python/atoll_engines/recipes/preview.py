"""The engine `tabular.preview`: what the first rows look like before and after a recipe, and what each step changed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from atoll_engines.contract import Job, Report, write_json
from atoll_engines.errors import BadInput
from atoll_engines.recipes.columns import ValueColumns
from atoll_engines.recipes.fitted import fit_steps
from atoll_engines.recipes.raw import STRING_TYPES
from atoll_engines.recipes.sample import read_sample

_MOST_ROWS = 5_000


def run(job: Job, report: Report) -> dict[str, Any]:
    """Writes `output/data/preview.json`; the recipe need not be finished."""
    steps = job.parameters.get("steps", [])
    if not isinstance(steps, list):
        raise BadInput('"steps" must be a list of steps.')
    shown = int(job.parameters.get("rows") or 20)
    sample = read_sample(job, _MOST_ROWS, with_ids=True)
    done = fit_steps(steps, sample.frame, sample.schema, sample.target, sample.task, job.seed)
    before = ValueColumns.read(sample.frame.head(shown), sample.schema)
    preview = {"before": _rows(before, shown), "after": _rows(done.columns, shown), "perStep": done.history}
    write_json(job.output / "preview.json", preview)
    return {"rows": len(sample.frame), "columnsBefore": len(sample.schema), "columnsAfter": len(done.columns.names)}


def _rows(columns: ValueColumns, shown: int) -> dict[str, Any]:
    readable = [_readable(columns.values[name][:shown], kind) for name, kind in columns.types.items()]
    return {"columns": columns.names, "rows": [list(row) for row in zip(*readable, strict=True)]}


def _readable(values: np.ndarray, kind: str) -> list[Any]:
    if kind in STRING_TYPES:
        return [value or None for value in values]
    if kind == "datetime":
        return [_time(value) for value in values]
    return [_number(float(value)) for value in values]


def _number(value: float) -> int | float | None:
    if np.isnan(value):
        return None
    return int(value) if value.is_integer() and abs(value) < 2**53 else value


def _time(milliseconds: float) -> str | float | None:
    """ISO 8601, or the plain number where no calendar reaches."""
    if np.isnan(milliseconds):
        return None
    if not abs(milliseconds) < 8.64e15:
        return float(milliseconds)
    return pd.Timestamp(np.datetime64(int(milliseconds), "ms")).isoformat() + "Z"
