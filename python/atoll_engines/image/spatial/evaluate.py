"""Evaluation of a model of places on sealed rows: metrics with intervals, confusions, the worst images, the parity rows."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd

from atoll_engines.contract import Job, Report, plain, write_json, write_whole
from atoll_engines.errors import BadInput
from atoll_engines.image.spatial.pipeline import SpatialPipeline, open_pipeline
from atoll_engines.image.store import tell_damaged
from atoll_engines.tabular.bootstrap import CONFIDENCE
from atoll_engines.tabular.data import open_table, read_frame
from atoll_engines.tabular.diagnosis import diagnose

MOST_RESAMPLES = 300
SHOWN = 24


def run(job: Job, report: Report) -> dict[str, Any]:
    """`image.evaluate` for the tasks detection and segmentation."""
    pipeline, _, training = open_pipeline(job, "test")
    part, about = pipeline.part, pipeline.about
    if job.parameters.get("threshold") is not None:
        about.threshold = float(job.parameters["threshold"])
    frame, truths, sides, left_out = read_test(job, pipeline, report)
    report.progress("evaluate", 0, 3, None, f"looking at {len(frame)} images")
    said, answers = pipeline.answers(frame[pipeline.column])
    report.progress("evaluate", 1, 3, None, "metrics and intervals")
    evidence = [part.evidence(truth, answer, about) for truth, answer in zip(truths, answers, strict=True)]
    metrics, resamples = intervals(part, evidence, about, int(job.parameters.get("bootstrap") or 1000), job.seed)
    by_image = [part.image_score(one, about) for one in evidence]
    worst = np.argsort(by_image, kind="stable")[:SHOWN]
    evaluation = {
        "rows": len(frame), "metrics": metrics, "threshold": about.threshold, "diagnosis": diagnose(training or None, metrics),
        "residuals": None, "roc": None, "pr": None, "calibration": None, "cost": [],
        "confusion": part.confusion(evidence, about, frame.index.to_numpy()),
        "perClass": part.per_class(evidence, about, resamples, job.seed),
        "leftOut": left_out,
        "places": {
            "task": part.task,
            "images": [
                {
                    "row": int(frame.index[at]), "item": str(frame[pipeline.column].iloc[at]), "score": float(by_image[at]),
                    "height": sides[at][0], "width": sides[at][1],
                    **part.shown(truths[at], answers[at], about),
                }
                for at in worst
            ],
        },
    }  # fmt: skip
    write_json(job.output / "evaluation.json", evaluation)
    write_predictions(job, pipeline, frame, truths, answers, by_image)
    report.progress("evaluate", 2, 3, None, "rows for the parity check")
    rows = write_parity(job, pipeline, frame)
    report.artifact("output/data/evaluation.json", "evaluation", "Metrics with intervals, confusions and the worst images")
    for name, metric in metrics.items():
        report.metric(f"test.{name}", metric["value"])
    report.progress("evaluate", 3, 3, 0.0, "done")
    return {"rows": len(frame), "metrics": metrics, "diagnosis": evaluation["diagnosis"], "parityRows": rows}


def read_test(job: Job, pipeline: SpatialPipeline, report: Report) -> tuple[pd.DataFrame, list[Any], list[tuple[int, int]], dict[str, int]]:
    """Test rows whose image can be read and whose truth has known classes and fits, the truths, and the images' heights and widths."""
    table = open_table(job.channel("test"))
    target = job.parameters.get("target") or pipeline.target
    if table.column(target) is None:
        raise BadInput(f'The test rows have no target column "{target}".', column=target)
    frame = read_frame(table, [pipeline.column, target])
    missing = frame[target].isna().to_numpy()
    frame = frame[~missing]
    truths, unknown = pipeline.part.read_known(frame[target], [pipeline.media] * len(frame), pipeline.about)
    damaged: list[tuple[int, str]] = []
    sides: list[tuple[int, int]] = [(0, 0)] * len(frame)
    for place, (row, value) in enumerate(frame[pipeline.column].items()):
        try:
            _, at = pipeline.pixels(value, row)
        except BadInput as error:
            damaged.append((place, error.message))
            continue
        sides[place] = (at.height, at.width)
        if truths[place] is not None and (fault := pipeline.part.check_size(truths[place], at.height, at.width, str(value))):
            damaged.append((place, fault))
    faults = damaged + [one for one in unknown if one[0] not in {place for place, _ in damaged}]
    tell_damaged(faults, frame[pipeline.column].tolist(), frame.index.to_numpy(), report, "the evaluation")
    kept = np.ones(len(frame), bool)
    kept[[place for place, _ in faults]] = False
    if not kept.any():
        raise BadInput(f'No test row has a usable value of the target "{target}".', column=target)
    left_out = {"targetMissing": int(missing.sum()), "classUnknown": len(unknown), "itemUnreadable": len(damaged)}
    places = np.flatnonzero(kept)
    return frame[kept], [truths[place] for place in places], [sides[place] for place in places], left_out


def intervals(part: Any, evidence: list[Any], about: Any, wanted: int, seed: int) -> tuple[dict[str, Any], int]:
    """Each metric with a percentile interval over resampled images."""
    values = part.scores(evidence, about)
    count = min(wanted, MOST_RESAMPLES)
    drawn = part.resampled(evidence, about, resamples(len(evidence), count, seed))
    method = f"bootstrap percentile over images, {count} resamples"
    return {name: {"value": value, **bounds([one[name] for one in drawn]), "method": method} for name, value in values.items()}, count


def resamples(images: int, count: int, seed: int) -> list[np.ndarray]:
    """How often each image counts, once for each resample."""
    random = np.random.default_rng(seed)
    return [np.bincount(random.integers(0, images, images), minlength=images).astype(np.float64) for _ in range(count)]


def bounds(values: list[float]) -> dict[str, float]:
    tail = 100 * (1 - CONFIDENCE) / 2
    finite = np.array(values)[np.isfinite(values)]
    low, high = np.percentile(finite, [tail, 100 - tail]) if len(finite) else (np.nan, np.nan)
    return {"low": float(low), "high": float(high)}


def write_predictions(
    job: Job, pipeline: SpatialPipeline, frame: pd.DataFrame, truths: list[Any], answers: list[Any], by_image: list[float]
) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    part, about = pipeline.part, pipeline.about
    columns = {
        "__row": frame.index.to_numpy(),
        "actual": [part.truth_text(one, about) for one in truths],
        "predicted": [part.as_text(one, about) for one in answers],
        "score": np.array(by_image, np.float64),
    }
    pq.write_table(pa.table(columns), job.output / "predictions.parquet")


def write_parity(job: Job, pipeline: SpatialPipeline, frame: pd.DataFrame) -> int:
    """Images as a client would send them, and what training code answers to each, in the image's own pixels."""
    wanted = int(job.parameters.get("parityRows") or 1000)
    kinds, requests, answers, is_complete = pipeline.parity_rows(frame[pipeline.column], wanted, job.seed)
    lines = (json.dumps(plain(one), ensure_ascii=False) for one in requests)
    write_whole(job.output / "parity_rows.jsonl", "\n".join(lines) + "\n")
    expected = {
        "kinds": kinds, "probabilities": None, "predictions": [], "labels": [], "complete": is_complete,
        pipeline.part.output: [pipeline.part.expected(one, pipeline.about) for one in answers],
    }  # fmt: skip
    write_whole(job.output / "parity_expected.json", json.dumps(plain(expected), ensure_ascii=False))
    return len(requests)
