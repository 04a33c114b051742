"""The check of reported figures against scikit-learn: silent where they agree, and it names what does not."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pandas as pd
import pytest
import recompute_metrics as check
from folders import run_here, write_channel, write_job
from small_tables import TYPES, small_table


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_every_figure_of_a_trained_model_is_scikit_learns(tmp_path, task):
    train, test = tmp_path / "train", tmp_path / "evaluate"
    table = small_table(task, rows=400)
    write_channel(train, "train", table.iloc[:300], TYPES)
    request = {
        "task": task, "target": "target", "metric": "rmse" if task == "regression" else "f1", "recipe": {"auto": True},
        "algorithms": ["decision_tree"], "search": {"strategy": "none"}, "importance": False, "threads": 1,
        "validation": {"kind": "kfold" if task == "regression" else "stratified", "folds": 4},
    }  # fmt: skip
    write_job(train, "tabular.train", request)
    assert run_here(train) == 0
    write_channel(test, "test", table.iloc[300:], TYPES)
    packaged = test / "input" / "data" / "model"
    shutil.copytree(train / "model", packaged)
    shutil.copytree(train / "native", packaged / "native")
    training = json.loads((train / "model" / "training.json").read_text())
    threshold = training["threshold"]["value"] if task == "binary" else None
    write_job(test, "tabular.evaluate", {"target": "target", "task": task, "threshold": threshold, "bootstrap": 50})
    assert run_here(test) == 0
    evaluation = json.loads((test / "output" / "data" / "evaluation.json").read_text())
    predictions = pd.read_parquet(test / "output" / "data" / "predictions.parquet")
    ours = check.reported(evaluation, task)
    assert check.differences(ours, check.recompute(predictions, evaluation, task)) == []
    assert len(ours) >= (4 if task == "regression" else 12)

    oof = pd.read_parquet(train / "output" / "data" / "oof.parquet")
    classes = None if task == "regression" else evaluation["confusion"]["classes"]
    assert check.differences(*check.recompute_folds(oof, training, task, classes)) == []


def test_a_figure_that_is_off_is_named():
    p = np.array([[0.8, 0.2], [0.4, 0.6], [0.3, 0.7], [0.9, 0.1]], np.float32)
    rows = pd.DataFrame({"actual": ["no", "yes", "no", "no"], "predicted": ["no", "yes", "yes", "no"], "p_0": p[:, 0], "p_1": p[:, 1]})
    evaluation = {"threshold": 0.5, "confusion": {"classes": ["no", "yes"], "matrix": [[2, 1], [0, 1]]}}
    right = check.recompute(rows, evaluation, "binary")
    assert check.differences(right, right) == []
    assert check.differences(right | {"f1": right["f1"] + 1e-8}, right)[0].startswith("f1 is")
    assert check.differences(right, {name: value for name, value in right.items() if name != "mcc"}) == ["mcc is not in both"]
