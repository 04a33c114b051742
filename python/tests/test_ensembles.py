"""Ensembles: what combines the members never saw a row's own target, and the package is one graph."""

from __future__ import annotations

from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from folders import events, failure, read_json, run_here, write_channel, write_job
from small_tables import TYPES, small_table

from atoll_engines.tabular.ensembles.combine import meta_features
from atoll_engines.tabular.ensembles.greedy import greedy_weights


def trained(folder: Path, task: str = "binary", rows: int = 240, **changes) -> dict:
    """The training record of a job over a small table."""
    folder.mkdir(exist_ok=True)
    request = {
        "task": task, "target": "target", "metric": {"binary": "roc_auc", "regression": "rmse"}.get(task, "accuracy"),
        "recipe": {"auto": True}, "algorithms": ["blending"], "search": {"strategy": "none"},
        "validation": {"kind": "stratified", "folds": 3}, "importance": False, "threads": 1,
    }  # fmt: skip
    write_channel(folder, "train", small_table(task, rows), TYPES)
    write_job(folder, "tabular.train", request | changes)
    assert run_here(folder) == 0, (folder / "output" / "failure").read_text()
    return read_json(folder, "model/training.json")


def out_of_fold(folder: Path) -> pd.DataFrame:
    return pq.read_table(folder / "output" / "data" / "oof.parquet").to_pandas()


def test_greedy_weights_prefer_models_that_err_differently():
    random = np.random.default_rng(0)
    actual = random.normal(size=400)
    error = random.normal(size=400)
    good, twin, other = actual + 0.5 * error, actual + 0.52 * error, actual + 0.6 * random.normal(size=400)
    weights = greedy_weights(np.stack([good, twin, other]), actual, "regression", "rmse", None, 0)
    assert weights.sum() == pytest.approx(1)
    assert weights[1] < 0.1
    assert 0.2 < weights[2] < 0.7


def test_a_useless_model_gets_no_weight():
    random = np.random.default_rng(1)
    actual = random.integers(0, 2, 300)
    p = np.clip(0.5 + 0.4 * (actual - 0.5) + random.normal(0, 0.1, 300), 0.01, 0.99)
    noise = random.random(300)
    answers = np.stack([np.column_stack([1 - one, one]) for one in (p, noise)]).astype(np.float32)
    assert greedy_weights(answers, actual, "binary", "log_loss", None, 0)[1] == 0


def test_meta_features_are_log_odds():
    answers = np.array([[[0.2, 0.8]], [[1.0, 0.0]]], np.float32)
    made = meta_features(answers, 2, np.array([[7.0]], np.float32))
    np.testing.assert_allclose(made, [[np.log(4), np.log(1e-4 / (1 - 1e-4)), 7.0]], rtol=1e-5)


@pytest.mark.parametrize("options", [{}, {"passthrough": True}, {"meta": "lightgbm", "passthrough": True}])
def test_no_row_has_a_say_in_its_own_stacked_prediction(tmp_path, options):
    """On a target of pure noise an honest stack knows nothing; one that saw its own target would seem to know a lot."""
    random = np.random.default_rng(5)
    frame = pd.DataFrame({f"x{k}": random.normal(size=400) for k in range(6)})
    frame["word"] = random.choice([f"w{k}" for k in range(60)], 400)
    frame["target"] = random.choice(["no", "yes"], 400)
    write_channel(tmp_path, "train", frame, {})
    write_job(tmp_path, "tabular.train", {
        "task": "binary", "target": "target", "metric": "roc_auc", "recipe": {"auto": True}, "algorithms": ["stacking"],
        "options": {"members": ["extra_trees", "lightgbm", "knn"]} | options, "search": {"strategy": "none"},
        "validation": {"kind": "stratified", "folds": 4}, "importance": False, "threads": 1,
    })  # fmt: skip
    assert run_here(tmp_path) == 0
    scores = read_json(tmp_path, "model/training.json")["validation"]["roc_auc"]
    assert abs(scores["mean"] - 0.5) < 0.09


def test_parts_that_follow_in_time_learn_their_weights_from_earlier_ones(tmp_path):
    frame = small_table("binary", 300)
    frame["day"] = pd.Timestamp("2026-01-01") + pd.to_timedelta(np.arange(300), unit="D")
    write_channel(tmp_path, "train", frame, TYPES)
    write_job(tmp_path, "tabular.train", {
        "task": "binary", "target": "target", "metric": "roc_auc", "recipe": {"auto": True}, "algorithms": ["stacking"],
        "options": {"members": ["lightgbm", "logistic_regression"]}, "search": {"strategy": "none"},
        "validation": {"kind": "time", "folds": 3, "timeColumn": "day"}, "importance": False, "threads": 1,
    })  # fmt: skip
    assert run_here(tmp_path) == 0
    training = read_json(tmp_path, "model/training.json")
    assert training["algorithm"] == "stacking"
    # The first part has none before it, so its members count alike.
    scored = out_of_fold(tmp_path)
    assert set(scored["fold"]) == {0, 1, 2}


def test_the_leaderboard_lists_members_and_weights(tmp_path):
    training = trained(tmp_path / "job", options={"members": ["lightgbm", "logistic_regression", "random_forest"]})
    assert training["algorithm"] == "blending"
    members = training["params"]["members"]
    assert {one["algorithm"] for one in members} == {"lightgbm", "logistic_regression", "random_forest"}
    assert sum(one["weight"] for one in members) == pytest.approx(1, abs=1e-5)
    line = next(one for one in training["leaderboard"] if one["algorithm"] == "blending")
    assert line["params"] == training["params"]
    assert training["ensemble"]["reason"]
    told = [one for one in events(tmp_path / "job", "trial") if one["algorithm"] == "blending"]
    assert told[-1]["state"] == "complete"


def test_members_prepared_differently_are_one_graph_over_the_raw_columns(tmp_path):
    trained(tmp_path / "job", algorithms=["voting"], options={"members": ["lightgbm", "logistic_regression", "knn"]})
    pipeline = joblib.load(tmp_path / "job" / "native" / "pipeline.joblib")
    assert set(pipeline.recipe.parts) == {"tree", "linear", "distance"}
    recipe = read_json(tmp_path / "job", "model/recipe.json")
    assert set(recipe["families"]) == {"tree", "linear", "distance"}
    key_of = {(place.start, place.stop): key for key, place in pipeline.recipe.place.items()}
    rows = small_table("binary", 50, seed=9)
    each = [
        model.predict(pipeline.recipe.parts[key_of[place.start, place.stop]].transform(rows)) for place, model in pipeline.model.members
    ]
    np.testing.assert_allclose(pipeline.predict(rows), np.mean(each, axis=0), atol=1e-6)


def test_auto_says_whether_a_blend_paid(tmp_path):
    training = trained(tmp_path / "job", algorithms=["auto"], search={"strategy": "tpe", "trials": 6})
    said = training["ensemble"]
    assert said["adopted"] == (training["algorithm"] == "blending")
    assert "standard error" in said["reason"]
    blend = next(one for one in training["leaderboard"] if one["algorithm"] == "blending")
    single = next(one for one in training["leaderboard"] if one["algorithm"] != "blending")
    assert said["adopted"] is False or blend["mean"] > single["mean"]


def test_an_ensemble_can_be_made_again_from_its_record(tmp_path):
    first = trained(tmp_path / "one", options={"members": ["lightgbm", "logistic_regression", "knn"]})
    line = next(one for one in first["leaderboard"] if one["algorithm"] == "blending")
    recipe = read_json(tmp_path / "one", "model/recipe.json")
    again = trained(
        tmp_path / "again",
        search={"strategy": "none", "space": {"blending": line["params"]}},
        recipe={"steps": recipe["steps"], "families": recipe["families"]},
    )
    weights = [[(one["algorithm"], one["weight"]) for one in record["params"]["members"]] for record in (first, again)]
    assert weights[0] == weights[1]
    pd.testing.assert_frame_equal(out_of_fold(tmp_path / "one"), out_of_fold(tmp_path / "again"), check_exact=True)
    rows = small_table("binary", 60, seed=4)
    answers = [joblib.load(tmp_path / name / "native" / "pipeline.joblib").predict(rows) for name in ("one", "again")]
    np.testing.assert_array_equal(*answers)


def test_bagging_takes_any_base(tmp_path):
    training = trained(
        tmp_path / "job", algorithms=["bagging"], options={"base": "logistic_regression"},
        search={"strategy": "none", "space": {"bagging": {"bags": 5}}},
    )  # fmt: skip
    assert training["export"]["path"] == "onnx"
    assert len(joblib.load(tmp_path / "job" / "native" / "pipeline.joblib").model.models) == 5


@pytest.mark.parametrize(
    ("algorithms", "options", "says"),
    [
        (["stacking"], {"members": ["voting", "lightgbm"]}, "cannot be a member"),
        (["stacking"], {"members": ["lightgmb"]}, "lightgbm"),
        (["stacking"], {"meta": "baseline"}, "cannot be the meta model"),
        (["lightgbm"], {"members": ["lightgbm"]}, "ask for one"),
        (["bagging"], {"base": "stacking"}, "options.base"),
        (["stacking"], {"memebrs": ["lightgbm"]}, "members"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_name(tmp_path, algorithms, options, says):
    write_channel(tmp_path, "train", small_table("binary", 80), TYPES)
    write_job(tmp_path, "tabular.train", {"task": "binary", "target": "target", "algorithms": algorithms, "options": options})
    assert run_here(tmp_path) == 2
    assert says in failure(tmp_path)


def test_a_member_of_trees_is_not_taken_for_the_whole_model(tmp_path):
    trained(tmp_path / "job", algorithms=["voting"], options={"members": ["lightgbm", "logistic_regression"]})
    import onnx

    model = onnx.load(tmp_path / "job" / "model" / "model.onnx")
    trees = [node for node in model.graph.node if node.op_type == "TreeEnsembleRegressor"]
    assert len(trees) == 1
    assert "nodes_hitrates" not in {attribute.name for attribute in trees[0].attribute}
