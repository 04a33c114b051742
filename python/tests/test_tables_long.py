"""What ensembles, networks and factorisation machines must reach on real tables: on the folds, and on rows never seen."""

from __future__ import annotations

import importlib.util
import os
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from folders import PYTHON, read_json, run_here, write_channel, write_job

pytestmark = pytest.mark.long

CHURN = PYTHON.parent / "examples" / "churn" / "mlc_churn.csv"
# MovieLens has terms of its own, so it is not among the examples.
MOVIELENS = Path(os.environ.get("ATOLL_MOVIELENS", "movielens_100k.csv"))
HAS_TORCH = importlib.util.find_spec("torch") is not None


def sealed(folder: Path, frame: pd.DataFrame, request: dict, by_class: bool) -> tuple[dict, dict]:
    """Train on four fifths, evaluate on the fifth that training never saw: both records."""
    random = np.random.default_rng(1)
    test = np.zeros(len(frame), bool)
    groups = [np.flatnonzero(frame[request["target"]] == value) for value in frame[request["target"]].unique()]
    for rows in groups if by_class else [np.arange(len(frame))]:
        test[random.permutation(rows)[: round(0.2 * len(rows))]] = True
    train, judge = folder / "train", folder / "judge"
    for one in (train, judge):
        one.mkdir()
    write_channel(train, "train", frame[~test], {})
    write_job(train, "tabular.train", request | {"recipe": {"auto": True}, "importance": False, "threads": 2})
    assert run_here(train) == 0, (train / "output" / "failure").read_text()
    write_channel(judge, "test", frame[test], {})
    shutil.copytree(train / "model", judge / "input" / "data" / "model")
    shutil.copytree(train / "native", judge / "input" / "data" / "model" / "native")
    write_job(judge, "tabular.evaluate", {"target": request["target"], "task": request["task"], "bootstrap": 100})
    assert run_here(judge) == 0, (judge / "output" / "failure").read_text()
    return read_json(train, "model/training.json"), read_json(judge, "output/data/evaluation.json")


def churn(folder: Path, algorithm: str, **changes) -> tuple[float, float]:
    request = {
        "task": "binary", "target": "churn", "positive": "yes", "metric": "f1", "algorithms": [algorithm],
        "search": {"strategy": "none"}, "validation": {"kind": "stratified", "folds": 5},
    }  # fmt: skip
    training, evaluation = sealed(folder, pd.read_csv(CHURN), request | changes, by_class=True)
    assert training["export"]["path"] == "onnx"
    return training["validation"]["f1"]["mean"], evaluation["metrics"]["f1"]["value"]


def test_a_stack_reaches_its_bar_on_churn(tmp_path):
    assert min(churn(tmp_path, "stacking")) >= 0.90


@pytest.mark.skipif(not HAS_TORCH, reason="networks are trained in the runtime deep, and there is no torch here")
@pytest.mark.parametrize("name", ["mlp", "tabm"])
def test_a_network_reaches_its_bar_on_churn(tmp_path, name):
    assert min(churn(tmp_path, name)) >= 0.80


@pytest.mark.skipif(not HAS_TORCH, reason="networks are trained in the runtime deep, and there is no torch here")
def test_a_network_over_what_trees_say_reaches_the_bar_of_a_stack(tmp_path):
    options = {"meta": "mlp", "members": ["lightgbm", "random_forest", "xgboost"]}
    assert min(churn(tmp_path, "stacking", options=options)) >= 0.88


@pytest.mark.skipif(not MOVIELENS.is_file(), reason="set ATOLL_MOVIELENS to a CSV file with movieId, userId and rating")
def test_a_factorisation_machine_reaches_its_bar_on_ratings(tmp_path):
    frame = pd.read_csv(MOVIELENS)[["movieId", "userId", "rating"]]
    request = {
        "task": "regression", "target": "rating", "metric": "rmse", "algorithms": ["factorization_machine"],
        "search": {"strategy": "none"}, "validation": {"kind": "kfold", "folds": 3},
    }  # fmt: skip
    training, evaluation = sealed(tmp_path, frame, request, by_class=False)
    assert training["export"]["path"] == "onnx"
    assert evaluation["metrics"]["rmse"]["value"] <= 0.90
