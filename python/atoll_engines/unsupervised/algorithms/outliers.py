"""Anomalies by neighbourhood and by a boundary: the local outlier factor and the one-class support vector machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from atoll_engines.unsupervised.algorithms.distances import (
    as_float32,
    emit_double,
    emit_float32,
    emit_squared_distances,
    in_blocks,
    number,
    squared_distances,
)
from atoll_engines.unsupervised.algorithms.model import Algorithm, Setting

if TYPE_CHECKING:
    from atoll_engines.recipes.graph import GraphBuilder

NEAREST = 1e-10


class LocalOutlierFactor:
    """Breunig, Kriegel, Ng and Sander 2000: how much sparser it is around a row than around its neighbours; 1 is usual."""

    def __init__(self, params: dict[str, Any], setting: Setting) -> None:
        self.params, self.setting = params, setting

    def fit(self, x: np.ndarray) -> None:
        from sklearn.neighbors import NearestNeighbors

        self.points = x.astype(np.float64)
        self.count = min(int(self.params["neighbours"]), len(x) - 1)
        far, which = NearestNeighbors(n_neighbors=self.count).fit(self.points).kneighbors()
        self.reach = far[:, -1]
        self.density = 1 / (np.mean(np.maximum(far, self.reach[which]), axis=1) + NEAREST)

    def answer(self, x: np.ndarray) -> dict[str, np.ndarray]:
        return {"score": in_blocks(x, self._score, 256)}

    def _score(self, rows: np.ndarray) -> np.ndarray:
        squares = squared_distances(rows, self.points)
        near = np.argsort(squares, axis=1, kind="stable")[:, : self.count]
        apart = np.sqrt(np.take_along_axis(squares, near, axis=1))
        own = 1 / (np.mean(np.maximum(apart, self.reach[near]), axis=1) + NEAREST)
        return as_float32(np.mean(self.density[near], axis=1) / own)[:, None]

    def emit(self, graph: GraphBuilder, features: str) -> dict[str, str]:
        one = graph.constant([1], np.int64)
        squares = emit_squared_distances(graph, emit_double(graph, features), self.points)
        nearest, which = graph.node(
            "TopK", [squares, graph.constant([self.count], np.int64)], outputs=2, axis=1, largest=0, sorted=1
        )
        reach = graph.node("Gather", [number(graph, self.reach), which], axis=0)
        apart = graph.node("Max", [graph.node("Sqrt", [nearest]), reach])
        mean = graph.node("Add", [graph.node("ReduceMean", [apart, one], keepdims=1), number(graph, NEAREST)])
        around = graph.node("ReduceMean", [graph.node("Gather", [number(graph, self.density), which], axis=0), one], keepdims=1)
        return {"score": emit_float32(graph, graph.node("Mul", [around, mean]))}

    def facts(self) -> dict[str, Any]:
        return {"neighbours": self.count, "points": len(self.points), "score": "density around the neighbours over density around the row"}


class OneClassBoundary:
    """Schölkopf and others 2001, with a radial kernel: how far outside the boundary around the usual rows."""

    def __init__(self, params: dict[str, Any], setting: Setting) -> None:
        self.params, self.setting = params, setting

    def fit(self, x: np.ndarray) -> None:
        from sklearn.svm import OneClassSVM

        points = x.astype(np.float64)
        model = OneClassSVM(nu=float(self.params["nu"]), gamma="scale").fit(points)
        self.gamma = float(model._gamma)
        self.points, self.weights = model.support_vectors_, model.dual_coef_[0] / model.dual_coef_[0].sum()
        self.edge = float(-model.intercept_[0] / model.dual_coef_[0].sum())

    def answer(self, x: np.ndarray) -> dict[str, np.ndarray]:
        return {"score": in_blocks(x, self._score)}

    def _score(self, rows: np.ndarray) -> np.ndarray:
        inside = np.exp(-self.gamma * squared_distances(rows, self.points)) @ self.weights
        return (self.edge - inside).astype(np.float32)[:, None]

    def emit(self, graph: GraphBuilder, features: str) -> dict[str, str]:
        squares = emit_squared_distances(graph, emit_double(graph, features), self.points)
        kernel = graph.node("Exp", [graph.node("Mul", [squares, number(graph, -self.gamma)])])
        inside = graph.node("MatMul", [kernel, number(graph, self.weights[:, None])])
        return {"score": emit_float32(graph, graph.node("Sub", [number(graph, self.edge), inside]))}

    def facts(self) -> dict[str, Any]:
        return {"supportVectors": len(self.points), "score": "distance outside the boundary, in units of the kernel; below 0 is inside"}


ALGORITHMS = (
    Algorithm(
        "local_outlier_factor", "Local outlier factor", "anomaly",
        "Compares how sparse it is around a row with its neighbours. Finds rows that are strange only where they are.",
        LocalOutlierFactor, {"neighbours": 20}, {"neighbours": {"int": [5, 60], "log": True}}, most_rows=5000,
    ),
    Algorithm(
        "one_class_svm", "One-class SVM", "anomaly",
        "A smooth boundary around the usual rows. Good on small tables with few columns.",
        OneClassBoundary, {"nu": 0.1}, {"nu": {"float": [0.01, 0.5], "log": True}}, most_rows=10_000,
    ),
)  # fmt: skip
