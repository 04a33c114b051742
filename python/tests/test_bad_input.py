"""Each thing that can be wrong with a table or a request gives one plain sentence that names column and row."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from folders import events, failure, run_here, write_channel, write_job
from small_tables import TYPES, small_table


def refused(folder, frame: pd.DataFrame, types: dict | None = None, rows: list[int] | None = None, **changes) -> str:
    """The sentence with which the job is refused."""
    write_channel(folder, "train", frame, TYPES | (types or {}), rows)
    request = {
        "task": "binary", "target": "target", "positive": None, "metric": "f1", "recipe": {"auto": True},
        "algorithms": ["decision_tree"], "search": {"strategy": "none"}, "validation": {"kind": "stratified", "folds": 3},
        "importance": False, "threads": 1,
    }  # fmt: skip
    write_job(folder, "tabular.train", request | changes)
    assert run_here(folder) == 2
    sentence = failure(folder)
    assert not (folder / "model" / "model.onnx").exists()
    assert "Traceback" not in (folder / "output" / "failure").read_text()
    errors = [one for one in events(folder, "log") if one["level"] == "error"]
    assert [one["message"] for one in errors] == [sentence]
    return sentence


def test_a_target_that_is_not_there(tmp_path):
    sentence = refused(tmp_path, small_table("binary"), target="Target")
    assert 'no target column "Target"' in sentence
    assert 'Did you mean "target"?' in sentence


def test_a_target_missing_in_every_row(tmp_path):
    frame = small_table("binary").assign(target=None)
    assert refused(tmp_path, frame) == 'The target "target" is missing in all 240 rows.'


def test_a_constant_target(tmp_path):
    frame = small_table("binary").assign(target="no")
    assert refused(tmp_path, frame) == 'The target "target" is "no" in every row; there is nothing to learn.'


def test_a_constant_number_as_target(tmp_path):
    frame = small_table("regression").assign(target=4.5)
    assert "is 4.5 in every row" in refused(tmp_path, frame, task="regression", metric="rmse")


def test_free_text_as_target(tmp_path):
    frame = small_table("binary")
    frame["target"] = [f"a remark of its own, number {k}" for k in range(len(frame))]
    sentence = refused(tmp_path, frame, {"target": "text"}, task="multiclass")
    assert '"target" holds free text (240 different values in 240 rows)' in sentence


def test_many_numbers_as_classes(tmp_path):
    frame = small_table("regression")
    assert "or a regression" in refused(tmp_path, frame, task="multiclass")


def test_words_as_a_regression_target(tmp_path):
    assert "a regression needs numbers" in refused(tmp_path, small_table("binary"), task="regression", metric="rmse")


def test_three_classes_for_a_binary_task(tmp_path):
    assert "has 3 classes" in refused(tmp_path, small_table("multiclass"))


def test_a_positive_class_that_is_not_there(tmp_path):
    sentence = refused(tmp_path, small_table("binary"), positive="maybe")
    assert '"maybe" is not in the target "target", which holds "no" and "yes"' in sentence


def test_a_class_with_one_row_is_named_with_the_row(tmp_path):
    frame = small_table("binary")
    frame["target"] = "no"
    frame.loc[17, "target"] = "yes"
    sentence = refused(tmp_path, frame, rows=list(range(1000, 1000 + len(frame))))
    assert 'class "yes"' in sentence
    assert "row 1017" in sentence


def test_an_infinite_value_is_named_with_column_and_row(tmp_path):
    frame = small_table("binary")
    frame.loc[[31, 40], "speed"] = np.inf
    sentence = refused(tmp_path, frame, rows=list(range(500, 500 + len(frame))))
    assert '"speed" holds an infinite value in row 531 and in 1 other row' in sentence


def test_an_infinite_target(tmp_path):
    frame = small_table("regression")
    frame.loc[8, "target"] = -np.inf
    assert 'target "target" is infinite in row 8' in refused(tmp_path, frame, task="regression", metric="rmse")


def test_a_recipe_on_a_column_that_is_not_there(tmp_path):
    steps = [{"step": "impute", "columns": ["sise"], "strategy": "mean"}]
    sentence = refused(tmp_path, small_table("binary"), recipe={"steps": steps})
    assert '"sise"' in sentence
    assert 'Did you mean "size"?' in sentence


def test_everything_missing_beside_the_target(tmp_path):
    frame = small_table("binary")
    for name in ("size", "speed", "calls", "plan", "active", "since"):
        frame[name] = None
    assert "Every value in the columns beside the target is missing" in refused(tmp_path, frame, {"speed": "number"})


def test_fewer_rows_than_folds(tmp_path):
    frame = small_table("regression").head(4)
    kind = {"kind": "kfold", "folds": 5}
    assert "There are 4 rows with a target, but 5 are needed" in refused(tmp_path, frame, task="regression", metric="rmse", validation=kind)


def test_no_column_beside_the_target(tmp_path):
    assert "no column to learn from" in refused(tmp_path, small_table("binary")[["target"]])


def test_a_group_column_that_is_not_there(tmp_path):
    kind = {"kind": "grouped", "folds": 3, "groupColumn": "house"}
    assert 'no group column "house"' in refused(tmp_path, small_table("binary"), validation=kind)


def test_a_missing_time_is_named_with_the_row(tmp_path):
    kind = {"kind": "time", "folds": 3, "timeColumn": "since"}
    frame = small_table("binary")
    first = int(np.flatnonzero(frame["since"].isna())[0])
    assert f'time column "since" is missing in row {first}' in refused(tmp_path, frame, validation=kind)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"task": "ranking"}, 'The task is "ranking"'),
        ({"metric": "rmse"}, 'metric "rmse" does not fit a binary task'),
        ({"algorithms": ["light_gbm"]}, 'Did you mean "lightgbm"?'),
        ({"algorithms": ["ridge"]}, "Ridge regression cannot do a binary task"),
        ({"imbalance": "magic"}, 'imbalance is "magic"'),
        ({"validation": {"kind": "kfold", "folds": 1}}, "1 folds were asked for"),
        ({"search": {"strategy": "luck"}}, 'no search strategy "luck"'),
        ({"search": {"trials": 0}}, "trials is 0"),
        ({"search": {"space": {"decision_tree": {"max_depth": {"int": [9, 2]}}}}}, 'goes from 9 to 2 for "max_depth"'),
        ({"search": {"space": {"decision_tree": {"max_depth": {"whole": [2, 9]}}}}}, 'not clear for "max_depth"'),
        ({"goal": {"costFalsePositive": -1}}, "must not be below zero"),
    ],
)  # fmt: skip
def test_a_request_that_cannot_be_meant(tmp_path, changes, words):
    assert words in refused(tmp_path, small_table("binary"), **changes)


def test_rows_without_a_target_are_left_out_and_counted(tmp_path):
    frame = small_table("binary")
    frame.loc[[3, 9], "target"] = None
    write_channel(tmp_path, "train", frame, TYPES)
    request = {"task": "binary", "target": "target", "algorithms": ["decision_tree"], "search": {"strategy": "none"}, "importance": False}
    write_job(tmp_path, "tabular.train", request)
    assert run_here(tmp_path) == 0
    warning = next(one for one in events(tmp_path, "warning") if one["code"] == "target_missing")
    assert warning["facts"] == {"column": "target", "rows": 2, "row": 3}


def test_a_folder_that_is_no_job(tmp_path):
    assert run_here(tmp_path) == 2
    assert "input/config/job.json is missing" in failure(tmp_path)


def test_an_engine_that_does_not_exist(tmp_path):
    write_job(tmp_path, "tabular.guess", {})
    assert run_here(tmp_path) == 2
    assert 'no engine "tabular.guess"' in failure(tmp_path)


def test_parameters_that_are_not_json(tmp_path):
    write_job(tmp_path, "tabular.train", {})
    (tmp_path / "input" / "config" / "hyperparameters.json").write_text("{task:")
    assert run_here(tmp_path) == 2
    assert "hyperparameters.json is not valid JSON" in failure(tmp_path)


def test_events_hold_no_bare_nan(tmp_path):
    assert refused(tmp_path, small_table("binary").assign(target="no"))
    for line in (tmp_path / "output" / "events.jsonl").read_text().splitlines():
        json.loads(line, parse_constant=lambda word: pytest.fail(f"{word} is not JSON"))


def test_whole_numbers_beyond_float64_are_taken_as_their_nearest(tmp_path):
    frame = small_table("binary")
    frame["calls"] = 2**53 + 1 + np.arange(len(frame))
    write_channel(tmp_path, "train", frame, TYPES)
    request = {
        "task": "binary", "target": "target", "metric": "f1", "recipe": {"auto": True}, "algorithms": ["decision_tree"],
        "search": {"strategy": "none"}, "importance": False, "threads": 1,
    }  # fmt: skip
    write_job(tmp_path, "tabular.train", request)
    assert run_here(tmp_path) == 0
