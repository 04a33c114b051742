"""Prediction in Python: a batch of rows to a file, or rows line by line for a package whose graph was refused."""

from __future__ import annotations

import json
import sys
from typing import Any, TextIO

import numpy as np
import pandas as pd

from atoll_engines.contract import Job, Report, plain
from atoll_engines.errors import BadInput, EngineError
from atoll_engines.evaluation.multilabel import as_words
from atoll_engines.evaluation.package import Package
from atoll_engines.tabular.data import open_table, read_chunks


def answer(job: Job, report: Report, package: Package) -> dict[str, Any] | None:
    """Answers the channel `rows`, or with `serve` the lines of standard input."""
    if job.parameters.get("serve"):
        report.log("Serving rows from standard input.")
        serve(package, sys.stdin, sys.stdout)
        return None
    return {"rows": predict_file(job, package, report)}


def predict_file(job: Job, package: Package, report: Report) -> int:
    """Predict the channel `rows`, piece by piece."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = open_table(job.channel("rows"))
    names = [one.name for one in package.pipeline.inputs]
    writer, done = None, 0
    for frame in read_chunks(table, names):
        part = pa.table({"__row": frame.index.to_numpy(), **answer_columns(package, package.pipeline.predict(frame))})
        writer = writer or pq.ParquetWriter(job.output / "predictions.parquet", part.schema)
        writer.write_table(part)
        done += len(frame)
        report.progress("predict", done, table.rows, None, f"{done} of {table.rows} rows")
    if writer is None:
        raise BadInput("There are no rows to predict.")
    writer.close()
    report.artifact("output/data/predictions.parquet", "predictions", "Predictions by row")
    return done


def answer_columns(package: Package, predicted: np.ndarray) -> dict[str, Any]:
    if package.pipeline.task == "regression":
        return {"prediction": predicted}
    probabilities = {f"p_{k}": predicted[:, k] for k in range(predicted.shape[1])}
    return {"predicted": as_words(package.pipeline.labels(predicted)), **probabilities}


def serve(package: Package, source: TextIO, sink: TextIO) -> None:
    """Say that the model is loaded; then one JSON array of rows in, one JSON object out, until the input ends.

    An error is an answer, not the end.
    """
    say(sink, {"ready": True})
    for line in source:
        if not line.strip():
            continue
        try:
            told = answer_rows(package, json.loads(line))
        except EngineError as error:
            told = {"error": error.message}
        except ValueError as error:
            told = {"error": f"The line is not a JSON array of rows: {error}."}
        say(sink, told)


def say(sink: TextIO, answer: dict[str, Any]) -> None:
    sink.write(json.dumps(plain(answer)) + "\n")
    sink.flush()


def answer_rows(package: Package, rows: Any) -> dict[str, Any]:
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise BadInput("The line must be a JSON array of objects, one for each row.")
    inputs = package.pipeline.inputs
    classified = package.pipeline.task != "regression"
    if not rows:
        return {"probabilities" if classified else "predictions": []}
    frame = pd.DataFrame({one.name: pd.Series([row.get(one.name) for row in rows], dtype=object) for one in inputs})
    predicted = package.pipeline.predict(frame).astype(np.float64).tolist()
    return {"probabilities" if classified else "predictions": predicted}
