"""Evaluation of a trained model on rows it never saw, and the rows that put its serving to the proof."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd

from atoll_engines.contract import Job, Report, plain, write_json, write_whole
from atoll_engines.errors import BadInput
from atoll_engines.evaluation import multilabel
from atoll_engines.evaluation.package import Judged, Package
from atoll_engines.tabular import curves
from atoll_engines.tabular.bootstrap import intervals
from atoll_engines.tabular.data import open_table, read_frame
from atoll_engines.tabular.diagnosis import diagnose
from atoll_engines.tabular.metrics import labels_of, score_all
from atoll_engines.tabular.parity_rows import as_requests, parity_parts
from atoll_engines.tabular.request import read_costs
from atoll_engines.tabular.target import as_words


def judge(job: Job, report: Report, package: Package) -> dict[str, Any]:
    """Predicts the sealed rows and leaves what an evaluation leaves (docs/job-contract.md)."""
    pipeline = package.pipeline
    threshold = job.parameters.get("threshold")
    if threshold is not None:
        pipeline.threshold = float(threshold)
    frame, actual, left_out = read_test(job, package, report)
    report.progress("evaluate", 0, 3, None, f"predicting {len(frame)} rows")
    predicted = pipeline.predict(frame)
    report.progress("evaluate", 1, 3, None, "metrics and intervals")
    evaluation = evaluate(job, package, frame, actual, predicted)
    evaluation["leftOut"] = left_out
    if hasattr(pipeline, "judged_further"):
        # Embeddings say more than the label: whether two recordings are of one speaker.
        found, metrics = pipeline.judged_further(frame, actual, job.seed)
        evaluation |= found | {"metrics": evaluation["metrics"] | metrics}
    write_json(job.output / "evaluation.json", evaluation)
    write_predictions(job, package, frame, actual, predicted)
    report.progress("evaluate", 2, 3, None, "rows for the parity check")
    rows = write_parity(job, package, frame)
    report.artifact("output/data/evaluation.json", "evaluation", "Metrics with intervals, curves and diagnosis")
    for name, metric in evaluation["metrics"].items():
        report.metric(f"test.{name}", metric["value"])
    report.progress("evaluate", 3, 3, 0.0, "done")
    return {
        "rows": evaluation["rows"],
        "metrics": evaluation["metrics"],
        "diagnosis": evaluation["diagnosis"],
        "parityRows": rows,
    }


def read_test(job: Job, package: Package, report: Report) -> tuple[pd.DataFrame, np.ndarray, dict[str, int]]:
    """Test rows with a target that the model knows."""
    table = open_table(job.channel("test"))
    target = job.parameters.get("target") or package.signature["target"]
    column = table.column(target)
    if column is None:
        raise BadInput(f'The test rows have no target column "{target}".', column=target)
    names = [one.name for one in package.pipeline.inputs]
    frame = read_frame(table, [*names, target])
    missing = frame[target].isna().to_numpy()
    values = frame.loc[~missing, target]
    if package.pipeline.task == "regression":
        actual, unknown = values.to_numpy(np.float64), np.zeros(len(values), bool)
    elif package.pipeline.task == "multilabel":
        actual, unknown = multilabel.read_known(values, package.pipeline.classes)
    else:
        numbers = {name: number for number, name in enumerate(package.pipeline.classes)}
        actual = as_words(column, values).map(numbers).fillna(-1).to_numpy(np.int64)
        unknown = actual < 0
    left_out = {"targetMissing": int(missing.sum()), "classUnknown": int(unknown.sum())}
    if any(left_out.values()):
        report.warning(
            "test_rows_left_out",
            f"{left_out['targetMissing']} test rows have no target and {left_out['classUnknown']} have a class "
            "that training never saw; they are left out.",
            **left_out,
        )
    kept, actual = frame.loc[~missing, names][~unknown], actual[~unknown]
    if not len(kept):
        raise BadInput(f'No test row has a usable value of the target "{target}".', column=target)
    if hasattr(package.pipeline, "readable"):
        # Damaged items are named and left out.
        readable = package.pipeline.readable(kept, report)
        left_out["itemUnreadable"] = int((~readable).sum())
        kept, actual = kept[readable], actual[readable]
    return kept, actual, left_out


def evaluate(job: Job, package: Package, frame: pd.DataFrame, actual: np.ndarray, predicted: np.ndarray) -> dict[str, Any]:
    """Everything that `evaluation.json` holds."""
    pipeline = package.pipeline
    task, threshold = pipeline.task, pipeline.threshold
    if task == "multilabel":
        return multilabel.evaluate(package, actual, predicted, int(job.parameters.get("bootstrap") or 1000), job.seed)
    values = score_all(actual, predicted, task, threshold)
    wanted = int(job.parameters.get("bootstrap") or 1000)
    ranges, resamples = intervals(actual, predicted, task, threshold, wanted, job.seed)
    method = f"bootstrap percentile, {resamples} resamples"
    metrics = {name: {"value": value, "low": ranges[name][0], "high": ranges[name][1], "method": method} for name, value in values.items()}
    result = {
        "rows": len(frame),
        "metrics": metrics,
        "threshold": threshold,
        "diagnosis": diagnose(package.training, metrics),
        "residuals": curves.residuals(actual, predicted) if task == "regression" else None,
    }
    if task == "regression":
        return result | {"confusion": None, "roc": None, "pr": None, "calibration": None, "cost": [], "perClass": None}
    labels = labels_of(predicted, threshold)
    binary = task == "binary" and 0 < actual.mean() < 1
    costs = read_costs(job.parameters.get("costs") or {})
    return result | {
        "confusion": curves.confusion(actual, labels, pipeline.classes, frame.index.to_numpy()),
        "roc": curves.roc_points(actual == 1, predicted[:, 1]) if binary else None,
        "pr": curves.pr_points(actual == 1, predicted[:, 1]) if binary else None,
        "calibration": curves.calibration_table(actual, predicted),
        "cost": curves.cost_points(actual, predicted[:, 1], costs) if costs and task == "binary" else [],
        "perClass": curves.per_class(actual, predicted, labels, pipeline.classes),
    }


def write_predictions(job: Job, package: Package, frame: pd.DataFrame, actual: np.ndarray, predicted: np.ndarray) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pipeline = package.pipeline
    columns: dict[str, Any] = {"__row": frame.index.to_numpy()}
    if pipeline.task == "regression":
        columns |= {"actual": actual, "predicted": predicted, "prediction": predicted}
    else:
        real = multilabel.labels(actual, pipeline.classes) if pipeline.task == "multilabel" else [pipeline.classes[k] for k in actual]
        columns |= {"actual": multilabel.as_words(real), "predicted": multilabel.as_words(pipeline.labels(predicted))}
        columns |= {f"p_{k}": predicted[:, k] for k in range(predicted.shape[1])}
    pq.write_table(pa.table(columns), job.output / "predictions.parquet")


def write_parity(job: Job, package: Package, frame: pd.DataFrame) -> int:
    """Rows as a client would send them, and what the training code answers to each."""
    pipeline = package.pipeline
    wanted = int(job.parameters.get("parityRows") or 1000)
    if hasattr(pipeline, "parity_rows"):
        # Images and sounds are not in the table: the package says how clients send them.
        return leave_parity(job, pipeline, *pipeline.parity_rows(frame, wanted, job.seed))
    kinds, rows = parity_parts(frame, pipeline.inputs, wanted, np.random.default_rng(job.seed))
    further = pipeline.predict_further(rows) if getattr(pipeline, "further", None) else None
    return leave_parity(job, pipeline, kinds, as_requests(rows, pipeline.inputs), pipeline.predict(rows), further=further)


def leave_parity(
    job: Job,
    pipeline: Judged,
    kinds: list[str],
    requests: list[dict[str, Any]],
    predicted: np.ndarray,
    is_complete: bool = False,
    further: dict[str, np.ndarray] | None = None,
) -> int:
    """The requests, and what the training code answers to each; `is_complete`: all sealed rows are among them."""
    lines = (json.dumps(plain(one), ensure_ascii=False) for one in requests)
    write_whole(job.output / "parity_rows.jsonl", "\n".join(lines) + "\n")
    classified = pipeline.task != "regression"
    expected = {
        "kinds": kinds,
        "probabilities": predicted.astype(np.float64).tolist() if classified else None,
        "predictions": [] if classified else predicted.astype(np.float64).tolist(),
        "labels": pipeline.labels(predicted) if classified else [],
        "complete": is_complete,
    }
    if further:
        expected["outputs"] = {name: values.astype(np.float64).tolist() for name, values in further.items()}
    write_whole(job.output / "parity_expected.json", json.dumps(plain(expected), ensure_ascii=False))
    return len(requests)
