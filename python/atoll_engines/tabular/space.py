"""The space of parameters that a search goes through, and the ways to go through it."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np

from atoll_engines.errors import BadInput

GRID_POINTS = 3


def check_space(algorithm: str, space: dict[str, Any]) -> None:
    """Refuse a space that cannot be read, naming the parameter."""
    for name, range_ in space.items():
        kinds = [kind for kind in ("int", "float", "choice") if isinstance(range_, dict) and kind in range_]
        if isinstance(range_, dict) and len(kinds) != 1:
            raise BadInput(
                f'The search space of {algorithm} is not clear for "{name}": write {{"int": [low, high]}}, '
                '{"float": [low, high]} or {"choice": [values]}, with "log": true where steps should multiply.',
                algorithm=algorithm,
                parameter=name,
            )
        if kinds in (["int"], ["float"]):
            low, high = range_[kinds[0]]
            if low > high or (range_.get("log") and low <= 0):
                raise BadInput(
                    f'The search space of {algorithm} goes from {low} to {high} for "{name}"; '
                    "it must go upwards, and start above zero where it is logarithmic.",
                    algorithm=algorithm,
                    parameter=name,
                )


def grid_points(space: dict[str, Any]) -> list[dict[str, Any]]:
    """Every combination: each choice, and three points along each range."""
    names = list(space)
    axes = [axis_points(space[name]) for name in names]
    return [dict(zip(names, values, strict=True)) for values in itertools.product(*axes)]


def axis_points(range_: Any) -> list[Any]:
    if not isinstance(range_, dict):
        return [range_]
    if "choice" in range_:
        return list(range_["choice"])
    low, high = range_.get("int") or range_["float"]
    points = np.geomspace(low, high, GRID_POINTS) if range_.get("log") else np.linspace(low, high, GRID_POINTS)
    if "int" in range_:
        return sorted({int(round(point)) for point in points})
    return [float(point) for point in points]


def random_point(space: dict[str, Any], seed: int) -> dict[str, Any]:
    """One point drawn at random."""
    random = np.random.default_rng(seed)
    return {name: draw(range_, random) for name, range_ in space.items()}


def draw(range_: Any, random: np.random.Generator) -> Any:
    if not isinstance(range_, dict):
        return range_
    if "choice" in range_:
        return range_["choice"][int(random.integers(len(range_["choice"])))]
    low, high = range_.get("int") or range_["float"]
    if "int" in range_ and not range_.get("log"):
        return int(random.integers(low, high + 1))
    value = math.exp(random.uniform(math.log(low), math.log(high))) if range_.get("log") else random.uniform(low, high)
    return int(min(high, max(low, round(value)))) if "int" in range_ else float(value)


def tpe_point(space: dict[str, Any], history: list[tuple[dict[str, Any], float]], seed: int) -> dict[str, Any]:
    """The next point by a tree-structured Parzen estimator (Bergstra et al. 2011), given points and their losses.

    The sampler is made anew for each point and seeded with the point's number, so that a search resumed from its
    record goes on exactly as it would have.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    searched = {name: range_ for name, range_ in space.items() if isinstance(range_, dict)}
    distributions = {name: distribution(range_) for name, range_ in searched.items()}
    sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=5, multivariate=True)
    study = optuna.create_study(direction="minimize", sampler=sampler)
    for params, loss in history:
        inside = {name: params[name] for name in searched if name in params and fits(distributions[name], params[name])}
        if len(inside) == len(searched) and math.isfinite(loss):
            study.add_trial(
                optuna.trial.create_trial(params=inside, distributions=distributions, value=loss)
            )
    point = study.ask(fixed_distributions=distributions).params
    return {name: point.get(name, range_) for name, range_ in space.items()}


def distribution(range_: dict[str, Any]) -> Any:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if "choice" in range_:
        return CategoricalDistribution(range_["choice"])
    low, high = range_.get("int") or range_["float"]
    make = IntDistribution if "int" in range_ else FloatDistribution
    return make(low, high, log=bool(range_.get("log")))


def fits(distribution_: Any, value: Any) -> bool:
    try:
        return distribution_._contains(distribution_.to_internal_repr(value))
    except (TypeError, ValueError):
        return False
