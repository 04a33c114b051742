"""Forecasts that are fixed linear maps of the window: naive, seasonal naive, and additive exponential smoothing."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np

from atoll_engines.forecast.algorithms.model import Algorithm, Setting
from atoll_engines.forecast.formulas import Arrays, filled
from atoll_engines.forecast.windows import Windows

if TYPE_CHECKING:
    from atoll_engines.forecast.formulas import Nodes

MOST_FITTED = 1500


class LinearMap:
    """`forecast = values @ weights`, weights [context, horizon]."""

    is_probabilistic = False
    weights: np.ndarray

    def point(self, windows: Windows) -> np.ndarray:
        return filled(Arrays(windows)) @ self.weights

    def emit(self, nodes: Nodes) -> str:
        values = filled(nodes)
        return nodes.graph.node("MatMul", [values.name, nodes.graph.constant(self.weights, np.float64)])


class SeasonalNaive(LinearMap):
    """The value one season before, which with a season of one is the last value."""

    def __init__(self, setting: Setting, season: int) -> None:
        frame = setting.frame
        season = min(season, frame.context)
        self.weights = np.zeros((frame.context, frame.horizon))
        for step in range(frame.horizon):
            self.weights[frame.context - season + step % season, step] = 1.0

    def fit(self, windows: Windows) -> None:
        """There is nothing to learn."""


class ExponentialSmoothing(LinearMap):
    """Additive Holt-Winters with a damped trend (Gardner and McKenzie 1985), run over the window from its own beginning.

    Started from the first season's mean and pattern, its forecasts are linear in the window's values; the four weights are those with the
    least absolute error over training windows.
    """

    def __init__(self, setting: Setting) -> None:
        self.frame = setting.frame
        self.weights = np.zeros((self.frame.context, self.frame.horizon))
        self.smoothing: dict[str, float] = {}

    def fit(self, windows: Windows) -> None:
        every = max(1, len(windows) // MOST_FITTED)
        some = windows.take(np.arange(0, len(windows), every))
        values = filled(Arrays(some))
        size = np.abs(some.actual).mean() or 1.0

        def loss(alpha: float, beta: float, gamma: float, damping: float) -> float:
            forecast = self.run(values, alpha, beta, gamma, damping)
            return float(np.abs(forecast - some.actual).mean() / size)

        grid = itertools.product((0.05, 0.2, 0.5, 0.9), (0.0, 0.05, 0.2), (0.0, 0.1, 0.3), (0.8, 0.98))
        best = min(grid, key=lambda point: loss(*point))
        width = 0.5
        for _ in range(6):
            near = [best]
            for number in range(4):
                for factor in (1 - width, 1 + width):
                    moved = list(best)
                    moved[number] = min(0.999, max(0.0, moved[number] * factor))
                    near.append(tuple(moved))
            found = min(near, key=lambda point: loss(*point))
            width = width if found != best else width / 2
            best = found
        self.smoothing = dict(zip(("level", "trend", "season", "damping"), map(float, best), strict=True))
        self.weights = self.run(np.eye(self.frame.context), *best)

    def run(self, values: np.ndarray, alpha: float, beta: float, gamma: float, damping: float) -> np.ndarray:
        """Forecasts [rows, horizon] for values [rows, context]."""
        context, season = self.frame.context, min(self.frame.season, self.frame.context)
        level = values[:, :season].mean(axis=1)
        trend = np.zeros_like(level)
        seasonal = [values[:, at] - level for at in range(season)] if season > 1 else [np.zeros_like(level)]
        for at in range(context):
            place = at % len(seasonal)
            expected = level + damping * trend
            new = alpha * (values[:, at] - seasonal[place]) + (1 - alpha) * expected
            trend = beta * (new - level) + (1 - beta) * damping * trend
            if season > 1:
                seasonal[place] = gamma * (values[:, at] - new) + (1 - gamma) * seasonal[place]
            level = new
        steps, damped = [], 0.0
        for step in range(1, self.frame.horizon + 1):
            damped += damping**step
            steps.append(level + damped * trend + seasonal[(context + step - 1) % len(seasonal)])
        return np.stack(steps, axis=1)


def seasonal(parameters: dict[str, Any], setting: Setting) -> SeasonalNaive:
    return SeasonalNaive(setting, setting.frame.season)


ALGORITHMS = (
    Algorithm("seasonal_naive", "Seasonal naive", seasonal),
    Algorithm("naive", "Naive", lambda parameters, setting: SeasonalNaive(setting, 1)),
    Algorithm("exponential_smoothing", "Exponential smoothing", lambda parameters, setting: ExponentialSmoothing(setting)),
)
