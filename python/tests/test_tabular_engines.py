"""The three engines together: a model is trained, evaluated on rows of its own, and asked row by row."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from folders import events, read_json, run_here, start, write_channel, write_job
from sklearn import metrics as sk
from small_tables import TYPES, small_table

from atoll_engines.recipes import raw_tensors
from atoll_engines.tabular import train as train_engine
from atoll_engines.tabular.export import run_graph


def request(task: str, **changes) -> dict:
    return {
        "task": task, "target": "target", "positive": None, "recipe": {"auto": True}, "algorithms": ["lightgbm"],
        "metric": {"binary": "f1", "multiclass": "f1_macro", "regression": "rmse"}[task],
        "goal": {"costFalsePositive": 1, "costFalseNegative": 5}, "search": {"strategy": "tpe", "trials": 3},
        "validation": {"kind": "stratified", "folds": 3}, "threads": 1,
    } | changes  # fmt: skip


def evaluated(folder: Path, trained: Path, task: str, rows: int = 400, **changes) -> Path:
    """An evaluation of the model in `trained` on fresh rows."""
    folder.mkdir()
    frame = small_table(task, rows, seed=21)
    write_channel(folder, "test", frame, TYPES, list(range(5000, 5000 + rows)))
    package(folder, trained)
    signature = read_json(trained, "model/signature.json")
    parameters = {"target": "target", "task": task, "threshold": signature["threshold"], "bootstrap": 200, "parityRows": 1000}
    write_job(folder, "tabular.evaluate", parameters | changes)
    assert run_here(folder) == 0, (folder / "output" / "failure").read_text()
    return folder


def package(folder: Path, trained: Path) -> None:
    model = folder / "input" / "data" / "model"
    shutil.copytree(trained / "model", model)
    shutil.copytree(trained / "native", model / "native")


@pytest.fixture(scope="module", params=["binary", "multiclass", "regression"])
def both(request, tmp_path_factory):
    """A task with its trained and its evaluated folder."""
    task = request.param
    folder = tmp_path_factory.mktemp("train")
    write_channel(folder, "train", small_table(task), TYPES)
    write_job(folder, "tabular.train", globals()["request"](task))
    assert run_here(folder) == 0, (folder / "output" / "failure").read_text()
    return task, folder, evaluated(tmp_path_factory.mktemp("evaluate") / "job", folder, task)


def test_a_trained_package_is_whole(both):
    task, folder, _ = both
    for name in ("model.onnx", "signature.json", "recipe.json", "training.json", "explain.json"):
        assert (folder / "model" / name).is_file()
    for name in ("trials.json", "oof.parquet", "learning_curve.json"):
        assert (folder / "output" / "data" / name).is_file()
    signature, training = read_json(folder, "model/signature.json"), read_json(folder, "model/training.json")
    assert [one["tensor"] for one in signature["inputs"]].count("strings") == sum(
        one["type"] == "category" for one in signature["inputs"]
    )
    for tensor in ("numbers", "strings"):
        places = [one["index"] for one in signature["inputs"] if one["tensor"] == tensor]
        assert places == list(range(len(places)))
    if task != "binary":
        # With costs the threshold of a binary model is moved afterwards, and its metrics with it.
        assert training["leaderboard"][0]["mean"] == pytest.approx(training["validation"][training["metric"]]["mean"])
    assert len(training["validation"][training["metric"]]["folds"]) == 3
    assert (signature["threshold"] is not None) == (task == "binary")
    explained = read_json(folder, "model/explain.json")
    assert explained["permutation"][0]["mean"] > 0
    assert {one["column"] for one in explained["permutation"]} == {one["name"] for one in signature["inputs"]}
    assert len(read_json(folder, "output/data/learning_curve.json")["points"]) >= 3


def test_events_tell_of_every_trial_and_end_with_a_result(both):
    _, folder, _ = both
    told = events(folder)
    assert told[0] | {"at": ""} == {"type": "log", "at": "", "level": "debug", "message": "started"}
    assert told[-1]["type"] == "result"
    states = [(one["trial"], one["state"]) for one in told if one["type"] == "trial"]
    assert (0, "running") in states
    assert (0, "complete") in states
    assert any(one["name"].startswith("validation.") for one in told if one["type"] == "metric")
    assert all(one["at"].endswith("Z") for one in told)


def test_every_number_of_an_evaluation_agrees_with_scikit_learn(both):
    task, _, folder = both
    found = read_json(folder, "output/data/evaluation.json")
    table = pq.read_table(folder / "output" / "data" / "predictions.parquet").to_pandas()
    assert list(table["__row"]) == list(range(5000, 5400))
    values = {name: one["value"] for name, one in found["metrics"].items()}
    if task == "regression":
        expected = {
            "mae": sk.mean_absolute_error(table["actual"], table["prediction"]),
            "rmse": sk.root_mean_squared_error(table["actual"], table["prediction"]),
            "r2": sk.r2_score(table["actual"], table["prediction"]),
        }
    else:
        expected = {
            "accuracy": sk.accuracy_score(table["actual"], table["predicted"]),
            "balanced_accuracy": sk.balanced_accuracy_score(table["actual"], table["predicted"]),
            "f1_macro": sk.f1_score(table["actual"], table["predicted"], average="macro"),
            "f1_weighted": sk.f1_score(table["actual"], table["predicted"], average="weighted"),
            "mcc": sk.matthews_corrcoef(table["actual"], table["predicted"]),
        }
    if task == "binary":
        hit, p = table["actual"] == "yes", table["p_1"].astype(np.float64)
        expected |= {
            "f1": sk.f1_score(table["actual"], table["predicted"], pos_label="yes"),
            "roc_auc": sk.roc_auc_score(hit, p),
            "pr_auc": sk.average_precision_score(hit, p),
            "log_loss": sk.log_loss(hit, p),
            "brier": sk.brier_score_loss(hit, p),
        }
    for name, value in expected.items():
        assert values[name] == pytest.approx(value, abs=1e-9), name
        assert found["metrics"][name]["low"] <= value <= found["metrics"][name]["high"]


def test_an_evaluation_has_its_curves_and_a_sentence(both):
    task, _, folder = both
    found = read_json(folder, "output/data/evaluation.json")
    assert found["diagnosis"]["kind"] in ("good_fit", "overfit", "underfit")
    assert found["rows"] == 400
    if task == "regression":
        assert sum(found["residuals"]["histogram"]["counts"]) == 400
        return
    matrix = np.array(found["confusion"]["matrix"])
    assert matrix.sum() == 400
    assert sum(one["count"] for one in found["calibration"]["bins"]) == 400
    for name, rows in found["confusion"]["rows"].items():
        actual, said = (found["confusion"]["classes"].index(word) for word in name.split("|"))
        assert len(rows) == min(100, matrix[actual, said])
    if task == "binary":
        assert len(found["roc"]["fpr"]) <= 400
        assert found["roc"]["tpr"][-1] == 1
        assert len(found["pr"]["precision"]) == len(found["pr"]["thresholds"])
    else:
        assert all("roc" in one for one in found["perClass"].values())


def test_parity_rows_through_the_graph_give_what_is_expected(both):
    task, trained, folder = both
    expected = read_json(folder, "output/data/parity_expected.json")
    rows = [json.loads(line) for line in (folder / "output" / "data" / "parity_rows.jsonl").read_text().splitlines()]
    assert len(rows) >= 1000
    assert expected["kinds"].count("held_out") == 400
    assert expected["kinds"].count("missing_injected") >= 250
    assert expected["kinds"].count("unseen_injected") >= 250
    signature = read_json(trained, "model/signature.json")
    from atoll_engines.recipes import InputColumn

    inputs = [InputColumn(one["name"], one["type"]) for one in signature["inputs"]]
    tensors = raw_tensors(pd.DataFrame(rows, dtype=object), inputs)
    answered = run_graph((trained / "model" / "model.onnx").read_bytes(), tensors)
    key = "predictions" if task == "regression" else "probabilities"
    answered = answered[:, 0] if task == "regression" else answered
    assert np.abs(answered - np.array(expected[key])).max() <= signature["tolerance"]
    if task == "binary":
        said = np.where(answered[:, 1].astype(np.float64) >= signature["threshold"], "yes", "no")
        assert list(said) == expected["labels"]
    assert sum(row == dict.fromkeys(row) for row in rows) >= 1


def test_a_batch_of_rows_is_predicted_to_a_file(both, tmp_path):
    task, trained, _ = both
    frame = small_table(task, 50, seed=33).drop(columns="target")
    write_channel(tmp_path, "rows", frame, TYPES)
    package(tmp_path, trained)
    write_job(tmp_path, "tabular.predict", {})
    assert run_here(tmp_path) == 0, (tmp_path / "output" / "failure").read_text()
    table = pq.read_table(tmp_path / "output" / "data" / "predictions.parquet").to_pandas()
    assert len(table) == 50
    assert ("prediction" if task == "regression" else "p_0") in table


def test_rows_are_served_line_by_line_and_an_error_is_an_answer(both, tmp_path):
    task, trained, _ = both
    package(tmp_path, trained)
    write_job(tmp_path, "tabular.predict", {"serve": True})
    rows = [{"size": 0.5, "speed": 9, "calls": 3, "plan": "pro", "active": True, "since": "2024-05-01T00:00:00Z"}, {}]
    process = start(tmp_path)
    try:
        lines = [json.dumps(rows), "{}", "not json", json.dumps([{"speed": "fast"}]), "[]"]
        out, _ = process.communicate("\n".join(lines) + "\n", timeout=60)
    finally:
        process.kill()
    first, *answers = [json.loads(line) for line in out.splitlines()]
    assert first == {"ready": True}
    key = "predictions" if task == "regression" else "probabilities"
    assert len(answers[0][key]) == 2
    assert "JSON array" in answers[1]["error"]
    assert "not a JSON array" in answers[2]["error"]
    assert '"fast" is not a number' in answers[3]["error"]
    assert answers[4] == {key: []}


def test_a_warm_worker_runs_the_one_job_it_is_given(tmp_path):
    write_channel(tmp_path, "train", small_table("binary"), TYPES)
    write_job(tmp_path, "tabular.train", request("binary", algorithms=["decision_tree"], search={"strategy": "none"}, importance=False))
    process = start(tmp_path.parent, "--warm")
    try:
        assert process.stdout.readline() == '{"ready":true}\n'
        process.communicate(f"{tmp_path.name}\n", timeout=60)
        assert process.returncode == 0
    finally:
        process.kill()
    assert (tmp_path / "model" / "model.onnx").is_file()


def test_a_failing_export_falls_back_to_python_with_the_reason(tmp_path, monkeypatch):
    from atoll_engines.tabular.algorithms.lightgbm_trees import LightGbm

    true_params = LightGbm.library_params
    monkeypatch.setattr(LightGbm, "library_params", lambda self: true_params(self) | {"linear_tree": True})
    write_channel(tmp_path, "train", small_table("regression"), TYPES)
    write_job(tmp_path, "tabular.train", request("regression", search={"strategy": "none"}, importance=False))
    assert run_here(tmp_path) == 0, (tmp_path / "output" / "failure").read_text()
    training = read_json(tmp_path, "model/training.json")
    assert training["export"]["path"] == "python"
    assert "linear_tree" in training["export"]["reason"]
    assert not (tmp_path / "model" / "model.onnx").exists()
    assert any(one["code"] == "export_failed" for one in events(tmp_path, "warning"))


def test_a_graph_that_flips_a_label_is_refused(tmp_path, monkeypatch):
    from atoll_engines.onnx_models import outputs
    from atoll_engines.tabular.algorithms import linear

    monkeypatch.setattr(linear.outputs, "fill_missing", lambda graph, tensor, values: outputs.to_float(graph, tensor))
    table = small_table("binary")
    write_channel(tmp_path, "train", table[["size", "calls", "target"]], TYPES)
    steps = {"recipe": {"steps": []}, "algorithms": ["logistic_regression"], "search": {"strategy": "none"}, "importance": False}
    write_job(tmp_path, "tabular.train", request("binary", **steps))
    assert run_here(tmp_path) == 0, (tmp_path / "output" / "failure").read_text()
    exported = read_json(tmp_path, "model/training.json")["export"]
    assert exported["path"] == "python"
    assert "differs from the library" in exported["reason"]


@pytest.mark.parametrize("calibration", ["sigmoid", "isotonic"])
@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_a_calibrated_model_is_exported_whole(tmp_path, task, calibration):
    write_channel(tmp_path, "train", small_table(task, 600), TYPES)
    search = {"strategy": "none", "space": {"random_forest": {"n_estimators": 25}}}
    changes = {"algorithms": ["random_forest"], "search": search, "importance": False, "calibration": calibration}
    write_job(tmp_path, "tabular.train", request(task, **changes))
    assert run_here(tmp_path) == 0, (tmp_path / "output" / "failure").read_text()
    training = read_json(tmp_path, "model/training.json")
    assert training["export"]["path"] == "onnx", training["export"]["reason"]
    assert training["export"]["maxDifference"] < 1e-4


def test_a_large_table_streams_and_gives_a_model_as_good(tmp_path, monkeypatch):
    table = small_table("binary", 6000)
    changes = {"search": {"strategy": "none"}, "validation": {"kind": "holdout"}, "metric": "roc_auc"}
    found = {}
    for name, limit in (("whole", 400_000), ("streamed", 3000)):
        folder = tmp_path / name
        folder.mkdir()
        monkeypatch.setattr(train_engine, "STREAM_ABOVE", limit)
        write_channel(folder, "train", table, TYPES)
        write_job(folder, "tabular.train", request("binary", **changes))
        assert run_here(folder) == 0, (folder / "output" / "failure").read_text()
        found[name] = read_json(folder, "model/training.json")
        assert len(read_json(folder, "model/explain.json")["permutation"]) > 2
    assert any(one["stage"] == "prepare" for one in events(tmp_path / "streamed", "progress"))
    assert not any(one["stage"] == "prepare" for one in events(tmp_path / "whole", "progress"))
    means = [one["validation"]["roc_auc"]["mean"] for one in found.values()]
    assert means[0] == pytest.approx(means[1], abs=0.01)
    signatures = [read_json(tmp_path / name, "model/signature.json")["inputs"] for name in found]
    assert [{**one, "example": 0} for one in signatures[0]] == [{**one, "example": 0} for one in signatures[1]]


def test_derived_features_are_kept_only_when_they_pay(tmp_path):
    random = np.random.default_rng(0)
    money, people, noise = random.uniform(10, 100, 1500), random.uniform(1, 20, 1500), random.uniform(1, 9, 1500)
    frame = pd.DataFrame({"money": money, "people": people, "noise": noise})
    frame["target"] = np.where(money / people + random.normal(0, 0.5, 1500) > 8, "yes", "no")
    write_channel(tmp_path, "train", frame, {})
    write_job(tmp_path, "tabular.train", request("binary", search={"strategy": "none"}, importance=False))
    assert run_here(tmp_path) == 0, (tmp_path / "output" / "failure").read_text()
    derived = read_json(tmp_path, "model/training.json")["derivedFeatures"]
    kept = [one for one in derived if one["kept"]]
    assert any({"money", "people"} <= set(one["expression"].replace("(", " ").replace(")", " ").split()) for one in kept)
    assert all(one["gain"] > 0 and "pays" in one["reason"] for one in kept)
    assert any("does not pay" in one["reason"] for one in derived)
    recipe = read_json(tmp_path, "model/recipe.json")
    assert [one["name"] for one in recipe["steps"] if one["step"] == "derive"] == [one["name"] for one in kept]
    assert len(recipe["reasons"]) == len(recipe["steps"])


@pytest.mark.parametrize(
    ("task", "kind"),
    [("multiclass", {"kind": "grouped", "groupColumn": "speed"}), ("regression", {"kind": "time", "timeColumn": "since"})],
    ids=["grouped", "time"],
)
def test_rows_divided_by_group_or_time_train_and_leave_the_group_out_of_the_features(tmp_path, task, kind):
    table = small_table(task).dropna(subset=["since"])
    table["speed"] = table["speed"].round() // 2
    write_channel(tmp_path, "train", table, TYPES | {"speed": "category"})
    changes = {"validation": kind | {"folds": 4}, "search": {"strategy": "none"}, "importance": False}
    write_job(tmp_path, "tabular.train", request(task, **changes))
    assert run_here(tmp_path) == 0, (tmp_path / "output" / "failure").read_text()
    assert read_json(tmp_path, "model/training.json")["division"]["kind"] == kind["kind"]
    if kind["kind"] == "grouped":
        assert "speed" not in {one["name"] for one in read_json(tmp_path, "model/signature.json")["inputs"]}
    else:
        scored = pq.read_table(tmp_path / "output" / "data" / "oof.parquet").num_rows
        assert 0.7 * len(table) < scored < len(table)
