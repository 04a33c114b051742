"""Support vector machine with a Gaussian kernel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from atoll_engines.onnx_models import outputs
from atoll_engines.tabular.algorithms.linear import medians
from atoll_engines.tabular.algorithms.model import CLASSIFICATION, REGRESSION, Algorithm, Setting, Watch
from atoll_engines.tabular.calibration import sigmoid_of_margins

if TYPE_CHECKING:
    from atoll_engines.recipes.graph import GraphBuilder

BLOCK = 1024
INNER_FOLDS = 3


@dataclass(frozen=True)
class Machine:
    """One machine's support vectors; its margin is kernel @ weights + offset."""

    vectors: np.ndarray
    weights: np.ndarray
    offset: float


class SupportVectors:
    """One machine for a regression or two classes, else one for each class against the rest.

    Margins become probabilities by a sigmoid fitted on inner folds (Platt 1999), and are then divided by their sum.
    """

    rounds = None

    def __init__(self, params: dict[str, Any], setting: Setting) -> None:
        self.params, self.setting = params, setting

    def fit(self, x: np.ndarray, y: np.ndarray, weights: np.ndarray | None = None, watch: Watch | None = None) -> None:
        self.fill = medians(x)
        rows = self.filled(x)
        self.gamma = self.params["gamma"] / max(1, rows.shape[1])
        self.machines: list[Machine] = []
        self.sigmoids: list[tuple[float, float]] = []
        if not self.setting.classes:
            self.middle, self.spread = float(y.mean()), float(y.std()) or 1.0
            self.machines.append(self._machine(rows, (y - self.middle) / self.spread, weights))
            return
        for positive in [1] if self.setting.classes == 2 else range(self.setting.classes):
            hit = (y == positive).astype(np.int64)
            if hit.min() == hit.max():
                self.machines.append(Machine(rows[:1], np.zeros(1), 0.0))
                self.sigmoids.append((0.0, 20.0 if hit[0] else -20.0))
                continue
            self.machines.append(self._machine(rows, hit, weights))
            self.sigmoids.append(sigmoid_of_margins(self._inner_margins(rows, hit, weights), hit == 1))

    def _machine(self, rows: np.ndarray, y: np.ndarray, weights: np.ndarray | None) -> Machine:
        from sklearn.svm import SVC, SVR

        if self.setting.classes:
            model = SVC(C=self.params["C"], gamma=self.gamma, cache_size=400, random_state=self.setting.seed)
        else:
            model = SVR(C=self.params["C"], gamma=self.gamma, epsilon=0.05, cache_size=400)
        model.fit(rows, y, sample_weight=weights)
        return Machine(model.support_vectors_, model.dual_coef_[0].astype(np.float64), float(model.intercept_[0]))

    def _inner_margins(self, rows: np.ndarray, hit: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
        from sklearn.model_selection import StratifiedKFold

        folds = min(INNER_FOLDS, int(np.bincount(hit).min()))
        if folds < 2:
            return self._margins(self.machines[-1], rows)
        margins = np.zeros(len(hit))
        for train, valid in StratifiedKFold(folds, shuffle=True, random_state=self.setting.seed).split(rows, hit):
            machine = self._machine(rows[train], hit[train], None if weights is None else weights[train])
            margins[valid] = self._margins(machine, rows[valid])
        return margins

    def _margins(self, machine: Machine, rows: np.ndarray) -> np.ndarray:
        norms = np.sum(machine.vectors**2, axis=1)
        parts = []
        for start in range(0, len(rows), BLOCK):
            part = rows[start : start + BLOCK]
            apart = norms - 2 * (part @ machine.vectors.T) + np.sum(part**2, axis=1, keepdims=True)
            parts.append(np.exp(-self.gamma * np.maximum(apart, 0)) @ machine.weights + machine.offset)
        return np.concatenate(parts) if parts else np.zeros(0)

    def predict(self, x: np.ndarray) -> np.ndarray:
        rows = self.filled(x)
        if not self.setting.classes:
            return (self._margins(self.machines[0], rows) * self.spread + self.middle).astype(np.float32)
        each = np.column_stack(
            [
                1 / (1 + np.exp(-(slope * self._margins(machine, rows) + offset)))
                for machine, (slope, offset) in zip(self.machines, self.sigmoids, strict=True)
            ]
        )
        if self.setting.classes == 2:
            return np.hstack([1 - each, each]).astype(np.float32)
        return (each / each.sum(axis=1, keepdims=True)).astype(np.float32)

    def emit(self, graph: GraphBuilder, features: str) -> str:
        def number(value: Any) -> str:
            return graph.constant(value, np.float64)

        rows = outputs.to_double(graph, outputs.fill_missing(graph, features, self.fill))
        squares = graph.node("ReduceSumSquare", [rows, graph.constant([1], np.int64)], keepdims=1)
        margins = []
        for machine in self.machines:
            norms = np.sum(machine.vectors**2, axis=1)
            product = graph.node("MatMul", [rows, number(-2 * machine.vectors.T)])
            apart = graph.node("Add", [graph.node("Add", [number(norms[None, :]), product]), squares])
            apart = graph.node("Max", [apart, number(0.0)])
            kernel = graph.node("Exp", [graph.node("Mul", [apart, number(-self.gamma)])])
            sums = graph.node("MatMul", [kernel, number(machine.weights[:, None])])
            margins.append(graph.node("Add", [sums, number(machine.offset)]))
        if not self.setting.classes:
            scaled = graph.node("Mul", [margins[0], number(self.spread)])
            return outputs.to_float(graph, graph.node("Add", [scaled, number(self.middle)]))
        each = [
            graph.node("Sigmoid", [graph.node("Add", [graph.node("Mul", [margin, number(slope)]), number(offset)])])
            for margin, (slope, offset) in zip(margins, self.sigmoids, strict=True)
        ]
        if self.setting.classes == 2:
            return outputs.to_float(graph, outputs.two_classes(graph, each[0], np.float64))
        joined = graph.node("Concat", each, axis=1)
        total = graph.node("ReduceSum", [joined, graph.constant([1], np.int64)], keepdims=1)
        return outputs.to_float(graph, graph.node("Div", [joined, total]))

    def filled(self, x: np.ndarray) -> np.ndarray:
        return np.where(np.isnan(x), self.fill, x).astype(np.float64)


ALGORITHMS = (
    Algorithm(
        "svm", "Support vector machine", CLASSIFICATION + REGRESSION, "distance", SupportVectors,
        # gamma is in units of one over the number of features.
        defaults={"C": 1.0, "gamma": 1.0},
        space={"C": {"float": [0.05, 100.0], "log": True}, "gamma": {"float": [0.05, 10.0], "log": True}},
        most_rows=8_000,
    ),
)  # fmt: skip
