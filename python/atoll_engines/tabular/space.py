"""The space of parameters that a search goes through, and the ways to go through it."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from atoll_engines.errors import BadInput
from atoll_engines.tuning.gaussian import GaussianProcess
from atoll_engines.tuning.space import Space
from atoll_engines.tuning.tpe import Tpe

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
        for other in range_.get("when", {}) if isinstance(range_, dict) else ():
            if other not in space:
                raise BadInput(
                    f'The search space of {algorithm} has "{name}" only for some values of "{other}", which it does not have.',
                    algorithm=algorithm,
                    parameter=name,
                )


def grid_points(space: dict[str, Any]) -> list[dict[str, Any]]:
    """Every combination: each choice, and three points along each range."""
    names = list(space)
    axes = [axis_points(space[name]) for name in names]
    searched = Space(space)
    points = []
    for values in itertools.product(*axes):
        point = dict(zip(names, values, strict=True))
        # Without what does not exist there, combinations that differ only in that are one.
        point = {name: value for name, value in point.items() if name in searched.fixed or searched.has(name, point)}
        if point not in points:
            points.append(point)
    return points


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
    searched = Space(space)
    return searched.from_unit(searched.random(np.random.default_rng(seed), 1)[0])


@dataclass(frozen=True)
class History:
    """What a sampler is told: points with their losses (one for each objective, less being better), and points under way."""

    told: list[tuple[dict[str, Any], tuple[float, ...]]]
    under_way: list[dict[str, Any]] = field(default_factory=list)
    # Points of an earlier search on other data.
    earlier: list[tuple[dict[str, Any], float]] = field(default_factory=list)


def sampled_point(strategy: str, space: dict[str, Any], history: History, seed: int, number: int) -> dict[str, Any]:
    """The next point of a search by what it has seen.

    The sampler is made anew for each point and draws by the point's number, so that a search resumed from its
    record goes on exactly as it would have.
    """
    sampler = SAMPLERS[strategy](Space(space), seed)
    for params, loss in history.earlier:
        sampler.recall(params, loss)
    for params, losses in history.told:
        sampler.tell(params, losses)
    for params in history.under_way:
        sampler.await_(params)
    return sampler.ask(number)


SAMPLERS = {"tpe": Tpe, "gp": GaussianProcess}
