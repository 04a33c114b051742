"""Searches on known functions, ours and Optuna's in turn, one core: `measure.py trials SEEDS CAP` or `measure.py cost ROUNDS TRIALS`.

Prints one JSON object. `trials`: by function and sampler, after how many trials each seed reaches what 200 random trials reach in the
median. `cost`: milliseconds of one ask and tell, each library asked by turns within a round, once it knows so many trials.
"""

from __future__ import annotations

import json
import sys
import time

import numpy as np
import optuna

from atoll_engines.tuning.gaussian import GaussianProcess
from atoll_engines.tuning.space import Space
from atoll_engines.tuning.tpe import Tpe

optuna.logging.set_verbosity(optuna.logging.ERROR)


def hartmann6(u: np.ndarray) -> float:
    a = np.array([[10, 3, 17, 3.5, 1.7, 8], [0.05, 10, 17, 0.1, 8, 14], [3, 3.5, 1.7, 10, 17, 8], [17, 8, 0.05, 10, 0.1, 14]])
    p = 1e-4 * np.array(
        [[1312, 1696, 5569, 124, 8283, 5886], [2329, 4135, 8307, 3736, 1004, 9991], [2348, 1451, 3522, 2883, 3047, 6650],
         [4047, 8828, 8732, 5743, 1091, 381]]
    )  # fmt: skip
    return float(-(np.array([1, 1.2, 3, 3.2]) * np.exp(-(a * (u - p) ** 2).sum(1))).sum())


def branin(u: np.ndarray) -> float:
    x, y = u[0] * 15 - 5, u[1] * 15
    return float((y - 5.1 / (4 * np.pi**2) * x * x + 5 / np.pi * x - 6) ** 2 + 10 * (1 - 1 / (8 * np.pi)) * np.cos(x) + 10)


def rosenbrock(u: np.ndarray) -> float:
    x = u * 4 - 2
    return float((100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum())


def ackley(u: np.ndarray) -> float:
    x = (u - 0.37) * 20
    return float(-20 * np.exp(-0.2 * np.sqrt((x**2).mean())) - np.exp(np.cos(2 * np.pi * x).mean()) + 20 + np.e)


def quadratic(u: np.ndarray) -> float:
    return float((np.arange(1, len(u) + 1) * (u - 0.3) ** 2).sum() * 10)


FUNCTIONS = {
    "Ackley, 5": (ackley, 5), "quadratic, 6": (quadratic, 6), "Rosenbrock, 4": (rosenbrock, 4), "Branin": (branin, 2),
    "Hartmann, 6": (hartmann6, 6),
}  # fmt: skip


class Ours:
    def __init__(self, sampler: type, dimensions: int, seed: int) -> None:
        self.names = [f"x{number}" for number in range(dimensions)]
        self.search = sampler(Space({name: {"float": [0.0, 1.0]} for name in self.names}), seed)

    def ask(self) -> np.ndarray:
        self.asked = self.search.ask()
        return np.array([self.asked[name] for name in self.names])

    def tell(self, loss: float) -> None:
        self.search.tell(self.asked, loss)


class Optuna:
    def __init__(self, dimensions: int, seed: int) -> None:
        self.names = [f"x{number}" for number in range(dimensions)]
        sampler = optuna.samplers.TPESampler(multivariate=True, seed=seed)
        self.study = optuna.create_study(sampler=sampler)
        self.space = {name: optuna.distributions.FloatDistribution(0.0, 1.0) for name in self.names}

    def ask(self) -> np.ndarray:
        self.asked = self.study.ask(self.space)
        return np.array([self.asked.params[name] for name in self.names])

    def tell(self, loss: float) -> None:
        self.study.tell(self.asked, loss)


SAMPLERS = {
    "tpe": lambda dimensions, seed: Ours(Tpe, dimensions, seed),
    "gp": lambda dimensions, seed: Ours(GaussianProcess, dimensions, seed),
    "optuna": Optuna,
}


def target_of(function, dimensions: int) -> float:
    """What 200 random trials reach, the median over 61 seeds."""
    return float(np.median([min(map(function, np.random.default_rng([99, seed]).random((200, dimensions)))) for seed in range(61)]))


def reached(search, function, target: float, cap: int) -> int:
    for trial in range(1, cap + 1):
        loss = function(search.ask())
        search.tell(loss)
        if loss <= target:
            return trial
    return 2 * cap


def trials(seeds: int, cap: int, samplers: list[str]) -> dict:
    found = {}
    for name, (function, dimensions) in FUNCTIONS.items():
        target = target_of(function, dimensions)
        found[name] = {one: [reached(SAMPLERS[one](dimensions, seed), function, target, cap) for seed in range(seeds)] for one in samplers}
        print(name, {one: float(np.median(values)) for one, values in found[name].items()}, file=sys.stderr, flush=True)
    return found


def cost(rounds: int, known: int) -> dict:
    found = {}
    for dimensions in (6, 20):
        both = {"tpe": SAMPLERS["tpe"](dimensions, 0), "optuna": SAMPLERS["optuna"](dimensions, 0)}
        points = np.random.default_rng(0).random((known, dimensions))
        for point in points:
            both["tpe"].search.tell(dict(zip(both["tpe"].names, point, strict=True)), quadratic(point))
        space = both["optuna"].space
        both["optuna"].study.add_trials([
            optuna.trial.create_trial(params=dict(zip(space, map(float, point), strict=True)), distributions=space, value=quadratic(point))
            for point in points
        ])
        times: dict[str, list[float]] = {name: [] for name in both}
        for number in range(rounds):
            for name in both if number % 2 else reversed(both):
                search = both[name]
                began = time.perf_counter()
                search.tell(quadratic(search.ask()))
                times[name].append(1000 * (time.perf_counter() - began))
        found[str(dimensions)] = times
    return found


if __name__ == "__main__":
    what, first, second = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    print(json.dumps(trials(first, second, sys.argv[4].split(",")) if what == "trials" else cost(first, second)))
