"""Identifiers and the column that groups the rows are features only where a step names them."""

from __future__ import annotations

import json

import numpy as np
import pytest
from folders import failure, run_here, write_channel, write_job
from small_tables import TYPES, small_table


def trained(folder, steps: list[dict], **validation) -> tuple[int, dict]:
    """Trains a table with identifiers; the exit code and the signature's inputs by name."""
    frame = small_table("binary")
    shop = np.random.default_rng(5).integers(0, 12, len(frame))
    frame.insert(0, "row", [f"c{number:04}" for number in range(len(frame))])
    frame.insert(1, "shop", [f"s{number}" for number in shop])
    write_channel(folder, "train", frame, TYPES | {"row": "id", "shop": "id"})
    request = {
        "task": "binary", "target": "target", "metric": "f1", "recipe": {"steps": steps}, "algorithms": ["decision_tree"],
        "search": {"strategy": "none"}, "validation": {"kind": "stratified", "folds": 3} | validation, "importance": True, "threads": 1,
    }  # fmt: skip
    write_job(folder, "tabular.train", request)
    code = run_here(folder)
    if code:
        return code, {}
    signature = json.loads((folder / "model" / "signature.json").read_text())
    assert json.loads((folder / "model" / "training.json").read_text())["export"]["ok"]
    return code, {one["name"]: one for one in signature["inputs"]}


def test_an_identifier_that_no_step_names_stays_out(tmp_path):
    encode = [{"step": "ordinal", "columns": "*categories"}, {"step": "date_parts", "columns": "*datetimes"}]
    code, inputs = trained(tmp_path, encode)
    assert code == 0, failure(tmp_path)
    assert inputs.keys() <= {"size", "speed", "calls", "plan", "active", "since"}


@pytest.mark.parametrize(
    "step",
    [
        {"step": "frequency_encode", "columns": ["shop"]},
        {"step": "target_encode", "columns": ["shop"]},
        {"step": "one_hot", "columns": ["shop"]},
        {"step": "derive", "name": "own", "expression": 'shop == "s3"'},
        {"step": "derive", "name": "own", "expression": 'if(`shop` == "s3", size, calls)'},
    ],
    ids=lambda step: step["step"],
)
def test_an_identifier_that_a_step_names_is_a_category(tmp_path, step):
    left = [] if step["step"] != "derive" else [{"step": "drop_columns", "columns": ["shop"]}]
    code, inputs = trained(tmp_path, [{"step": "drop_columns", "columns": ["plan", "active", "since"]}, step, *left])
    assert code == 0, failure(tmp_path)
    assert "row" not in inputs
    assert inputs["shop"]["type"] == "category"
    assert inputs["shop"]["categories"]


def test_the_column_that_groups_the_rows_may_be_named_too(tmp_path):
    encode = {"step": "frequency_encode", "columns": ["shop"]}
    drop = {"step": "drop_columns", "columns": ["plan", "active", "since"]}
    code, inputs = trained(tmp_path, [drop, encode], kind="grouped", groupColumn="shop")
    assert code == 0, failure(tmp_path)
    assert "shop" in inputs


def test_an_identifier_that_is_kept_as_it_is_is_refused_with_advice(tmp_path):
    code, _ = trained(tmp_path, [{"step": "keep_columns", "columns": ["size", "shop"]}])
    assert code == 2
    assert 'column "shop" is still of type category' in failure(tmp_path)
    assert "one_hot, ordinal or target_encode" in failure(tmp_path)
