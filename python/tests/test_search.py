"""The search: what is tried, in which order, and when it ends."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
from folders import events, read_json, run_here, write_channel, write_job
from small_tables import TYPES, small_table

from atoll_engines.errors import BadInput
from atoll_engines.tabular.algorithms import chosen_algorithms
from atoll_engines.tabular.space import History, check_space, grid_points, random_point, sampled_point

DEPTHS = {"max_depth": {"int": [2, 8]}, "min_samples_leaf": {"int": [1, 40], "log": True}}


def searched(folder: Path, search: dict, rows: int = 240, **changes) -> list[dict]:
    """The trials of a job over decision trees."""
    request = {
        "task": "binary", "target": "target", "metric": "roc_auc", "recipe": {"auto": True}, "algorithms": ["decision_tree"],
        "search": search, "validation": {"kind": "stratified", "folds": 3}, "importance": False, "threads": 1,
    }  # fmt: skip
    write_channel(folder, "train", small_table("binary", rows), TYPES)
    write_job(folder, "tabular.train", request | changes)
    assert run_here(folder) == 0, (folder / "output" / "failure").read_text()
    return read_json(folder, "output/data/trials.json")


def test_the_baseline_comes_first_then_the_defaults(tmp_path):
    trials = searched(tmp_path, {"strategy": "tpe", "trials": 4})
    assert [one["algorithm"] for one in trials[:2]] == ["baseline", "decision_tree"]
    assert trials[1]["params"] == {"max_depth": 6, "min_samples_leaf": 10, "imbalance": "none"}
    assert len(trials) == 4


def test_auto_tries_one_of_each_kind_early():
    names = [one.name for one in chosen_algorithms(["auto"], "binary")]
    assert names[:3] == ["baseline", "lightgbm", "logistic_regression"]
    assert [one.name for one in chosen_algorithms(["auto"], "regression")][:3] == ["baseline", "lightgbm", "ridge"]
    assert [one.name for one in chosen_algorithms(["knn", "auto"], "binary")][1] == "knn"


def test_a_warm_start_is_tried_before_the_sampler(tmp_path):
    before = {"algorithm": "decision_tree", "params": {"max_depth": 3, "min_samples_leaf": 17}, "score": 0.9}
    trials = searched(tmp_path, {"strategy": "tpe", "trials": 4, "warmStart": [before]})
    assert trials[2]["params"] == {"max_depth": 3, "min_samples_leaf": 17, "imbalance": "none"}


def test_scores_of_an_earlier_search_on_the_same_rows_are_not_paid_for_twice(tmp_path):
    """Only the best comes again; the sampler knows the rest, and goes where it was good."""
    before = [
        {"algorithm": "decision_tree", "params": {"max_depth": depth, "min_samples_leaf": 40 + depth}, "score": 0.99 - 0.01 * depth}
        for depth in range(2, 8)
    ] + [{"algorithm": "decision_tree", "params": {"max_depth": 8, "min_samples_leaf": leaf}, "score": 0.3} for leaf in range(1, 13)]
    space = {"decision_tree": {"max_depth": {"int": [2, 8]}, "min_samples_leaf": {"int": [1, 60]}}}
    trials = searched(
        tmp_path, {"strategy": "tpe", "trials": 9, "space": space, "warmStart": before, "warmStartKind": "identical"}, imbalance="none"
    )
    assert trials[2]["params"] == {"max_depth": 2, "min_samples_leaf": 42, "imbalance": "none"}
    later = [one["params"]["min_samples_leaf"] for one in trials[3:]]
    assert np.mean([leaf > 25 for leaf in later]) >= 0.8, later


def test_a_grid_goes_through_every_combination_and_ends(tmp_path):
    space = {"decision_tree": {"max_depth": {"choice": [2, 4]}, "min_samples_leaf": {"choice": [5, 20]}}}
    trials = searched(tmp_path, {"strategy": "grid", "trials": 50, "space": space}, imbalance="none")
    tried = [(one["params"]["max_depth"], one["params"]["min_samples_leaf"]) for one in trials[2:]]
    assert sorted(tried) == [(2, 5), (2, 20), (4, 5), (4, 20)]


def test_a_fixed_value_in_a_space_holds_for_every_trial(tmp_path):
    space = {"decision_tree": {"max_depth": 3, "min_samples_leaf": {"int": [2, 30]}}}
    trials = searched(tmp_path, {"strategy": "random", "trials": 5, "space": space})
    assert {one["params"]["max_depth"] for one in trials[1:]} == {3}
    assert len({one["params"]["min_samples_leaf"] for one in trials[1:]}) > 2


def test_a_budget_of_seconds_is_kept(tmp_path):
    started = time.monotonic()
    trials = searched(tmp_path, {"strategy": "tpe", "budgetSeconds": 4}, rows=1200)
    assert len(trials) > 3
    assert time.monotonic() - started < 15
    shown = [one for one in events(tmp_path, "progress") if one["stage"] == "search" and one["etaSeconds"] is not None]
    assert shown[-1]["etaSeconds"] == 0
    assert all(one["done"] <= one["of"] for one in shown)


def test_hopeless_trials_are_given_up_and_say_why(tmp_path):
    space = {"decision_tree": {"max_depth": {"int": [1, 8]}, "min_samples_leaf": {"int": [1, 600], "log": True}}}
    trials = searched(
        tmp_path, {"strategy": "random", "trials": 25, "space": space}, rows=1200, validation={"kind": "stratified", "folds": 5}
    )
    pruned = [one for one in trials if one["state"] == "pruned"]
    assert pruned
    assert all("folds" in one["reason"] and len(one["interim"]) < 5 for one in pruned)
    best = max(one["score"] for one in trials if one["state"] == "complete")
    assert read_json(tmp_path, "model/training.json")["leaderboard"][0]["mean"] == best


def test_parameters_that_a_library_refuses_fail_one_trial_not_the_job(tmp_path):
    space = {"decision_tree": {"max_features": {"choice": ["sqrt", "all of them"]}}}
    trials = searched(tmp_path, {"strategy": "grid", "space": space}, imbalance="none")
    states = {one["params"].get("max_features"): one["state"] for one in trials[1:]}
    assert states["all of them"] == "failed"
    assert states["sqrt"] == "complete"
    assert "max_features" in next(one["reason"] for one in trials if one["state"] == "failed")


def test_a_recipe_that_nothing_can_learn_from_does_not_use_up_the_budget(tmp_path):
    write_channel(tmp_path, "train", small_table("binary", 120), TYPES)
    columns = [name for name in small_table("binary", 10).columns if name != "target"]
    request = {
        "task": "binary", "target": "target", "metric": "roc_auc", "algorithms": ["decision_tree"], "threads": 1,
        "recipe": {"steps": [{"step": "drop_columns", "columns": columns}]},
        "search": {"strategy": "tpe", "budgetSeconds": 600}, "validation": {"kind": "stratified", "folds": 3},
    }  # fmt: skip
    write_job(tmp_path, "tabular.train", request)
    assert run_here(tmp_path) == 2
    assert "no column is left" in (tmp_path / "output" / "failure").read_text()
    assert sum(one["type"] == "trial" and one["state"] == "failed" for one in events(tmp_path)) <= 10


def test_a_validation_channel_is_the_holdout(tmp_path):
    write_channel(tmp_path, "validation", small_table("binary", 90, seed=40), TYPES, list(range(900, 990)))
    searched(tmp_path, {"strategy": "none"}, validation={"kind": "holdout"})
    import pyarrow.parquet as pq

    rows = pq.read_table(tmp_path / "output" / "data" / "oof.parquet").column("__row").to_pylist()
    assert rows == list(range(900, 990))


@pytest.mark.parametrize("strategy", ["tpe", "gp"])
def test_a_sampler_finds_the_better_half_and_a_seed_repeats_it(strategy):
    space = {"x": {"float": [0.0, 1.0]}, "y": {"float": [1e-4, 1.0], "log": True}, "kind": {"choice": ["a", "b"]}}

    def loss(point: dict) -> float:
        return (point["x"] - 0.8) ** 2 + (point["kind"] == "a")

    late, history = [], []
    for seed in range(4):
        history = []
        for number in range(30):
            point = sampled_point(strategy, space, History(history), seed, number)
            history.append((point, (loss(point),)))
        late += [losses[0] for _, losses in history[20:]]
    # At random half of them would have the wrong kind.
    assert np.median(late) < 0.05
    assert np.mean(np.array(late) > 1) < 0.35
    assert sampled_point(strategy, space, History(history), 3, 99) == sampled_point(strategy, space, History(history), 3, 99)


def test_points_stay_within_their_space():
    space = {"a": {"int": [3, 9]}, "b": {"int": [1, 1000], "log": True}, "c": {"float": [0.5, 0.6]}, "d": {"choice": [1, "x"]}, "e": 7}
    for seed in range(60):
        point = random_point(space, seed)
        assert 3 <= point["a"] <= 9
        assert 1 <= point["b"] <= 1000
        assert 0.5 <= point["c"] <= 0.6
        assert point["d"] in (1, "x")
        assert point["e"] == 7
    assert len(grid_points(space)) == 3 * 3 * 3 * 2
    with pytest.raises(BadInput, match="upwards"):
        check_space("tree", {"a": {"float": [0, 1], "log": True}})


@pytest.mark.parametrize("strategy", ["asha", "hyperband"])
def test_halving_gives_trials_up_while_they_are_fitted_and_a_stopped_search_goes_on_alike(tmp_path, strategy):
    space = {
        "lightgbm": {
            "learning_rate": {"float": [0.0005, 0.3], "log": True}, "num_leaves": {"int": [2, 31]}, "n_estimators": 81, "stop_early": True,
        }
    }  # fmt: skip
    search = {"strategy": strategy, "trials": 16, "space": space}
    whole = tmp_path / "whole"
    whole.mkdir()
    trials = searched(whole, search, rows=1500, algorithms=["lightgbm"])
    pruned = [one for one in trials if one["state"] == "pruned"]
    assert any("after" in one["reason"] and "rounds" in one["reason"] for one in pruned), [one["reason"] for one in trials]
    assert all(one["rungs"] for one in pruned if "rounds" in one["reason"])
    resumed = tmp_path / "resumed"
    (resumed / "checkpoints").mkdir(parents=True)
    lines = (whole / "checkpoints/trials.jsonl").read_text().splitlines()
    (resumed / "checkpoints/trials.jsonl").write_text("\n".join(lines[:9]) + "\n")
    again = searched(resumed, search, rows=1500, algorithms=["lightgbm"])
    assert [(one["state"], one["params"], one["score"]) for one in again] == [(one["state"], one["params"], one["score"]) for one in trials]


def test_a_search_says_what_mattered(tmp_path):
    searched(tmp_path, {"strategy": "random", "trials": 20, "space": {"decision_tree": DEPTHS}})
    shares = read_json(tmp_path, "model/training.json")["importances"]["decision_tree"]
    assert set(shares) >= set(DEPTHS) and all(0 <= share <= 1 for share in shares.values())
