"""Samplers, schedulers and what a search says of itself, against references and known answers."""

from __future__ import annotations

import numpy as np
import pytest

from atoll_engines.tuning.gaussian import GaussianProcess
from atoll_engines.tuning.halving import Hyperband, Rungs, SuccessiveHalving, hyperband
from atoll_engines.tuning.importance import importances
from atoll_engines.tuning.space import Space
from atoll_engines.tuning.tpe import Tpe

MIXED = {
    "rate": {"float": [1e-4, 1.0], "log": True},
    "depth": {"int": [1, 9]},
    "kind": {"choice": ["a", "b", "c"]},
    "momentum": {"float": [0.0, 1.0], "when": {"kind": "b"}},
    "fixed": 3,
}


def mixed_loss(params: dict) -> float:
    rate = (np.log10(params["rate"]) + 2) ** 2
    return rate + 0.1 * (params["depth"] - 6) ** 2 + (params["kind"] != "b") + (params.get("momentum", 1) - 0.5) ** 2


def hartmann(params: dict) -> float:
    a = np.array([[10, 3, 17, 3.5, 1.7, 8], [0.05, 10, 17, 0.1, 8, 14], [3, 3.5, 1.7, 10, 17, 8], [17, 8, 0.05, 10, 0.1, 14]])
    p = 1e-4 * np.array(
        [[1312, 1696, 5569, 124, 8283, 5886], [2329, 4135, 8307, 3736, 1004, 9991], [2348, 1451, 3522, 2883, 3047, 6650],
         [4047, 8828, 8732, 5743, 1091, 381]]
    )  # fmt: skip
    x = np.array([params[f"x{i}"] for i in range(6)])
    return float(-(np.array([1, 1.2, 3, 3.2]) * np.exp(-(a * (x - p) ** 2).sum(1))).sum())


def test_a_space_draws_what_it_says_and_conditions_hold():
    space = Space(MIXED)
    random = np.random.default_rng(1)
    seen = [space.from_unit(point) for point in space.random(random, 400)]
    assert {one["fixed"] for one in seen} == {3}
    assert {one["depth"] for one in seen} == set(range(1, 10))
    assert all(("momentum" in one) == (one["kind"] == "b") for one in seen)
    assert 0.3 < np.mean([one["rate"] < 1e-2 for one in seen]) < 0.7, "log: half of the draws lie below the middle of the exponents"
    counts = np.bincount([one["depth"] for one in seen])[1:]
    assert counts.min() > 0.5 * counts.mean(), "the ends of a whole range are drawn like its middle"
    for one in seen[:50]:
        back = space.to_unit(one)
        assert space.from_unit(np.where(np.isnan(back), 0, back))["depth"] == one["depth"]
    assert np.isnan(space.to_unit({"rate": 5.0, "depth": 3, "kind": "z"})).sum() == 3


@pytest.mark.parametrize("sampler", [Tpe, GaussianProcess])
def test_a_sampler_repeats_itself_and_goes_on_after_a_restart(sampler):
    space = Space(MIXED)
    history: list[tuple[dict, float]] = []
    first = sampler(space, seed=3)
    for _ in range(14):
        params = first.ask()
        history.append((params, mixed_loss(params)))
        first.tell(*history[-1])
    second = sampler(space, seed=3)
    for params, loss in history:
        second.tell(params, loss)
    assert first.ask() == second.ask()


@pytest.mark.parametrize(("sampler", "trials"), [(Tpe, 40), (GaussianProcess, 25)])
def test_a_sampler_is_far_ahead_of_chance(sampler, trials):
    space = Space({f"x{i}": {"float": [0.0, 1.0]} for i in range(6)})
    chance = np.median([min(hartmann(space.from_unit(p)) for p in space.random(np.random.default_rng(s), 200)) for s in range(9)])
    found = []
    for seed in range(9):
        searched = sampler(space, seed)
        for _ in range(trials):
            params = searched.ask()
            searched.tell(params, hartmann(params))
        found.append(float(np.min(searched._losses[: searched.count])))
    assert np.median(found) < chance, f"{trials} trials against 200 at random"


@pytest.mark.parametrize(("sampler", "seeds"), [(Tpe, 9), (GaussianProcess, 3)])
def test_trials_of_a_search_on_like_data_save_trials(sampler, seeds):
    """The best place has moved by a twentieth of the space: after 8 trials the search that remembers is ahead."""
    space = Space({f"x{i}": {"float": [0.0, 1.0]} for i in range(4)})

    def loss(params: dict, moved: float) -> float:
        return sum(((i + 1) * (params[f"x{i}"] - 0.3 - 0.1 * i - moved)) ** 2 for i in range(4))

    def best(seed: int, earlier: list) -> float:
        searched = sampler(space, seed)
        for params, value in earlier:
            searched.recall(params, value)
        found = []
        for _ in range(8):
            params = searched.ask()
            found.append(loss(params, 0.05))
            searched.tell(params, found[-1])
        return min(found)

    points = [space.from_unit(point) for point in space.random(np.random.default_rng(5), 60)]
    earlier = [(params, 1000 + 7 * loss(params, 0.0)) for params in points]
    warm, cold = ([best(seed, known) for seed in range(seeds)] for known in (earlier, []))
    assert np.median(warm) < 0.6 * np.median(cold), f"{np.median(warm):.2f} against {np.median(cold):.2f}; only places count, not losses"


@pytest.mark.parametrize("sampler", [Tpe, GaussianProcess])
def test_those_that_ask_side_by_side_are_sent_to_different_places(sampler):
    space = Space(MIXED)
    searched = sampler(space, 3)
    for point in space.random(np.random.default_rng(0), 16):
        params = space.from_unit(point)
        searched.tell(params, mixed_loss(params))
    asked = []
    for number in range(16, 20):
        asked.append(searched.ask(number))
        searched.await_(asked[-1])
    assert len({str(one) for one in asked}) == 4
    apart = [abs(space.to_unit(a)[:2] - space.to_unit(b)[:2]).max() for i, a in enumerate(asked) for b in asked[:i]]
    assert min(apart) > 0.02


def test_a_sampler_bears_failures_and_mixed_spaces():
    found = []
    for seed in range(5):
        searched = Tpe(Space(MIXED), seed)
        for number in range(80):
            params = searched.ask()
            searched.tell(params, float("nan") if number % 7 == 0 else mixed_loss(params))
        found.append(float(searched._losses[:80].min()))
    assert np.median(found) < 0.2
    assert Tpe(Space({"fixed": 1}), seed=1).ask() == {"fixed": 1}


def test_halving_keeps_a_third_at_each_rung():
    rungs = Rungs(least=1, most=27, eta=3)
    assert rungs.levels == [1, 3, 9]
    assert [rungs.goes_on(trial, 1, loss) for trial, loss in enumerate((5.0, 4.0))] == [True, True], "too few to compare"
    assert rungs.goes_on(2, 1, 9.0) is False
    assert rungs.goes_on(3, 1, 1.0) is True
    assert rungs.goes_on(3, 2, 99.0) is True, "between rungs nothing is compared"
    assert rungs.goes_on(4, 1, float("nan")) is False
    assert rungs.goes_on(3, 27, 99.0) is True, "the end is no rung"
    assert rungs.goes_on(5, 1, 4.5) is False
    assert rungs.goes_on(5, 1, 4.5, knows=lambda other: other in (0, 2)) is True, "among those it knows it is the best third"


def test_the_brackets_of_hyperband_are_those_of_the_paper():
    # Table 1 of Li et al. 2018: R = 81, eta = 3.
    assert [(one.trials, one.least) for one in hyperband(81)] == [(81, 1), (34, 3), (15, 9), (8, 27), (5, 81)]
    scheduler = Hyperband(81)
    assert [scheduler.bracket_of(trial) for trial in (0, 80, 81, 114, 115, 143)] == [0, 0, 1, 1, 2, 0]
    assert scheduler.goes_on(140, 27, 9.0) is True, "the last bracket runs whole"


def test_asha_needs_a_fraction_of_the_epochs_of_random_search():
    """Learning curves that separate early, 81 epochs long: the epochs until the best of 100 settings is known."""
    spent, found = [], []
    for seed in range(10):
        random = np.random.default_rng(seed)
        ends = random.random(100)
        scheduler = SuccessiveHalving(1, 81)
        epochs, best = 0, 1.0
        for trial, end in enumerate(ends):
            noise = random.normal(size=81) * 0.05 / np.arange(1, 82)
            for epoch in range(1, 82):
                epochs += 1
                score = end + (1 - end) * 0.5 ** (epoch / 8) + noise[epoch - 1]
                if not scheduler.goes_on(trial, epoch, score):
                    break
            else:
                best = min(best, end)
        spent.append(epochs / (100 * 81))
        found.append(best - ends.min())
    assert np.mean(spent) <= 0.25
    assert np.median(found) < 0.02


def test_importances_name_what_mattered():
    space = Space({"a": {"float": [0.0, 1.0]}, "b": {"float": [0.0, 1.0]}, "c": {"choice": ["x", "y"]}})
    random = np.random.default_rng(0)
    trials = []
    for point in space.random(random, 120):
        params = space.from_unit(point)
        trials.append((params, 4 * params["a"] + 0.5 * params["b"] + random.normal() * 0.01))
    found = importances(space, trials)
    assert found["a"] > 0.8 > found["b"] > found["c"]
    assert sum(found.values()) <= 1.0 + 1e-9
    assert importances(space, trials[:4]) == {}
