"""Answers in Python: a batch of rows to a file, or rows line by line for a package whose graph was refused."""

from __future__ import annotations

import json
import sys
from typing import Any, TextIO

import numpy as np
import pandas as pd

from atoll_engines.contract import Job, Report
from atoll_engines.errors import BadInput, EngineError
from atoll_engines.evaluation.answer import say
from atoll_engines.tabular.data import open_table, read_chunks
from atoll_engines.tabular.package_files import open_package
from atoll_engines.unsupervised.answers import answer_columns
from atoll_engines.unsupervised.pipeline import Pipeline


def run(job: Job, report: Report) -> dict[str, Any] | None:
    """The engine `unsupervised.predict`."""
    pipeline: Pipeline = open_package(job).pipeline
    if job.parameters.get("serve"):
        report.log("Serving rows from standard input.")
        serve(pipeline, sys.stdin, sys.stdout)
        return None
    return {"rows": predict_file(job, pipeline, report)}


def predict_file(job: Job, pipeline: Pipeline, report: Report) -> int:
    """Answer the channel `rows`, piece by piece."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = open_table(job.channel("rows"))
    writer, done = None, 0
    for frame in read_chunks(table, [one.name for one in pipeline.inputs]):
        columns = answer_columns(pipeline, pipeline.predict(frame))
        part = pa.table({"__row": frame.index.to_numpy(), **columns})
        writer = writer or pq.ParquetWriter(job.output / "predictions.parquet", part.schema)
        writer.write_table(part)
        done += len(frame)
        report.progress("predict", done, table.rows, None, f"{done} of {table.rows} rows")
    if writer is None:
        raise BadInput("There are no rows to predict.")
    writer.close()
    report.artifact("output/data/predictions.parquet", "predictions", "Answers by row")
    return done


def serve(pipeline: Pipeline, source: TextIO, sink: TextIO) -> None:
    """Say that the model is loaded; then one JSON array of rows in, one JSON object out, until the input ends."""
    say(sink, {"ready": True})
    for line in source:
        if not line.strip():
            continue
        try:
            answer = answer_rows(pipeline, json.loads(line))
        except EngineError as error:
            answer = {"error": error.message}
        except ValueError as error:
            answer = {"error": f"The line is not a JSON array of rows: {error}."}
        say(sink, answer)


def answer_rows(pipeline: Pipeline, rows: Any) -> dict[str, Any]:
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise BadInput("The line must be a JSON array of objects, one for each row.")
    if not rows:
        return {"outputs": {name: [] for name in pipeline.widths()}}
    columns = {one.name: pd.Series([row.get(one.name) for row in rows], dtype=object) for one in pipeline.inputs}
    answer = pipeline.predict(pd.DataFrame(columns))
    return {"outputs": {name: values.astype(np.float64).reshape(len(rows), -1).tolist() for name, values in answer.items()}}
