"""Prediction in Python: a batch of rows to a file, or rows line by line for a package whose graph was refused."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from typing import Any, TextIO

import numpy as np
import pandas as pd

from atoll_engines.contract import Job, Report, plain
from atoll_engines.errors import BadInput, EngineError
from atoll_engines.evaluation.multilabel import as_words
from atoll_engines.evaluation.package import Package
from atoll_engines.recipes import InputColumn
from atoll_engines.tabular.data import open_table, read_chunks


def answer(job: Job, report: Report, package: Package) -> dict[str, Any] | None:
    """Answers the channel `rows`, or with `serve` the lines of standard input, with what a judged model says."""
    pipeline = package.pipeline
    classified = pipeline.task != "regression"

    def columns(frame: pd.DataFrame) -> dict[str, Any]:
        return answer_columns(package, pipeline.predict(frame))

    def told(frame: pd.DataFrame) -> dict[str, Any]:
        values = pipeline.predict(frame).astype(np.float64).tolist() if len(frame) else []
        further = pipeline.predict_further(frame) if getattr(pipeline, "further", None) else {}
        outputs = {name: said.astype(np.float64).tolist() for name, said in further.items()}
        return {"probabilities" if classified else "predictions": values, **({"outputs": outputs} if outputs else {})}

    return answer_with(job, report, pipeline.inputs, columns, told)


def answer_with(
    job: Job,
    report: Report,
    inputs: Sequence[InputColumn],
    columns: Callable[[pd.DataFrame], dict[str, Any]],
    told: Callable[[pd.DataFrame], dict[str, Any]],
) -> dict[str, Any] | None:
    """The same of any model: `columns` are those of a file of answers, `told` is what is said of some rows, also of none."""
    if job.parameters.get("serve"):
        report.log("Serving rows from standard input.")
        serve(inputs, told, sys.stdin, sys.stdout)
        return None
    return {"rows": predict_file(job, report, inputs, columns)}


def predict_file(
    job: Job, report: Report, inputs: Sequence[InputColumn], columns: Callable[[pd.DataFrame], dict[str, Any]]
) -> int:
    """Answer the channel `rows`, piece by piece."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = open_table(job.channel("rows"))
    writer, done = None, 0
    for frame in read_chunks(table, [one.name for one in inputs]):
        part = pa.table({"__row": frame.index.to_numpy(), **columns(frame)})
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


def serve(
    inputs: Sequence[InputColumn], told: Callable[[pd.DataFrame], dict[str, Any]], source: TextIO, sink: TextIO
) -> None:
    """Say that the model is loaded; then one JSON array of rows in, one JSON object out, until the input ends.

    An error is an answer, not the end.
    """
    say(sink, {"ready": True})
    for line in source:
        if not line.strip():
            continue
        try:
            said = told(rows_of(inputs, json.loads(line)))
        except EngineError as error:
            said = {"error": error.message}
        except ValueError as error:
            said = {"error": f"The line is not a JSON array of rows: {error}."}
        say(sink, said)


def say(sink: TextIO, answer: dict[str, Any]) -> None:
    sink.write(json.dumps(plain(answer)) + "\n")
    sink.flush()


def rows_of(inputs: Sequence[InputColumn], rows: Any) -> pd.DataFrame:
    """A line's rows as a frame of the model's columns; what a row does not have is missing."""
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise BadInput("The line must be a JSON array of objects, one for each row.")
    return pd.DataFrame({one.name: pd.Series([row.get(one.name) for row in rows], dtype=object) for one in inputs})
