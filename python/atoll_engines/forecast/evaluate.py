"""Evaluation of a forecast over the sealed period, from rolling origins, and the windows that put its serving to the proof."""

from __future__ import annotations

import json
from typing import Any

import joblib
import numpy as np
import pandas as pd

from atoll_engines.contract import Job, Report, plain, write_json, write_whole
from atoll_engines.errors import BadInput, EngineError
from atoll_engines.forecast.algorithms.linear_maps import SeasonalNaive
from atoll_engines.forecast.algorithms.model import Setting
from atoll_engines.forecast.metrics import MIDDLE, score_all
from atoll_engines.forecast.package import holes
from atoll_engines.forecast.pipeline import Pipeline
from atoll_engines.forecast.request import Request
from atoll_engines.forecast.series import Series, read_series
from atoll_engines.forecast.windows import Windows, to_frame, windows_of
from atoll_engines.tabular.bootstrap import CONFIDENCE
from atoll_engines.tabular.data import open_table
from atoll_engines.tabular.parity_rows import as_requests

SHOWN_SERIES, SHOWN_VALUES = 12, 400
FEWEST_PARITY = 1000


def run(job: Job, report: Report) -> dict[str, Any]:
    """The engine `forecast.evaluate`."""
    pipeline, request, history, training = open_forecast(job)
    series = continued(job, request, history, pipeline, report)
    starts = {one.name: one.time[-1] for one in history}
    windows = sealed_windows(series, starts, pipeline)
    report.progress("evaluate", 0, 2, None, f"{len(windows)} origins in the sealed period")
    quantiles = pipeline.quantiles(windows)
    scales = np.array(training["forecast"]["scales"])
    scale = scales[np.minimum(windows.series, len(scales) - 1)]
    wanted = int(job.parameters.get("bootstrap") or 1000)
    metrics = intervals(windows, quantiles, scale, wanted, job.seed, pipeline.frame.horizon)
    evaluation = (
        {
            "rows": len(windows),
            "metrics": metrics,
            "threshold": None,
            "diagnosis": diagnose(training, metrics, baseline_of(windows, pipeline, scale)),
            "leftOut": {"targetMissing": 0, "classUnknown": 0},
            "forecast": {
                "byStep": by_step(windows, quantiles),
                "baseline": baseline_of(windows, pipeline, scale),
                "series": shown(series, starts, windows, quantiles, pipeline),
                "spacing": pipeline.frame.spacing.name,
            },
        }
        | dict.fromkeys(("confusion", "roc", "pr", "calibration", "perClass", "residuals"))
        | {"cost": []}
    )
    write_json(job.output / "evaluation.json", evaluation)
    write_predictions(job, windows, quantiles, pipeline)
    rows = write_parity(job, pipeline, series, windows)
    for name, metric in metrics.items():
        report.metric(f"test.{name}", metric["value"])
    report.progress("evaluate", 2, 2, 0.0, "done")
    return {"rows": len(windows), "metrics": metrics, "diagnosis": evaluation["diagnosis"], "parityRows": rows}


def open_forecast(job: Job) -> tuple[Pipeline, Request, list[Series], dict[str, Any]]:
    folder = job.channel("model")
    file = folder / "native" / "pipeline.joblib"
    if not file.is_file():
        raise EngineError("The package has no native/pipeline.joblib; only a forecast that was trained here can be evaluated.")
    native = joblib.load(file)
    return native["pipeline"], native["request"], native["history"], json.loads((folder / "training.json").read_text("utf-8"))


def continued(job: Job, request: Request, history: list[Series], pipeline: Pipeline, report: Report) -> list[Series]:
    """The sealed series, each with the end of its past before it."""
    sealed, _ = read_series(open_table(job.channel("test")), request, pipeline.frame.spacing, report)
    past = {one.name: one for one in history}
    joined = []
    for one in sealed:
        before = past.get(one.name)
        if before is None:
            joined.append(one)
            continue
        kept = before.time < one.time[0]
        gap = steps_between(before.time[kept][-1], one.time[0], pipeline) - 1 if kept.any() else 0
        hole = np.full(max(0, gap), np.nan)
        joined.append(
            Series(
                one.name,
                np.concatenate(
                    [before.time[kept], pipeline.frame.spacing.after(before.time[kept][-1:], np.arange(1, len(hole) + 1)), one.time]
                )
                if len(hole)
                else np.concatenate([before.time[kept], one.time]),
                np.concatenate([before.values[kept], hole, one.values]),
                np.concatenate([before.known[kept], np.full((len(hole), one.known.shape[1]), np.nan), one.known]),
                np.concatenate([before.row[kept], np.full(len(hole), -1), one.row]),
            )
        )
    return joined


def steps_between(first: int, last: int, pipeline: Pipeline) -> int:
    spacing = pipeline.frame.spacing
    if spacing.months:
        month = np.array([first, last]).astype("datetime64[ms]").astype("datetime64[M]").astype(np.int64)
        return int((month[1] - month[0]) // spacing.months)
    return int(round((last - first) / spacing.milliseconds))


def sealed_windows(series: list[Series], starts: dict[str, int], pipeline: Pipeline) -> Windows:
    """Every origin from the last known value on, so that all values that are forecast are sealed ones."""
    parts = [windows_of([one], pipeline.frame, since=starts.get(one.name, one.time[0])) for one in series]
    numbers = [np.full(len(part), number) for number, part in enumerate(parts)]
    whole = Windows(*(np.concatenate([getattr(part, name) for part in parts]) for name in Windows.__dataclass_fields__))
    whole = Windows(whole.values, whole.time, whole.known, whole.actual, np.concatenate(numbers), whole.row)
    if not len(whole):
        raise BadInput(
            f"The sealed period is shorter than the horizon of {pipeline.frame.horizon}, so nothing can be forecast within it. "
            "Split with a larger test share, or ask for a shorter horizon."
        )
    return whole


def intervals(windows: Windows, quantiles: np.ndarray, scale: np.ndarray, resamples: int, seed: int, horizon: int) -> dict[str, Any]:
    """Each metric with a percentile interval over resampled blocks of origins, whose neighbours overlap (Künsch 1989)."""
    values = score_all(windows.actual, quantiles, scale)
    random = np.random.default_rng(seed)
    order = np.lexsort((windows.time, windows.series))
    block = max(1, min(horizon, len(order) // 4))
    blocks = -(-len(order) // block)
    drawn: dict[str, list[float]] = {name: [] for name in values}
    for _ in range(min(resamples, 400)):
        starts = random.integers(0, max(1, len(order) - block + 1), blocks)
        chosen = np.minimum(starts[:, None] + np.arange(block), len(order) - 1).ravel()
        weights = np.bincount(order[chosen], minlength=len(order)).astype(float)
        for name, value in score_all(windows.actual, quantiles, scale, weights).items():
            drawn[name].append(value)
    tail = 100 * (1 - CONFIDENCE) / 2
    method = f"moving-block bootstrap, blocks of {block} origins, {min(resamples, 400)} resamples"
    result = {}
    for name, value in values.items():
        low, high = np.percentile(drawn[name], [tail, 100 - tail])
        result[name] = {"value": value, "low": float(low), "high": float(high), "method": method}
    return result


def baseline_of(windows: Windows, pipeline: Pipeline, scale: np.ndarray) -> dict[str, float]:
    """The seasonal naive forecast of the same origins."""
    naive = SeasonalNaive(Setting(pipeline.frame, 0, 1), pipeline.frame.season)
    point = naive.point(windows)
    found = score_all(windows.actual, np.repeat(point[:, :, None], 9, axis=2), scale)
    return {name: found[name] for name in ("mase", "mae", "rmse", "smape")}


def diagnose(training: dict[str, Any], metrics: dict[str, Any], baseline: dict[str, float]) -> dict[str, str]:
    mase, naive = metrics["mase"], baseline["mase"]
    expected = training["validation"].get("mase", {}).get("mean", float("nan"))
    said = (
        f"MASE is {mase['value']:.3f} in the sealed period, {expected:.3f} on the rolling folds before it and {naive:.3f} for the seasonal "
        f"naive forecast; the 80 % interval covered {100 * metrics['coverage_80']['value']:.0f} %"
    )
    if mase["value"] >= naive:
        return {"kind": "underfit", "sentence": f"{said}: it is no better than repeating the season before."}
    if mase["low"] > expected * 1.1:
        return {"kind": "overfit", "sentence": f"{said}: the sealed period went worse than the past promised."}
    return {"kind": "good_fit", "sentence": f"{said}: it keeps what the past promised."}


def by_step(windows: Windows, quantiles: np.ndarray) -> list[dict[str, float]]:
    """How the error grows with the step."""
    result = []
    for step in range(windows.actual.shape[1]):
        actual, found = windows.actual[:, step], quantiles[:, step]
        covered = (actual >= found[:, 0]) & (actual <= found[:, -1])
        result.append({"step": step + 1, "mae": float(np.abs(actual - found[:, MIDDLE]).mean()), "coverage_80": float(covered.mean())})
    return result


def shown(
    series: list[Series], starts: dict[str, int], windows: Windows, quantiles: np.ndarray, pipeline: Pipeline
) -> list[dict[str, Any]]:
    """For a plot: the last values of some series, and forecasts that follow one another without overlap."""
    result = []
    for number, one in enumerate(series[:SHOWN_SERIES]):
        own = np.flatnonzero(windows.series == number)
        own = own[np.argsort(windows.time[own])][:: pipeline.frame.horizon]
        forecasts = []
        for at in own[-(SHOWN_VALUES // pipeline.frame.horizon) - 1 :]:
            times = pipeline.frame.spacing.after(windows.time[at], np.arange(1, pipeline.frame.horizon + 1))
            forecasts += [
                {"time": int(when), "value": float(found[MIDDLE]), "low": float(found[0]), "high": float(found[-1])}
                for when, found in zip(times, quantiles[at], strict=True)
            ]
        since = max(forecasts[0]["time"] if forecasts else 0, 0)
        first = max(0, int(np.searchsorted(one.time, since)) - 2 * pipeline.frame.season)
        result.append(
            {
                "name": one.name,
                "sealedSince": int(starts.get(one.name, one.time[0])),
                "actual": [
                    {"time": int(when), "value": None if np.isnan(value) else float(value)}
                    for when, value in zip(one.time[first:], one.values[first:], strict=True)
                ],
                "forecast": forecasts,
            }  # fmt: skip
        )
    return result


def write_predictions(job: Job, windows: Windows, quantiles: np.ndarray, pipeline: Pipeline) -> None:
    """One row for each origin and step; `__row` is the origin's row."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    horizon = pipeline.frame.horizon
    steps = np.tile(np.arange(1, horizon + 1), len(windows))
    table = {
        "__row": np.repeat(windows.row, horizon), "step": steps, "actual": windows.actual.ravel(),
        "predicted": quantiles[:, :, MIDDLE].ravel(), "prediction": quantiles[:, :, MIDDLE].ravel(),
        "low_80": quantiles[:, :, 0].ravel(), "high_80": quantiles[:, :, -1].ravel(),
    }  # fmt: skip
    pq.write_table(pa.table(table), job.output / "predictions.parquet")


def write_parity(job: Job, pipeline: Pipeline, series: list[Series], sealed: Windows) -> int:
    """Windows as clients would send them, and what training code answers: sealed ones, earlier ones where those are few, some with gaps."""
    wanted = max(FEWEST_PARITY, int(job.parameters.get("parityRows") or FEWEST_PARITY))
    random = np.random.default_rng(job.seed)
    every = sealed if len(sealed) >= wanted else windows_of(series, pipeline.frame)
    chosen = every.take(np.sort(random.choice(len(every), min(len(every), wanted), replace=False)))
    frame = to_frame(chosen, pipeline.frame)
    injected = max(250, wanted - len(frame))
    part = frame.iloc[np.arange(injected) % len(frame)]
    rows = pd.concat([frame, holes(part, job.seed)])
    answer = pipeline.predict(rows)
    lines = (json.dumps(plain(one), ensure_ascii=False) for one in as_requests(rows, pipeline.frame.inputs))
    write_whole(job.output / "parity_rows.jsonl", "\n".join(lines) + "\n")
    expected = {
        "kinds": ["held_out"] * len(frame) + ["missing_injected"] * len(part),
        "probabilities": None, "predictions": None, "labels": None,
        "outputs": {name: values.astype(np.float64).tolist() for name, values in answer.items()},
    }  # fmt: skip
    write_whole(job.output / "parity_expected.json", json.dumps(plain(expected), ensure_ascii=False))
    return len(rows)
