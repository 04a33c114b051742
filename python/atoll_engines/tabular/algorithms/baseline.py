"""The baseline: the class shares, or the mean, whatever the row says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from atoll_engines.tabular.algorithms.model import CLASSIFICATION, REGRESSION, Algorithm, Setting, Watch

if TYPE_CHECKING:
    from atoll_engines.recipes.graph import GraphBuilder


class Baseline:
    rounds = None

    def __init__(self, params: dict[str, Any], setting: Setting) -> None:
        self.setting = setting
        self.answer = np.zeros(max(1, setting.classes), np.float32)

    def fit(self, x: np.ndarray, y: np.ndarray, weights: np.ndarray | None = None, watch: Watch | None = None) -> None:
        if y.ndim == 2:
            self.answer = y.mean(axis=0).astype(np.float32)
        elif self.setting.classes:
            counts = np.bincount(y, weights, minlength=self.setting.classes)
            self.answer = (counts / counts.sum()).astype(np.float32)
        else:
            self.answer = np.array([np.average(y, weights=weights)], np.float32)

    def predict(self, x: np.ndarray) -> np.ndarray:
        rows = np.tile(self.answer, (len(x), 1))
        return rows if self.setting.classes else rows[:, 0]

    def emit(self, graph: GraphBuilder, features: str) -> str:
        rows = graph.node("Shape", [features], start=0, end=1)
        shape = graph.node("Concat", [rows, graph.constant([1], np.int64)], axis=0)
        return graph.node("Expand", [graph.constant(self.answer[None, :], np.float32), shape])


ALGORITHMS = (Algorithm("baseline", "Baseline", CLASSIFICATION + REGRESSION, None, Baseline),)
