"""Comparison by repeated folds: the same rows for all, made anew for each repeat, and taken up after a stop."""

from __future__ import annotations

from pathlib import Path

import pytest
from folders import events, read_json, run_here, write_channel, write_job
from small_tables import TYPES, small_table

CANDIDATES = [
    {"name": "tree", "algorithm": "decision_tree", "params": {"max_depth": 3}},
    {"name": "line", "algorithm": "logistic_regression"},
    {"name": "constant", "algorithm": "baseline"},
]


def compared(folder: Path, **changes) -> dict | None:
    request = {
        "task": "binary", "target": "target", "positive": "yes", "metric": "f1", "repeats": 2, "candidates": CANDIDATES,
        "validation": {"kind": "stratified", "folds": 3}, "threads": 1,
    }  # fmt: skip
    write_channel(folder, "train", small_table("binary", 200), TYPES)
    write_job(folder, "tabular.compare", request | changes)
    return read_json(folder, "output/data/comparison.json") if run_here(folder) == 0 else None


def test_candidates_are_scored_on_the_same_folds_and_a_stopped_comparison_goes_on(tmp_path):
    whole = compared(tmp_path)
    assert [one["name"] for one in whole["candidates"]] == ["tree", "line", "constant"]
    assert all(len(one["scores"]) == 2 and all(len(folds) == 3 for folds in one["scores"]) for one in whole["candidates"])
    assert whole["testShare"] == pytest.approx(1 / 3, abs=0.01)
    first, second = whole["candidates"][0]["scores"]
    assert first != second, "another repeat divides the rows anew"
    assert whole["candidates"][0]["params"]["max_depth"] == 3
    lines = (tmp_path / "checkpoints/compare.jsonl").read_text().splitlines()
    resumed = tmp_path / "resumed"
    (resumed / "checkpoints").mkdir(parents=True)
    (resumed / "checkpoints/compare.jsonl").write_text("\n".join(lines[:4]) + "\n")
    again = compared(resumed)
    assert [one["scores"] for one in again["candidates"]] == [one["scores"] for one in whole["candidates"]]
    assert sum(one["type"] == "checkpoint" for one in events(resumed)) == 2


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"candidates": CANDIDATES[:1]}, "2 to 10"),
        ({"candidates": [CANDIDATES[0], {"name": "vote", "algorithm": "voting"}]}, "ensembles are compared on the sealed rows"),
        ({"validation": {"kind": "time", "folds": 3, "timeColumn": "when"}}, "order of time"),
    ],
)
def test_what_cannot_be_compared_is_refused(tmp_path, changes, said):
    assert compared(tmp_path, **changes) is None
    assert said in (tmp_path / "output" / "failure").read_text()
