"""Forecasts in Python: a file of windows, or windows line by line for a package whose graph was refused."""

from __future__ import annotations

import json
import sys
from typing import Any

import numpy as np
import pandas as pd

from atoll_engines.contract import Job, Report
from atoll_engines.errors import BadInput, EngineError
from atoll_engines.forecast.evaluate import open_forecast
from atoll_engines.forecast.pipeline import Pipeline
from atoll_engines.tabular.data import open_table, read_chunks
from atoll_engines.tabular.predict import say


def run(job: Job, report: Report) -> dict[str, Any] | None:
    """The engine `forecast.predict`."""
    pipeline, *_ = open_forecast(job)
    if not job.parameters.get("serve"):
        return {"rows": predict_file(job, pipeline, report)}
    report.log("Serving windows from standard input.")
    say(sys.stdout, {"ready": True})
    for line in sys.stdin:
        if not line.strip():
            continue
        try:
            answer = answer_rows(pipeline, json.loads(line))
        except EngineError as error:
            answer = {"error": error.message}
        except ValueError as error:
            answer = {"error": f"The line is not a JSON array of rows: {error}."}
        say(sys.stdout, answer)
    return None


def predict_file(job: Job, pipeline: Pipeline, report: Report) -> int:
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = open_table(job.channel("rows"))
    writer, done = None, 0
    for frame in read_chunks(table, [one.name for one in pipeline.frame.inputs]):
        columns = {name: list(values) for name, values in pipeline.predict(frame).items()}
        part = pa.table({"__row": frame.index.to_numpy(), **columns})
        writer = writer or pq.ParquetWriter(job.output / "predictions.parquet", part.schema)
        writer.write_table(part)
        done += len(frame)
        report.progress("predict", done, table.rows, None, f"{done} of {table.rows} windows")
    if writer is None:
        raise BadInput("There are no windows to forecast from.")
    writer.close()
    return done


def answer_rows(pipeline: Pipeline, rows: Any) -> dict[str, Any]:
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise BadInput("The line must be a JSON array of objects, one for each window.")
    if not rows:
        return {"outputs": {one["name"]: [] for one in pipeline.outputs}}
    columns = {one.name: pd.Series([row.get(one.name) for row in rows], dtype=object) for one in pipeline.frame.inputs}
    answer = pipeline.predict(pd.DataFrame(columns))
    return {"outputs": {name: values.astype(np.float64).tolist() for name, values in answer.items()}}
