"""What every algorithm promises, whatever library is behind it."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from folders import PYTHON, events, read_json, run_here, start, write_channel, write_job
from small_tables import TYPES, small_table

from atoll_engines.recipes import raw_tensors
from atoll_engines.tabular.algorithms import ALGORITHMS
from atoll_engines.tabular.export import run_graph
from atoll_engines.tabular.parity_rows import with_missing, with_unseen

HAS_TORCH = importlib.util.find_spec("torch") is not None
# Networks small enough for a test of seconds.
SMALL = {
    "random_forest": {"n_estimators": 25}, "extra_trees": {"n_estimators": 25}, "bagging": {"bags": 5},
    "mlp": {"epochs": 12, "width": 32}, "tabm": {"epochs": 10, "width": 32, "copies": 4},
    "pair_embeddings": {"epochs": 12, "width": 16, "vector": 8},
    "tab_transformer": {"epochs": 10, "width": 32, "blocks": 1}, "tabnet": {"epochs": 6, "width": 8, "steps": 2},
}  # fmt: skip


def marks(name: str) -> list:
    if ALGORITHMS[name].runtime == "tabular" or HAS_TORCH:
        return []
    return [pytest.mark.skip(reason=f"{name} is trained in the runtime deep, and there is no torch here")]


EACH = [
    pytest.param(name, task, id=f"{name}-{task}", marks=marks(name))
    for name, algorithm in ALGORITHMS.items()
    for task in ("binary", "multiclass", "regression")
    if task in algorithm.tasks
]
ONE_TASK_EACH = [pytest.param(name, algorithm.tasks[0], id=name, marks=marks(name)) for name, algorithm in ALGORITHMS.items()]


def parameters(name: str, task: str, **changes) -> dict:
    return {
        "task": task,
        "target": "target",
        "positive": "yes" if task == "binary" else None,
        "metric": {"binary": "f1", "multiclass": "accuracy", "regression": "rmse"}[task],
        "recipe": {"auto": True},
        "algorithms": [name],
        "search": {"strategy": "none", "space": SMALL},
        "validation": {"kind": "stratified", "folds": 3},
        "importance": False,
        "threads": 1,
        "options": {"left": ["size", "plan"]} if name == "pair_embeddings" else {},
    } | changes


def trained(folder: Path, name: str, task: str, seed: int = 7, **changes) -> Path:
    folder.mkdir()
    write_channel(folder, "train", small_table(task), TYPES)
    write_job(folder, "tabular.train", parameters(name, task, **changes), seed)
    assert run_here(folder) == 0, (folder / "output" / "failure").read_text()
    return folder


@pytest.fixture(scope="module")
def once(tmp_path_factory):
    """One trained folder for each algorithm and task, shared by the tests that only look at it."""
    made: dict[tuple, Path] = {}

    def get(name: str, task: str) -> Path:
        if (name, task) not in made:
            made[name, task] = trained(tmp_path_factory.mktemp("jobs") / "job", name, task)
        return made[name, task]

    return get


def out_of_fold(folder: Path) -> pd.DataFrame:
    return pq.read_table(folder / "output" / "data" / "oof.parquet").to_pandas()


@pytest.mark.parametrize(("name", "task"), EACH)
def test_the_export_answers_as_the_library_does(once, name, task):
    folder = once(name, task)
    training = read_json(folder, "model/training.json")
    assert training["algorithm"] == name
    assert training["export"]["path"] == "onnx", training["export"]["reason"]
    pipeline = joblib.load(folder / "native" / "pipeline.joblib")
    rows = small_table(task, 200, seed=11)
    expected = pipeline.predict(rows)
    answered = run_graph((folder / "model" / "model.onnx").read_bytes(), raw_tensors(rows, pipeline.recipe.inputs))
    answered = answered[:, 0] if task == "regression" else answered
    tolerance = read_json(folder, "model/signature.json")["tolerance"]
    np.testing.assert_allclose(answered, expected, rtol=0, atol=tolerance)
    if task == "binary":
        said = [pipeline.labels(values) for values in (expected, answered)]
        assert said[0] == said[1]


@pytest.mark.parametrize(("name", "task"), EACH)
def test_missing_and_unseen_values_survive(once, name, task):
    folder = once(name, task)
    pipeline = joblib.load(folder / "native" / "pipeline.joblib")
    inputs = pipeline.recipe.inputs
    rows = small_table(task, 120, seed=12)[[one.name for one in inputs]]
    random = np.random.default_rng(0)
    nothing = pd.DataFrame({one.name: [None] for one in inputs}, dtype=object)
    for strange in (with_missing(rows, random), with_unseen(rows, inputs, random), nothing):
        expected = pipeline.predict(strange)
        assert np.isfinite(expected).all()
        answered = run_graph((folder / "model" / "model.onnx").read_bytes(), raw_tensors(strange, inputs))
        assert np.isfinite(answered).all()


@pytest.mark.parametrize(("name", "task"), ONE_TASK_EACH)
def test_the_same_seed_gives_the_same_predictions(once, tmp_path, name, task):
    first, second = once(name, task), trained(tmp_path / "again", name, task)
    pd.testing.assert_frame_equal(out_of_fold(first), out_of_fold(second), check_exact=True)
    rows = small_table(task, 100, seed=5)
    answers = [joblib.load(folder / "native" / "pipeline.joblib").predict(rows) for folder in (first, second)]
    np.testing.assert_array_equal(*answers)


WEIGHTED = [
    pytest.param(name, marks=marks(name))
    for name, algorithm in ALGORITHMS.items()
    if "binary" in algorithm.tasks and name != "baseline"
]


@pytest.mark.parametrize("name", WEIGHTED)
def test_class_weights_have_an_effect(once, tmp_path, name):
    plain = once(name, "binary")
    weighted = trained(tmp_path / "weighted", name, "binary", imbalance="class_weight")
    rows = small_table("binary", 200, seed=6)
    before, after = (joblib.load(f / "native" / "pipeline.joblib").predict(rows)[:, 1] for f in (plain, weighted))
    assert np.abs(after - before).max() > 1e-3
    # A machine's margins are made into probabilities on the rows as they are, which takes the shift out again.
    if name != "svm":
        assert after.mean() > before.mean()


SEARCHED = [
    "logistic_regression", "decision_tree", "hist_gradient_boosting", "xgboost", "lightgbm", "catboost", "knn",
    "factorization_machine", pytest.param("mlp", marks=marks("mlp")),
]  # fmt: skip


@pytest.mark.parametrize("name", SEARCHED)
def test_a_resumed_job_equals_an_uninterrupted_one(tmp_path, name):
    search = {"strategy": "tpe", "trials": 9}
    if name == "mlp":
        search["space"] = {"mlp": SMALL["mlp"] | {"learning_rate": {"float": [1e-3, 1e-2], "log": True}}}
    whole = trained(tmp_path / "whole", name, "binary", search=search)
    parts = tmp_path / "parts"
    parts.mkdir()
    write_channel(parts, "train", small_table("binary"), TYPES)
    write_job(parts, "tabular.train", parameters(name, "binary", search=search))
    shutil.copytree(whole / "checkpoints", parts / "checkpoints")
    lines = (whole / "checkpoints" / "trials.jsonl").read_text().splitlines()
    # Killed in the middle of writing the eighth record.
    (parts / "checkpoints" / "trials.jsonl").write_text("\n".join(lines[:7]) + "\n" + lines[7][: len(lines[7]) // 2])
    assert run_here(parts) == 0
    assert without_seconds(whole) == without_seconds(parts)
    pd.testing.assert_frame_equal(out_of_fold(whole), out_of_fold(parts), check_exact=True)
    rows = small_table("binary", 100, seed=5)
    answers = [joblib.load(folder / "native" / "pipeline.joblib").predict(rows) for folder in (whole, parts)]
    np.testing.assert_array_equal(*answers)


def without_seconds(folder: Path) -> list[dict]:
    return [{**one, "seconds": 0} for one in read_json(folder, "output/data/trials.json")]


def test_sigterm_stops_within_seconds_and_the_job_can_go_on(tmp_path):
    folder = tmp_path / "job"
    folder.mkdir()
    write_channel(folder, "train", small_table("binary", 3000), TYPES)
    search = {"strategy": "tpe", "trials": 500}
    write_job(folder, "tabular.train", parameters("random_forest", "binary", search=search))
    process = start(folder)
    try:
        checkpoint = folder / "checkpoints" / "trials.jsonl"
        deadline = time.monotonic() + 60
        while not (checkpoint.is_file() and len(checkpoint.read_text().splitlines()) >= 2):
            assert time.monotonic() < deadline and process.poll() is None, process.stderr.read()
            time.sleep(0.05)
        asked = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) == 143
        assert time.monotonic() - asked < 5
    finally:
        process.kill()
    finished = len(checkpoint.read_text().splitlines())
    assert not (folder / "output" / "failure").exists()
    write_job(folder, "tabular.train", parameters("random_forest", "binary", search={"strategy": "tpe", "trials": finished}))
    assert run_here(folder) == 0
    assert any("Resumed after" in one["message"] for one in events(folder, "log"))
    assert len(read_json(folder, "output/data/trials.json")) == finished


def test_no_room_for_what_a_job_writes_is_an_exit_code_of_its_own(tmp_path):
    write_channel(tmp_path, "train", small_table("binary"), TYPES)
    write_job(tmp_path, "tabular.train", parameters("lightgbm", "binary"))
    limited = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000)); "
        "from atoll_engines.run import main; sys.exit(main())"
    )
    process = subprocess.run(
        [sys.executable, "-c", limited, "--folder", str(tmp_path)],
        capture_output=True, text=True, timeout=120, env=os.environ | {"PYTHONPATH": str(PYTHON)},
    )  # fmt: skip
    assert process.returncode == 3, process.stderr
    sentence = "A file of the job grew beyond the size that a job's file may have."
    assert process.stderr.strip().splitlines()[-1] == sentence
    assert (tmp_path / "output" / "failure").read_text() == f"{sentence}\n"
