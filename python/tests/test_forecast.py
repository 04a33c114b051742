"""Forecasts: windows, scores against formulas, the promises of every engine, and what bad series are told."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import onnxruntime
import pandas as pd
import pytest
from folders import events, failure, read_json, run_here, write_channel, write_job

from atoll_engines.forecast.metrics import QUANTILES, score_all, seasonal_error
from atoll_engines.forecast.pipeline import conformal_misses
from atoll_engines.recipes import raw_tensors

TYPES = {"day": "datetime", "place": "category"}
QUICK = {"strategy": "none", "space": {"forecast_boosting": {"n_estimators": 30, "num_leaves": 7, "min_data_in_leaf": 5}}}
EACH = ["seasonal_naive", "naive", "exponential_smoothing", "forecast_boosting"]


def weekly(days: int = 260, places: tuple[str, ...] = ("north",), seed: int = 1, freq: str = "D", lift: float = 15) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    parts = []
    for number, place in enumerate(places):
        time = pd.date_range("2020-01-01", periods=days, freq=freq)
        event = (random.random(days) < 0.1).astype(float)
        visits = 50 * (number + 1) + 20 * np.sin(2 * np.pi * np.arange(days) / 7) + 0.05 * np.arange(days) + lift * event
        parts.append(pd.DataFrame({"day": time, "place": place, "visits": visits + random.normal(size=days), "event": event}))
    return pd.concat(parts, ignore_index=True)


def forecast_job(
    folder: Path, frame: pd.DataFrame, algorithm: str = "exponential_smoothing", options: dict | None = None, **changes
) -> Path:
    folder.mkdir()
    write_channel(folder, "train", frame, TYPES)
    parameters = {
        "task": "forecast", "target": "visits", "metric": "mase", "algorithms": [algorithm], "search": QUICK,
        "options": {"horizon": 7, "folds": 2, **(options or {})}, "threads": 1,
    }  # fmt: skip
    write_job(folder, "forecast.train", parameters | changes)
    return folder


def evaluated(folder: Path, trained: Path, frame: pd.DataFrame, first_row: int) -> Path:
    folder.mkdir()
    write_channel(folder, "test", frame, TYPES, list(range(first_row, first_row + len(frame))))
    shutil.copytree(trained / "model", folder / "input/data/model")
    shutil.copytree(trained / "native", folder / "input/data/model/native")
    write_job(folder, "forecast.evaluate", {"task": "forecast", "target": "visits", "bootstrap": 50})
    assert run_here(folder) == 0, failure(folder)
    return folder


@pytest.mark.parametrize("algorithm", EACH)
def test_each_algorithm_is_trained_proven_and_judged(tmp_path, algorithm):
    whole = weekly(300, lift=0)
    job = forecast_job(tmp_path / "job", whole[:240], algorithm)
    assert run_here(job) == 0, failure(job)
    training = read_json(job, "model/training.json")
    assert training["algorithm"] == algorithm
    assert training["export"]["ok"], training["export"]
    signature = read_json(job, "model/signature.json")
    assert [one["name"] for one in signature["outputs"]] == ["prediction", "low_80", "high_80", "quantiles"]
    result = evaluated(tmp_path / "eval", job, whole[240:], 240)
    report = read_json(result, "output/data/evaluation.json")
    assert report["metrics"]["mase"]["low"] <= report["metrics"]["mase"]["value"] <= report["metrics"]["mase"]["high"]
    if algorithm != "naive":
        assert report["metrics"]["mase"]["value"] < (5.0 if algorithm == "forecast_boosting" else 1.3)
    # Every sealed value is forecast from the end of training on: 60 values, windows of 7.
    assert report["rows"] == 60 - 7 + 1
    expected = read_json(result, "output/data/parity_expected.json")
    assert len(expected["kinds"]) >= 450 and "missing_injected" in expected["kinds"]


def test_deepar_draws_the_same_in_python_and_as_a_graph(tmp_path):
    pytest.importorskip("torch", reason="DeepAR needs the deep runtime")
    space = {"deepar": {"epochs": 12, "hidden": 16, "layers": 1, "learning_rate": 0.01, "batch_size": 32}}
    job = forecast_job(
        tmp_path / "job", weekly(300, lift=0)[:240], "deepar", {"folds": 1, "context": 14}, search={"strategy": "none", "space": space}
    )
    assert run_here(job) == 0, failure(job)
    training = read_json(job, "model/training.json")
    assert training["export"]["ok"] and training["export"]["maxDifference"] < 1e-5, training["export"]
    result = evaluated(tmp_path / "eval", job, weekly(300, lift=0)[240:], 240)
    assert read_json(result, "output/data/evaluation.json")["metrics"]["coverage_80"]["value"] > 0.3


def test_the_same_seed_gives_the_same_forecast_and_a_stopped_search_goes_on(tmp_path):
    frame = weekly()
    search = {"strategy": "tpe", "trials": 4, "space": {"forecast_boosting": {"n_estimators": {"int": [5, 30]}, "num_leaves": 7}}}
    jobs = [forecast_job(tmp_path / name, frame, "forecast_boosting", search=search) for name in "ab"]
    for job in jobs:
        assert run_here(job) == 0, failure(job)
    assert (jobs[0] / "model/model.onnx").read_bytes() == (jobs[1] / "model/model.onnx").read_bytes()
    resumed = forecast_job(tmp_path / "c", frame, "forecast_boosting", search=search)
    (resumed / "checkpoints").mkdir()
    lines = (jobs[0] / "checkpoints/trials.jsonl").read_text().splitlines()
    (resumed / "checkpoints/trials.jsonl").write_text("\n".join(lines[:2]) + "\n")
    assert run_here(resumed) == 0, failure(resumed)
    assert (resumed / "model/model.onnx").read_bytes() == (jobs[0] / "model/model.onnx").read_bytes()


def test_what_is_known_of_the_future_helps_and_is_asked_for(tmp_path):
    frame = weekly(400)
    plain = forecast_job(tmp_path / "plain", frame, "forecast_boosting")
    knowing = forecast_job(tmp_path / "knowing", frame, "forecast_boosting", {"knownColumns": ["event"]})
    for job in (plain, knowing):
        assert run_here(job) == 0, failure(job)
    without, with_ = (read_json(job, "model/training.json")["validation"]["mae"]["mean"] for job in (plain, knowing))
    assert with_ < 0.85 * without
    names = [one["name"] for one in read_json(knowing, "model/signature.json")["inputs"]]
    assert names[-7:] == [f"event@+{step}" for step in range(1, 8)]


def test_several_series_share_a_model_and_gaps_are_missing_values(tmp_path):
    frame = weekly(240, ("north", "south")).drop(index=[20, 21, 300]).reset_index(drop=True)
    job = forecast_job(tmp_path / "job", frame, "forecast_boosting", {"seriesColumn": "place"})
    assert run_here(job) == 0, failure(job)
    gaps = {one["facts"]["series"]: one["facts"]["gaps"] for one in events(job, "warning") if one["code"] == "gaps"}
    assert gaps == {"north": 2, "south": 1}
    assert len(read_json(job, "model/training.json")["forecast"]["scales"]) == 2


def test_months_keep_their_calendar(tmp_path):
    months = weekly(120, freq="MS")
    job = forecast_job(tmp_path / "job", months, "forecast_boosting", {"horizon": 3})
    assert run_here(job) == 0, failure(job)
    about = read_json(job, "model/signature.json")["forecast"]
    assert about["spacing"] == "month" and about["season"] == 12 and about["months"] == 1
    assert read_json(job, "model/training.json")["export"]["ok"]


def test_a_request_is_answered_as_the_graph_says(tmp_path):
    job = forecast_job(tmp_path / "job", weekly(), "seasonal_naive")
    assert run_here(job) == 0, failure(job)
    import joblib

    pipeline = joblib.load(job / "native/pipeline.joblib")["pipeline"]
    row = {f"lag_{lag}": float(lag) for lag in range(1, pipeline.frame.context + 1)} | {"day": "2020-08-01T00:00:00Z"}
    frame = pd.DataFrame([row])[[one.name for one in pipeline.frame.inputs]]
    session = onnxruntime.InferenceSession((job / "model/model.onnx").read_bytes())
    frame["day"] = pd.to_datetime(frame["day"])
    (prediction,) = session.run(["prediction"], raw_tensors(frame, pipeline.frame.inputs))
    # Lags are counted backwards: the value a week before the next step is the seventh from the end.
    middle = pipeline.misses[:, 4]
    scale = np.abs(np.arange(1, pipeline.frame.context + 1) - np.mean(np.arange(1, pipeline.frame.context + 1))).mean()
    assert prediction[0] == pytest.approx(np.arange(7, 0, -1) + middle * scale, rel=1e-5)


def test_python_answers_a_file_of_windows_and_windows_line_by_line(tmp_path):
    import io
    import json

    import pyarrow.parquet as pq

    from atoll_engines.evaluation.answer import serve
    from atoll_engines.forecast.evaluate import open_forecast
    from atoll_engines.forecast.windows import to_frame, windows_of

    job = forecast_job(tmp_path / "job", weekly(), "seasonal_naive")
    assert run_here(job) == 0, failure(job)
    asked = tmp_path / "asked"
    shutil.copytree(job / "model", asked / "input/data/model")
    shutil.copytree(job / "native", asked / "input/data/model/native")
    write_job(asked, "forecast.predict", {})
    from atoll_engines.contract import read_job

    pipeline, _, history, _ = open_forecast(read_job(asked))
    rows = to_frame(windows_of(history, pipeline.frame), pipeline.frame).head(5)
    write_channel(asked, "rows", rows, {"day": "datetime"})
    assert run_here(asked) == 0, failure(asked)
    table = pq.read_table(asked / "output/data/predictions.parquet").to_pydict()
    assert len(table["prediction"]) == 5 and len(table["prediction"][0]) == 7
    line = [{name: value.isoformat() if name == "day" else value for name, value in row.items()} for row in rows.to_dict("records")]

    def told(frame: pd.DataFrame) -> dict:
        return {name: values.tolist() for name, values in pipeline.predict(frame).items()}

    sink = io.StringIO()
    serve(pipeline.frame.inputs, told, io.StringIO(json.dumps(line) + "\nnonsense\n"), sink)
    ready, answer, refused = map(json.loads, sink.getvalue().splitlines())
    assert ready == {"ready": True} and "not a JSON array" in refused["error"]
    assert np.array(answer["prediction"]) == pytest.approx(np.array(table["prediction"]), rel=1e-6)


def test_scores_are_those_of_their_formulas():
    random = np.random.default_rng(0)
    actual = random.normal(10, 3, (40, 5))
    quantiles = actual[:, :, None] + np.sort(random.normal(0, 2, (40, 5, 9)), axis=2)
    scale = np.full(40, 2.5)
    found = score_all(actual, quantiles, scale)
    middle = quantiles[:, :, 4]
    losses = [
        2 * np.where(actual >= q, level * (actual - q), (1 - level) * (q - actual)).sum() / np.abs(actual).sum()
        for level, q in zip(QUANTILES, quantiles.transpose(2, 0, 1), strict=True)
    ]
    assert found["quantile_loss"] == pytest.approx(np.mean(losses), rel=1e-12)
    assert found["mase"] == pytest.approx(np.abs(actual - middle).mean() / 2.5, rel=1e-12)
    assert found["rmse"] == pytest.approx(np.sqrt(((actual - middle) ** 2).mean()), rel=1e-12)
    assert found["smape"] == pytest.approx(200 * (np.abs(actual - middle) / (np.abs(actual) + np.abs(middle))).mean(), rel=1e-12)
    assert seasonal_error(np.array([1.0, 2, 4, 7]), 2) == pytest.approx(4.0)


def test_conformal_intervals_cover_what_they_promise():
    random = np.random.default_rng(3)
    covered = []
    for _ in range(60):
        past, future = random.standard_t(4, 150), random.standard_t(4, 400)
        misses = conformal_misses(past[:, None], np.zeros((150, 1)), np.ones((150, 1)))[0]
        covered.append(((future >= misses[0]) & (future <= misses[-1])).mean())
    assert np.mean(covered) == pytest.approx(0.8, abs=0.02)


@pytest.mark.parametrize(
    ("change", "options", "sentence"),
    [
        (lambda f: f, {"horizon": 0}, "The option horizon is 0"),
        (lambda f: f, {"horizn": 3}, 'There is no option "horizn"'),
        (lambda f: f, {"knownColumns": ["place"]}, '"place" is no column of numbers'),
        (lambda f: f, {"seriesColumn": "plce"}, 'There is no column "plce". Did you mean "place"?'),
        (lambda f: pd.concat([f, f.iloc[[5]]], ignore_index=True), {}, "Row 260 has the time 2020-01-06T00:00:00 again"),
        (lambda f: f.head(12), {}, "too few to forecast"),
        (lambda f: f.assign(visits=3.0), {}, "No series ever changes"),
        (lambda f: f.assign(visits=f["visits"].where(f.index != 9, np.inf)), {}, '"visits" is infinite in row 9'),
        (lambda f: f.drop(columns=["day"]), {}, "needs a column of dates"),
        (lambda f: f.assign(visits=f["place"]), {}, "a forecast needs numbers"),
    ],
)
def test_what_cannot_be_forecast_is_said(tmp_path, change, options, sentence):
    job = forecast_job(tmp_path / "job", change(weekly()), options=options)
    assert run_here(job) == 2
    assert sentence in failure(job)
