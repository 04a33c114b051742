"""A fitted forecast: windows in, quantiles of the next values out, in Python or as one graph."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from atoll_engines.forecast.algorithms.model import Model
from atoll_engines.forecast.formulas import Arrays, Nodes, filled, level_and_scale
from atoll_engines.forecast.metrics import MIDDLE, QUANTILES
from atoll_engines.forecast.windows import Frame, Windows, from_frame
from atoll_engines.recipes.graph import GraphBuilder

LEVELS = len(QUANTILES)


@dataclass
class Pipeline:
    """A model and how far it misses: quantiles of its errors by step, in units of the window's scale [horizon, 9].

    The errors are those on windows that the model did not see (split conformal prediction, Vovk et al. 2005), so that the intervals hold
    what they promise as long as the future errs like the held-out past.
    """

    frame: Frame
    model: Model
    misses: np.ndarray | None

    @property
    def outputs(self) -> list[dict[str, Any]]:
        horizon = self.frame.horizon
        return [
            {"name": "prediction", "width": horizon}, {"name": "low_80", "width": horizon}, {"name": "high_80", "width": horizon},
            {"name": "quantiles", "width": horizon * LEVELS},
        ]  # fmt: skip

    def quantiles(self, windows: Windows) -> np.ndarray:
        """float64 [windows, horizon, 9]."""
        if self.model.is_probabilistic:
            return self.model.quantiles(windows)
        of = Arrays(windows)
        _, scale = level_and_scale(of, filled(of), self.frame)
        return self.model.point(windows)[:, :, None] + scale[:, :, None] * self.misses

    def answer(self, windows: Windows) -> dict[str, np.ndarray]:
        found = self.quantiles(windows).astype(np.float32)
        rows = len(found)
        return {
            "prediction": found[:, :, MIDDLE], "low_80": found[:, :, 0], "high_80": found[:, :, -1],
            "quantiles": found.reshape(rows, -1),
        }  # fmt: skip

    def predict(self, rows: pd.DataFrame) -> dict[str, np.ndarray]:
        return self.answer(from_frame(rows, self.frame))

    def to_onnx(self) -> Any:
        graph = GraphBuilder(self.frame.inputs)
        nodes = Nodes(graph, self.frame)
        found = self.model.emit(nodes)
        shape = graph.constant(np.array([-1, self.frame.horizon, LEVELS], np.int64))
        if self.model.is_probabilistic:
            wide = graph.node("Reshape", [found, shape])
        else:
            _, scale = level_and_scale(nodes, filled(nodes), self.frame)
            deep = graph.node("Unsqueeze", [found, graph.constant(np.array([2], np.int64))])
            scale = graph.node("Unsqueeze", [scale.name, graph.constant(np.array([2], np.int64))])
            wide = graph.node("Add", [deep, graph.node("Mul", [scale, graph.constant(self.misses[None], np.float64)])])
        wide = graph.node("Cast", [wide], to=1)
        ends = []
        for name, at in (("prediction", MIDDLE), ("low_80", 0), ("high_80", LEVELS - 1)):
            ends.append(
                (
                    graph.output(graph.node("Gather", [wide, graph.constant(np.array(at, np.int64))], axis=2), name),
                    1,
                    ("N", self.frame.horizon),
                )
            )
        flat = graph.node("Reshape", [wide, graph.constant(np.array([-1, self.frame.horizon * LEVELS], np.int64))])
        ends.append((graph.output(flat, "quantiles"), 1, ("N", self.frame.horizon * LEVELS)))
        return graph.finish(ends)


def conformal_misses(actual: np.ndarray, point: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Quantiles of the errors by step, [horizon, 9]: the ranks of split conformal prediction, which for n errors are those of n + 1."""
    errors = (actual - point) / scale
    count = len(errors)
    levels = [
        min(1.0, np.ceil((count + 1) * level) / count) if level > 0.5 else max(0.0, np.floor((count + 1) * level) / count)
        for level in QUANTILES
    ]
    levels[MIDDLE] = 0.5
    return np.quantile(errors, levels, axis=0).T
