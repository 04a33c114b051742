"""The rows that suggesting and previewing look at: an even sample of a table channel, with its target."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice

import numpy as np
import pandas as pd

from atoll_engines.contract import Job
from atoll_engines.errors import BadInput, what_exists
from atoll_engines.recipes.raw import InputColumn
from atoll_engines.tabular.data import open_table, read_chunks

# How far into a long table a sample reaches, and the piece in which it is read.
_MOST_READ_ROWS = 200_000
_CHUNK_ROWS = 50_000


@dataclass(frozen=True)
class Sample:
    """Raw rows, the columns a recipe may use, and the target where there is one."""

    frame: pd.DataFrame
    schema: list[InputColumn]
    target: np.ndarray | None
    task: str


def read_sample(job: Job, most_rows: int, with_ids: bool) -> Sample:
    """At most `most_rows` rows of the channel `train` that have a target, evenly spaced."""
    table = open_table(job.channel("train"))
    target = job.parameters.get("target")
    task = job.parameters.get("task") or "binary"
    names = [column.name for column in table.columns]
    if target is not None and target not in names:
        raise BadInput(f'The table has no target column "{target}". {what_exists(target, names)}', column=target)
    chunks = islice(read_chunks(table, names, _CHUNK_ROWS), _MOST_READ_ROWS // _CHUNK_ROWS)
    frame = pd.concat(list(chunks)) if table.rows else pd.DataFrame(columns=names)
    if target is not None:
        frame = frame[frame[target].notna()]
    if frame.empty:
        raise BadInput(f'The table has no row with a value of "{target}".' if target else "The table has no rows.")
    if len(frame) > most_rows:
        frame = frame.iloc[np.linspace(0, len(frame) - 1, most_rows).astype(np.int64)]
    schema = [InputColumn(c.name, c.type) for c in table.columns if c.name != target and (with_ids or c.type != "id")]
    return Sample(frame, schema, None if target is None else _target(frame[target], task), task)


def _target(values: pd.Series, task: str) -> np.ndarray:
    if task != "regression":
        return values.astype(str).to_numpy(dtype=object)
    numbers = pd.to_numeric(values, errors="coerce")
    if numbers.isna().any():
        place = int(np.flatnonzero(numbers.isna())[0])
        raise BadInput(
            f'The target "{values.name}" is not a number in row {values.index[place]}: "{values.iloc[place]}".',
            column=str(values.name),
        )
    return numbers.to_numpy(dtype=np.float64)
