"""The engines that suggest and preview recipes, run in job folders as the platform runs them."""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from folders import run_here, write_channel, write_job
from recipe_tables import SCHEMA, training_table

TYPES = {column.name: column.type for column in SCHEMA} | {"target": "category"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    frame, target = training_table(300)
    write_channel(tmp_path, "train", frame.assign(target=target, flag=frame["flag"] == 1), TYPES)
    return tmp_path


def preview(folder: Path, **parameters) -> dict:
    write_job(folder, "tabular.preview", {"target": "target", "task": "binary", "rows": 20, **parameters})
    assert run_here(folder) == 0, (folder / "output" / "failure").read_text()
    return json.loads((folder / "output" / "data" / "preview.json").read_text())


def test_suggests_steps_with_a_reason_each(folder):
    write_job(folder, "tabular.suggest", {"target": "target", "positive": "yes", "task": "binary"})
    assert run_here(folder) == 0
    found = json.loads((folder / "output" / "data" / "recipe.json").read_text())
    assert len(found["steps"]) == len(found["reasons"]) > 3
    assert all(len(reason) > 20 for reason in found["reasons"])
    # What was suggested can be previewed, and ends in numbers only.
    shown = preview(folder, steps=found["steps"])
    assert all(isinstance(value, (int, float)) for value in shown["after"]["rows"][0])


def test_previews_rows_before_and_after_and_what_each_step_did(folder):
    steps = [{"step": "drop_missing_rows", "columns": ["gaps"]}, {"step": "one_hot", "columns": ["size"]}]
    shown = preview(folder, steps=steps, rows=5)
    assert shown["before"]["columns"] == [column.name for column in SCHEMA]
    assert len(shown["before"]["rows"]) == len(shown["after"]["rows"]) == 5
    assert {"size=L", "size=M", "size=S"} < set(shown["after"]["columns"])
    first, second = shown["perStep"]
    assert first["rowsBefore"] == 300 > first["rowsAfter"] == second["rowsBefore"]
    assert "training rows removed" in first["note"]
    assert second["columnsAfter"] == second["columnsBefore"] + 2
    assert "size=L" in second["note"]


def test_previews_dates_and_missing_values_as_a_person_reads_them(folder):
    shown = preview(folder, steps=[])
    when = shown["before"]["columns"].index("when")
    values = [row[when] for row in shown["before"]["rows"]]
    assert all(value is None or pd.Timestamp(value).year >= 2015 for value in values)
    assert {type(value) for row in shown["before"]["rows"] for value in row} <= {str, int, float, type(None)}


def test_a_step_on_a_column_that_is_not_there_is_refused_in_one_sentence(folder):
    write_job(folder, "tabular.preview", {"target": "target", "task": "binary", "steps": [{"step": "impute", "columns": ["amuont"]}]})
    assert run_here(folder) == 2
    sentence = (folder / "output" / "failure").read_text().splitlines()[0]
    assert sentence == 'Step 1 (impute): there is no column "amuont" at this point. Did you mean "amount"?'


def test_a_target_that_is_not_there_is_refused(folder):
    write_job(folder, "tabular.suggest", {"target": "tarket", "task": "binary"})
    assert run_here(folder) == 2
    assert 'Did you mean "target"?' in (folder / "output" / "failure").read_text()


def test_a_preview_of_five_thousand_rows_answers_in_under_a_second(tmp_path):
    frame, target = training_table(5_000)
    write_channel(tmp_path, "train", frame.assign(target=target, flag=frame["flag"] == 1), TYPES)
    steps = [
        {"step": "date_parts"},
        {"step": "impute", "columns": "*numbers"},
        {"step": "target_encode", "columns": ["city"]},
        {"step": "one_hot"},
        {"step": "tfidf"},
        {"step": "standard_scale"},
    ]
    preview(tmp_path, steps=steps)
    took = []
    for _ in range(3):
        start = time.perf_counter()
        preview(tmp_path, steps=steps)
        took.append(time.perf_counter() - start)
    assert np.min(took) < 1.0


def test_a_preview_says_what_a_step_filled_or_could_not_read(folder):
    steps = [{"step": "impute", "columns": ["gaps", "count"]}, {"step": "convert", "columns": ["digits"], "to": "number"}]
    filled, converted = (line["note"] for line in preview(folder, steps=steps)["perStep"])
    frame, _ = training_table(300)
    assert filled == f"changes gaps, count; {frame[['gaps', 'count']].isna().sum().sum()} missing values filled"
    assert converted == f"changes digits; {(frame['digits'] == 'x').sum()} values became missing"
