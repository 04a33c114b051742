"""Evaluation of a model without a target on rows it never saw, and the rows that put its serving to the proof."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd

from atoll_engines.contract import Job, Report, plain, write_json, write_whole
from atoll_engines.errors import BadInput
from atoll_engines.tabular.bootstrap import CONFIDENCE, resampled_weights
from atoll_engines.tabular.data import open_table, read_frame
from atoll_engines.tabular.package_files import Package, open_package
from atoll_engines.tabular.parity_rows import as_requests, parity_parts
from atoll_engines.tabular.target import as_words
from atoll_engines.unsupervised.answers import answer_columns, labels_of
from atoll_engines.unsupervised.describe.groups import describe_groups
from atoll_engines.unsupervised.measures import Measure, anomaly_labels, measure
from atoll_engines.unsupervised.metrics import sign
from atoll_engines.unsupervised.pipeline import Pipeline

# These figures compare all rows with all, so fewer resamples have to do.
MOST_RESAMPLES = 200


def run(job: Job, report: Report) -> dict[str, Any]:
    """The engine `unsupervised.evaluate`."""
    package = open_package(job)
    pipeline: Pipeline = package.pipeline
    threshold = job.parameters.get("threshold")
    if threshold is not None and pipeline.task == "anomaly":
        pipeline.threshold = float(threshold)
    frame, labels = read_test(job, pipeline)
    report.progress("evaluate", 0, 3, None, f"answering {len(frame)} rows")
    x = pipeline.preparation.transform(frame)
    answer = pipeline.model.answer(x)
    report.progress("evaluate", 1, 3, None, "metrics and intervals")
    evaluation = evaluate(job, package, frame, x, answer, labels)
    write_json(job.output / "evaluation.json", evaluation)
    write_predictions(job, pipeline, frame, answer, labels)
    report.progress("evaluate", 2, 3, None, "rows for the parity check")
    rows = write_parity(job, pipeline, frame)
    report.artifact("output/data/evaluation.json", "evaluation", "Metrics with intervals")
    for name, metric in evaluation["metrics"].items():
        report.metric(f"test.{name}", metric["value"])
    report.progress("evaluate", 3, 3, 0.0, "done")
    return {
        "rows": evaluation["rows"], "metrics": evaluation["metrics"], "diagnosis": evaluation["diagnosis"], "parityRows": rows,
    }  # fmt: skip


def read_test(job: Job, pipeline: Pipeline) -> tuple[pd.DataFrame, np.ndarray | None]:
    """The sealed rows, and their known labels where a column of them is named."""
    table = open_table(job.channel("test"))
    options = job.parameters.get("options") or {}
    label = options.get("labelColumn")
    names = [one.name for one in pipeline.inputs]
    if label and table.column(label) is None:
        raise BadInput(f'The test rows have no label column "{label}".', column=label)
    frame = read_frame(table, [*names, *([label] if label else [])])
    if not len(frame):
        raise BadInput("There are no sealed rows to evaluate on.")
    if not label:
        return frame, None
    words = as_words(table.column(label), frame[label])
    labels = words.where(words.notna(), "").to_numpy(dtype=object)
    if pipeline.task == "anomaly":
        try:
            labels, _ = anomaly_labels(labels, job.parameters.get("positive"))
        except BadInput:
            # So few sealed rows may hold no anomaly at all; the figures against labels are then left out.
            return frame[names], None
    return frame[names], labels


def evaluate(
    job: Job, package: Package, frame: pd.DataFrame, x: np.ndarray, answer: dict[str, np.ndarray], labels: np.ndarray | None
) -> dict[str, Any]:
    """Everything that `evaluation.json` holds."""
    pipeline: Pipeline = package.pipeline
    measured = measure(pipeline, frame, x, answer, labels, job.seed)
    values = measured.all()
    wanted = min(MOST_RESAMPLES, int(job.parameters.get("bootstrap") or MOST_RESAMPLES))
    ranges = intervals(measured, len(frame), values, wanted, job.seed)
    method = f"bootstrap percentile, {wanted} resamples"
    metrics = {
        name: {"value": value, "low": ranges[name][0], "high": ranges[name][1], "method": method}
        for name, value in values.items()
        if np.isfinite(value)
    }
    result: dict[str, Any] = {
        "rows": len(frame),
        "metrics": metrics,
        "threshold": pipeline.threshold,
        "diagnosis": diagnose(package.training, metrics),
        "leftOut": {"targetMissing": 0, "classUnknown": 0},
    }
    result |= dict.fromkeys(("confusion", "roc", "pr", "calibration", "perClass", "residuals")) | {"cost": []}
    if pipeline.task == "clustering":
        result["groups"] = describe_groups(frame, pipeline.inputs, answer["cluster"], labels)
    if pipeline.task == "anomaly" and labels is not None and 0 < labels.mean() < 1:
        from atoll_engines.tabular import curves

        result["roc"] = curves.roc_points(labels, answer["score"][:, 0])
        result["pr"] = curves.pr_points(labels, answer["score"][:, 0])
    return result


def intervals(measured: Measure, rows: int, values: dict[str, float], resamples: int, seed: int) -> dict[str, tuple[float, float]]:
    """Percentile intervals of every figure, each over the same resamples of the rows."""
    drawn: dict[str, list[float]] = {name: [] for name in values}
    for weights in resampled_weights(rows, resamples, np.random.default_rng(seed)):
        for one in weights:
            for name, value in measured.all(one).items():
                drawn[name].append(value)
    tail = 100 * (1 - CONFIDENCE) / 2
    result = {}
    for name, found in drawn.items():
        usable = np.array(found)[np.isfinite(found)]
        low, high = np.percentile(usable, [tail, 100 - tail]) if len(usable) else (np.nan, np.nan)
        result[name] = (float(low), float(high))
    return result


def diagnose(training: dict[str, Any] | None, metrics: dict[str, Any]) -> dict[str, str]:
    """Whether the sealed rows bear out what the held-out folds said."""
    if not training or training["metric"] not in metrics or training["metric"] not in training["validation"]:
        return {"kind": "good_fit", "sentence": "There is nothing to compare the sealed rows with."}
    name, sealed = training["metric"], metrics[training["metric"]]
    expected = training["validation"][name]
    mean, spread = float(expected["mean"]), float(expected["std"] or 0.0)
    worse = sign(name) * (mean - sealed["value"])
    said = f"{name} is {sealed['value']:.3f} on sealed rows and {mean:.3f} on held-out folds"
    if worse > max(2 * spread, 0.05 * max(1.0, abs(mean))) and not sealed["low"] <= mean <= sealed["high"]:
        return {"kind": "overfit", "sentence": f"{said}: what was found holds less well on rows it never saw."}
    return {"kind": "good_fit", "sentence": f"{said}: what was found holds on rows it never saw."}


def write_predictions(
    job: Job, pipeline: Pipeline, frame: pd.DataFrame, answer: dict[str, np.ndarray], labels: np.ndarray | None
) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns: dict[str, Any] = {"__row": frame.index.to_numpy()}
    if labels is not None:
        columns["actual"] = labels.astype(str) if labels.dtype == object else labels
    pq.write_table(pa.table(columns | answer_columns(pipeline, answer)), job.output / "predictions.parquet")


def write_parity(job: Job, pipeline: Pipeline, frame: pd.DataFrame) -> int:
    """Rows as a client would send them, and what the training code answers to each."""
    wanted = int(job.parameters.get("parityRows") or 1000)
    kinds, rows = parity_parts(frame, pipeline.inputs, wanted, np.random.default_rng(job.seed))
    requests = as_requests(rows, pipeline.inputs)
    answer = pipeline.predict(rows)
    lines = (json.dumps(plain(one), ensure_ascii=False) for one in requests)
    write_whole(job.output / "parity_rows.jsonl", "\n".join(lines) + "\n")
    expected = {
        "kinds": kinds,
        "probabilities": None,
        "predictions": None,
        "outputs": {name: values.astype(np.float64).tolist() for name, values in answer.items()},
        "labels": labels_of(pipeline, answer),
    }
    write_whole(job.output / "parity_expected.json", json.dumps(plain(expected), ensure_ascii=False))
    return len(rows)
