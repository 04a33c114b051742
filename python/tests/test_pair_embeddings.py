"""Pair embeddings: two objects, a vector each, and an answer that comes of comparing them."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
from folders import read_json, run_here, write_channel, write_job

from atoll_engines.recipes import raw_tensors
from atoll_engines.tabular.export import run_outputs

HAS_TORCH = importlib.util.find_spec("torch") is not None
pytestmark = pytest.mark.skipif(not HAS_TORCH, reason="networks are trained in the runtime deep, and there is no torch here")
KINDS = 3


def kind(name: str) -> int:
    return int(name[1:]) % KINDS


def tastes(rows: int = 2400, seed: int = 4) -> pd.DataFrame:
    """Users of three kinds and films of three kinds: a rating is high where the kinds are the same, whoever the two are."""
    random = np.random.default_rng(seed)
    frame = pd.DataFrame({"user": [f"u{k}" for k in random.integers(0, 24, rows)], "film": [f"f{k}" for k in random.integers(0, 18, rows)]})
    same = frame["user"].map(kind) == frame["film"].map(kind)
    return frame.assign(rating=np.where(same, 4.5, 2.0) + random.normal(0, 0.2, rows))


def fitted(folder: Path, frame: pd.DataFrame, target: str, task: str, **changes) -> int:
    folder.mkdir()
    write_channel(folder, "train", frame, {})
    given = {"vector": 8, "width": 16, "epochs": 30, "learning_rate": 1e-2} | changes.pop("given", {})
    request = {
        "task": task, "target": target, "positive": "good" if task == "binary" else None,
        "metric": "rmse" if task == "regression" else "f1", "recipe": {"auto": True},
        "algorithms": ["pair_embeddings"], "search": {"strategy": "none", "space": {"pair_embeddings": given}},
        "validation": {"kind": "holdout", "folds": 3}, "importance": False, "threads": 1,
    }  # fmt: skip
    write_job(folder, "tabular.train", request | changes)
    return run_here(folder)


@pytest.fixture(scope="module")
def ratings(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("pairs") / "job"
    assert fitted(folder, tastes(), "rating", "regression") == 0, (folder / "output" / "failure").read_text()
    return folder


def test_it_learns_what_only_both_objects_together_say(ratings):
    frame = tastes(600, seed=9)
    said = joblib.load(ratings / "native" / "pipeline.joblib").predict(frame)
    error = np.sqrt(np.mean((said - frame["rating"]) ** 2))
    # The best that biases of users and films can do is the mean: nobody rates higher than others.
    assert error < 0.35 < 0.9 < frame["rating"].std()


def test_the_graph_answers_the_rating_and_both_vectors_as_numpy_does(ratings):
    training, signature = read_json(ratings, "model/training.json"), read_json(ratings, "model/signature.json")
    assert training["export"]["path"] == "onnx"
    assert signature["outputs"] == [
        {"name": "prediction", "width": 1}, {"name": "left_vector", "width": 8}, {"name": "right_vector", "width": 8},
    ]  # fmt: skip
    pipeline = joblib.load(ratings / "native" / "pipeline.joblib")
    frame = pd.concat([tastes(50, seed=2), pd.DataFrame({"user": ["nobody", None], "film": ["f1", "never shown"]})])[["user", "film"]]
    answered = run_outputs((ratings / "model" / "model.onnx").read_bytes(), raw_tensors(frame, pipeline.inputs))
    vectors = pipeline.predict_further(frame)
    np.testing.assert_allclose(answered[0][:, 0], pipeline.predict(frame), atol=1e-5)
    np.testing.assert_allclose(answered[1], vectors["left_vector"], atol=1e-6)
    np.testing.assert_allclose(answered[2], vectors["right_vector"], atol=1e-6)
    # An object's vector is its own, whomever it meets.
    twice = pd.DataFrame({"user": ["u1", "u1"], "film": ["f1", "f2"]})
    left, right = pipeline.predict_further(twice).values()
    assert (left[0] == left[1]).all()
    assert not np.allclose(right[0], right[1])


def test_the_nearest_objects_are_of_the_same_kind(ratings):
    objects = read_json(ratings, "model/explain.json")["objects"]
    assert list(objects) == ["user", "film"]
    for column, count in (("user", 24), ("film", 18)):
        found = objects[column]
        assert len(found) == count
        assert [one["rows"] for one in found] == sorted((one["rows"] for one in found), reverse=True)
        # As many as there are others of its kind come first.
        nearest = [(one["value"], other["value"]) for one in found for other in one["near"][: count // KINDS - 1]]
        assert np.mean([kind(a) == kind(b) for a, b in nearest]) > 0.95
        assert all(-1.0001 <= other["similarity"] <= 1.0001 for one in found for other in one["near"])


def test_an_evaluation_leaves_the_vectors_for_the_replay(ratings, tmp_path):
    write_channel(tmp_path, "test", tastes(120, seed=5), {})
    shutil.copytree(ratings / "model", tmp_path / "input" / "data" / "model")
    shutil.copytree(ratings / "native", tmp_path / "input" / "data" / "model" / "native")
    write_job(tmp_path, "tabular.evaluate", {"target": "rating", "task": "regression", "bootstrap": 20, "parityRows": 50})
    assert run_here(tmp_path) == 0
    expected = read_json(tmp_path, "output/data/parity_expected.json")
    assert len(expected["predictions"]) == len(expected["kinds"])
    assert {name: len(values[0]) for name, values in expected["outputs"].items()} == {"left_vector": 8, "right_vector": 8}


@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_classes_and_columns_of_each_side(tmp_path, task):
    """Columns on either side, and the product of the vectors as the comparator."""
    frame = tastes(900)
    age = np.random.default_rng(0).normal(40, 9, len(frame))
    good = np.where(frame["rating"] > 3, "good", "bad")
    label = good if task == "binary" else np.where(frame["film"].map(kind) == 0, "none", good)
    frame = frame[["film", "user"]].assign(age=age, label=label)
    options = {"left": ["user", "age"]} if task == "binary" else {"left": "film"}
    given = {"compare": "dot", "layers": 0}
    assert fitted(tmp_path / "job", frame, "label", task, options=options, given=given, metric="accuracy") == 0
    signature = read_json(tmp_path / "job", "model/signature.json")
    assert [one["name"] for one in signature["outputs"]] == ["probabilities", "left_vector", "right_vector"]
    assert signature["threshold"] is None or task == "binary"
    assert read_json(tmp_path / "job", "model/training.json")["validation"]["accuracy"]["mean"] > 0.85
    # A user is told by two columns here, a film by its name alone.
    assert list(read_json(tmp_path / "job", "model/explain.json")["objects"]) == ["film"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "the table has 3 columns beside the target: user, film, age"),
        ({"left": ["usr"]}, 'There is no column "usr" for the left object. Did you mean "user"'),
        ({"left": ["user", "film", "age"]}, "No column is left for the right object"),
        ({"left": ["user", 5]}, "options.left is a list"),
    ],
)
def test_sides_that_are_not_clear_are_refused_by_the_columns_names(tmp_path, options, said):
    frame = tastes(60).assign(age=3.0)
    assert fitted(tmp_path / "job", frame, "rating", "regression", options=options) == 2
    assert said in (tmp_path / "job" / "output" / "failure").read_text()
