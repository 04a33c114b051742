"""The forecasting algorithms, by name."""

from __future__ import annotations

from importlib.util import find_spec

from atoll_engines.errors import BadInput, what_exists
from atoll_engines.forecast.algorithms import boosting, linear_maps
from atoll_engines.forecast.algorithms.model import Algorithm

ALGORITHMS: dict[str, Algorithm] = {algorithm.name: algorithm for module in (linear_maps, boosting) for algorithm in module.ALGORITHMS}
# What every forecast is compared with (Hyndman and Athanasopoulos 2021, 5.2).
BASELINE = "seasonal_naive"
AUTO = ("exponential_smoothing", "forecast_boosting")


def chosen_algorithms(names: tuple[str, ...]) -> list[Algorithm]:
    """The algorithms a job asks for, the baseline always first; `auto` stands for all that are worth trying."""
    chosen = [ALGORITHMS[BASELINE]]
    for name in names:
        for one in AUTO if name == "auto" else (name,):
            algorithm = find_algorithm(one)
            if algorithm not in chosen:
                chosen.append(algorithm)
    return chosen


def find_algorithm(name: str) -> Algorithm:
    if name not in ALGORITHMS and name == "deepar" and find_spec("torch"):
        from atoll_engines.forecast.algorithms import deepar

        ALGORITHMS.update({one.name: one for one in deepar.ALGORITHMS})
    if name not in ALGORITHMS:
        raise BadInput(
            f'There is no algorithm "{name}". {what_exists(name, ["auto", *ALGORITHMS, "deepar"], "algorithms")}', algorithm=name
        )
    return ALGORITHMS[name]
