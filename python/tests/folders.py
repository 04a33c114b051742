"""Makes job folders for tests, and reads what a job left in them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

PYTHON = Path(__file__).resolve().parents[1]


def write_channel(folder: Path, name: str, frame: pd.DataFrame, types: dict[str, str], rows: list[int] | None = None) -> None:
    """A table channel: one Parquet file and `schema.json`; `types` names the columns that are not plain numbers or words."""
    channel = folder / "input" / "data" / name
    channel.mkdir(parents=True, exist_ok=True)
    kinds = {column: types.get(column, guess(frame[column])) for column in frame.columns}
    columns = {"__row": pa.array(np.arange(len(frame)) if rows is None else np.asarray(rows), pa.int64())}
    columns |= {column: arrow(frame[column], kinds[column]) for column in frame.columns}
    pq.write_table(pa.table(columns), channel / "part-0.parquet")
    schema = {
        "columns": [{"name": column, "type": kind, "nullable": bool(frame[column].isna().any())} for column, kind in kinds.items()],
        "rows": len(frame),
        "rowId": "__row",
    }
    (channel / "schema.json").write_text(json.dumps(schema))


def guess(values: pd.Series) -> str:
    if pd.api.types.is_bool_dtype(values):
        return "boolean"
    if pd.api.types.is_datetime64_any_dtype(values):
        return "datetime"
    if pd.api.types.is_integer_dtype(values):
        return "integer"
    return "number" if pd.api.types.is_numeric_dtype(values) else "category"


def arrow(values: pd.Series, kind: str) -> pa.Array:
    types = {"number": pa.float64(), "integer": pa.int64(), "boolean": pa.bool_(), "datetime": pa.timestamp("us")}
    items = [None if pd.isna(value) else value for value in values]
    if kind not in types:
        return pa.array([None if item is None else str(item) for item in items], pa.string())
    if kind == "integer":
        items = [None if item is None else int(item) for item in items]
    return pa.array(items, types[kind])


def write_job(folder: Path, engine: str, parameters: dict[str, Any], seed: int = 7) -> Path:
    """The configuration of a job."""
    config = folder / "input" / "config"
    config.mkdir(parents=True, exist_ok=True)
    (config / "job.json").write_text(
        json.dumps({"id": "job_test", "engine": engine, "seed": seed, "attempt": 1, "contract": 1})
    )
    (config / "hyperparameters.json").write_text(json.dumps(parameters))
    (config / "resourceconfig.json").write_text(json.dumps({"cpus": 2, "memoryBytes": 4 << 30, "gpus": 0}))
    return folder


def run_here(folder: Path) -> int:
    """Run the job in this process, which is quick because the libraries are loaded."""
    from atoll_engines.run import run_folder

    before = os.getcwd()
    try:
        return run_folder(folder)
    finally:
        os.chdir(before)


def start(folder: Path, *arguments: str) -> subprocess.Popen:
    """Start the job as a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "atoll_engines.run", "--folder", str(folder), *arguments],
        env=os.environ | {"PYTHONPATH": str(PYTHON)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def events(folder: Path, type: str | None = None) -> list[dict[str, Any]]:
    lines = (folder / "output" / "events.jsonl").read_text().splitlines()
    read = [json.loads(line) for line in lines]
    return [one for one in read if type is None or one["type"] == type]


def read_json(folder: Path, name: str) -> Any:
    return json.loads((folder / name).read_text())


def failure(folder: Path) -> str:
    return (folder / "output" / "failure").read_text().splitlines()[0]
