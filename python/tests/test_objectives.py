"""Several objectives: the sampler covers known fronts, trials are measured, and the rule that was stated picks the winner."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from folders import read_json, run_here, write_channel, write_job
from small_tables import TYPES, small_table

from atoll_engines.errors import BadInput
from atoll_engines.tabular.objectives import read_aims
from atoll_engines.tabular.record import Record
from atoll_engines.tabular.trial import Outcome
from atoll_engines.tuning.gaussian import GaussianProcess
from atoll_engines.tuning.pareto import fronts, hypervolume, knee
from atoll_engines.tuning.space import Space
from atoll_engines.tuning.tpe import Tpe


def zdt1(point: np.ndarray) -> tuple[float, float]:
    """Zitzler, Deb and Thiele 2000: the front is f2 = 1 - sqrt(f1)."""
    g = 1 + 9 * point[1:].mean()
    return float(point[0]), float(g * (1 - np.sqrt(point[0] / g)))


def fonseca(point: np.ndarray) -> tuple[float, float]:
    """Fonseca and Fleming 1995, three variables on [-4, 4]."""
    x = point * 8 - 4
    return float(1 - np.exp(-((x - 1 / np.sqrt(3)) ** 2).sum())), float(1 - np.exp(-((x + 1 / np.sqrt(3)) ** 2).sum()))


def covered(problem, reference: tuple[float, float], dimensions: int, trials: int, seed: int, sampler=None) -> float:
    space = Space({f"x{number}": {"float": [0.0, 1.0]} for number in range(dimensions)})
    if sampler is None:
        found = [problem(point) for point in space.random(np.random.default_rng(seed), trials)]
    else:
        search, found = sampler(space, seed), []
        for _ in range(trials):
            params = search.ask()
            found.append(problem(np.array([params[f"x{number}"] for number in range(dimensions)])))
            search.tell(params, found[-1])
    return hypervolume(np.array(found), np.array(reference))


@pytest.mark.parametrize(
    ("problem", "reference", "dimensions", "most"), [(zdt1, (1.1, 6.0), 5, 6.2667), (fonseca, (1.0, 1.0), 3, 0.3421)]
)
def test_the_sampler_covers_a_known_front_better_than_chance(problem, reference, dimensions, most):
    ours = [covered(problem, reference, dimensions, 80, seed, Tpe) for seed in range(7)]
    chance = [covered(problem, reference, dimensions, 80, seed) for seed in range(7)]
    assert max(ours) <= most, "nothing lies beyond the front"
    gap = (most - np.median(ours)) / (most - np.median(chance))
    assert gap < 0.6, f"{np.median(ours):.3f} of {most}, chance {np.median(chance):.3f}"


def test_the_gaussian_process_knows_several_objectives_too():
    ours = [covered(fonseca, (1.0, 1.0), 3, 24, seed, GaussianProcess) for seed in range(2)]
    chance = [covered(fonseca, (1.0, 1.0), 3, 24, seed) for seed in range(7)]
    assert np.median(ours) > np.median(chance)


def test_fronts_volumes_and_knees_are_those_of_small_cases():
    losses = np.array([[1.0, 4.0], [2.0, 2.0], [4.0, 1.0], [3.0, 3.0], [5.0, 5.0]])
    assert fronts(losses).tolist() == [0, 0, 0, 1, 2]
    assert hypervolume(losses, np.array([6.0, 6.0])) == pytest.approx(10 + 2 * 2 + 2 * 1 + 4)
    assert hypervolume(np.array([[1.0, 1.0, 1.0]]), np.array([2.0, 3.0, 4.0])) == pytest.approx(6)
    assert knee(losses[:3]) == 1


def record(trial: int, quality: float, milliseconds: float) -> Record:
    return Record(trial, "lightgbm", {}, Outcome("complete", [quality], 1.0), {}, {"roc_auc": quality, "latency_ms": milliseconds})


TRIALS = [record(0, 0.90, 8.0), record(1, 0.89, 0.5), record(2, 0.80, 0.1), record(3, 0.85, 4.0)]


@pytest.mark.parametrize(
    ("choose", "wins", "said"),
    [
        ({}, 1, "knee of the 3"),
        ({"rule": "best"}, 0, "best roc_auc"),
        ({"within": {"latency_ms": 1}}, 1, "keep latency_ms ≤ 1"),
        ({"within": {"roc_auc": 0.895, "latency_ms": 10}}, 0, "roc_auc ≥ 0.895"),
        ({"within": {"latency_ms": 0.01}}, 2, "No trial keeps latency_ms ≤ 0.01"),
    ],
)
def test_the_stated_rule_picks_the_winner(choose, wins, said):
    aims = read_aims({"objectives": [{"metric": "latency_ms"}], "choose": choose}, "binary", "roc_auc")
    assert aims.names == ["roc_auc", "latency_ms"]
    assert [one.trial for one in aims.front(TRIALS)] == [0, 1, 2]
    winner, reason = aims.choose(TRIALS)
    assert winner.trial == wins
    assert said in reason


def test_what_is_no_objective_is_refused():
    for search, said in (
        ({"objectives": [{"metric": "speed"}]}, "no objective"),
        ({"objectives": [{"metric": "latency_ms", "direction": "maximize"}]}, "less of it is better"),
        ({"objectives": [{"metric": "latency_ms"}], "choose": {"within": {"size_bytes": 3}}}, "on no objective"),
    ):
        with pytest.raises(BadInput, match=said):
            read_aims(search, "binary", "roc_auc")


def test_a_search_measures_what_it_serves_and_leaves_its_front(tmp_path: Path):
    space = {"lightgbm": {"num_leaves": {"int": [2, 31]}, "n_estimators": {"int": [5, 150], "log": True}}}
    request = {
        "task": "binary", "target": "target", "metric": "roc_auc", "recipe": {"auto": True},
        "algorithms": ["lightgbm", "logistic_regression"],
        "search": {
            "strategy": "tpe", "trials": 16, "space": space, "objectives": [{"metric": "size_bytes"}, {"metric": "latency_ms"}],
            "choose": {"within": {"size_bytes": 20_000}},
        },
        "validation": {"kind": "stratified", "folds": 3}, "importance": False, "threads": 1,
    }  # fmt: skip
    write_channel(tmp_path, "train", small_table("binary", 300), TYPES)
    write_job(tmp_path, "tabular.train", request)
    assert run_here(tmp_path) == 0, (tmp_path / "output" / "failure").read_text()
    trials = read_json(tmp_path, "output/data/trials.json")
    training = read_json(tmp_path, "model/training.json")
    measured = [one for one in trials if one["state"] == "complete"]
    assert all(set(one["objectives"]) == {"roc_auc", "size_bytes", "latency_ms"} for one in measured)
    assert all(one["objectives"]["latency_ms"] > 0 for one in measured)
    chosen = next(one for one in trials if one["chosen"])
    assert chosen["front"] and chosen["objectives"]["size_bytes"] <= 20_000
    assert training["trial"] == chosen["trial"] and training["aims"]["front"] == [one["trial"] for one in trials if one["front"]]
    size = (tmp_path / "model" / "model.onnx").stat().st_size
    assert training["aims"]["measured"]["size_bytes"] == pytest.approx(size, rel=0.02)
    assert chosen["objectives"]["size_bytes"] == pytest.approx(size, rel=0.35), "the folds' models are nearly as large as the last one"
    forests = [one for one in measured if one["algorithm"] == "lightgbm"]
    trees = [one["params"]["n_estimators"] for one in forests]
    assert np.corrcoef(trees, [one["objectives"]["size_bytes"] for one in forests])[0, 1] > 0.5
    assert set(training["aims"]["importances"]) == {"roc_auc", "size_bytes", "latency_ms"}
