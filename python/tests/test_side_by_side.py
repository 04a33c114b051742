"""Trials side by side: the same search for the same seed, whoever finishes first, and after any end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from folders import PYTHON, events, read_json, run_here, write_channel, write_job
from small_tables import TYPES, small_table

SPACE = {"decision_tree": {"max_depth": {"int": [1, 8]}, "min_samples_leaf": {"int": [1, 60], "log": True}}}


def job(folder: Path, rows: int = 240, algorithms: tuple[str, ...] = ("decision_tree",), **search) -> None:
    request = {
        "task": "binary", "target": "target", "metric": "roc_auc", "recipe": {"auto": True}, "algorithms": list(algorithms),
        "search": {"strategy": "tpe", "trials": 12, "parallel": 2, "space": SPACE} | search,
        "validation": {"kind": "stratified", "folds": 3}, "importance": False, "threads": 2,
    }  # fmt: skip
    write_channel(folder, "train", small_table("binary", rows), TYPES)
    write_job(folder, "tabular.train", request)


def tried(folder: Path) -> list[tuple]:
    return [(one["trial"], one["params"], one["state"], one["score"]) for one in read_json(folder, "output/data/trials.json")]


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    job(folder)
    assert run_here(folder) == 0, (folder / "output" / "failure").read_text()
    return folder


def test_trials_run_side_by_side_and_are_told_in_order_of_their_number(whole):
    assert [one["trial"] for one in read_json(whole, "output/data/trials.json")] == list(range(12))
    told = [(one["trial"], one["state"]) for one in events(whole, "trial")]
    open_at_once, most = set(), 0
    for trial, state in told:
        open_at_once = open_at_once | {trial} if state == "running" else open_at_once - {trial}
        most = max(most, len(open_at_once))
    assert most == 2
    assert len({str(one[1]) for one in tried(whole)[1:]}) == 11, "side by side, no two ask for the same"
    assert any(one["type"] == "metric" and one["name"] == "validation.roc_auc" for one in events(whole))


def test_a_search_that_was_killed_goes_on_as_it_would_have(whole, tmp_path):
    job(tmp_path)
    process = subprocess.Popen(
        [sys.executable, "-m", "atoll_engines.run", "--folder", str(tmp_path)], env=os.environ | {"PYTHONPATH": str(PYTHON)}
    )
    checkpoint = tmp_path / "checkpoints/trials.jsonl"
    until = time.monotonic() + 90
    while time.monotonic() < until and (not checkpoint.exists() or checkpoint.read_text().count("\n") < 4):
        time.sleep(0.02)
    helpers = children(process.pid)
    process.send_signal(signal.SIGKILL)
    process.wait(30)
    assert len(helpers) == 2
    lines = checkpoint.read_text().splitlines()
    assert 4 <= len(lines) < 12, "killed midway"
    while time.monotonic() < until and any(map(alive, helpers)):
        time.sleep(0.05)
    assert not any(map(alive, helpers)), "the helpers end with the process that they work for"
    # Of the two that were under way the later one had finished: it is kept, and only the other is tried again.
    checkpoint.write_text("".join(f"{line}\n" for line in lines if '"trial": 2,' not in line))
    assert run_here(tmp_path) == 0, (tmp_path / "output" / "failure").read_text()
    assert tried(tmp_path) == tried(whole)


def test_halving_side_by_side_waits_for_nobody_where_time_is_limited(tmp_path):
    space = {"lightgbm": {"learning_rate": {"float": [0.0005, 0.3], "log": True}, "n_estimators": 81, "stop_early": True}}
    job(tmp_path, 1500, ("lightgbm",), strategy="asha", trials=14, budgetSeconds=600, space=space)
    assert run_here(tmp_path) == 0, (tmp_path / "output" / "failure").read_text()
    states = [state for _, _, state, _ in tried(tmp_path)]
    assert len(states) == 14 and set(states) == {"complete", "pruned"}


def children(pid: int) -> list[int]:
    listed = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, timeout=20)
    return [int(one) for one in listed.stdout.split()]


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state != "Z"
