"""Principal components: the directions in which the rows differ most."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from atoll_engines.unsupervised.algorithms.distances import emit_double, emit_float32, number
from atoll_engines.unsupervised.algorithms.model import Algorithm, Setting

if TYPE_CHECKING:
    from atoll_engines.recipes.graph import GraphBuilder


class Principal:
    """Hotelling 1933. The largest loading of a component is positive, so that equal data gives equal signs."""

    def __init__(self, params: dict[str, Any], setting: Setting) -> None:
        self.params, self.setting = params, setting

    def fit(self, x: np.ndarray) -> None:
        points = x.astype(np.float64)
        self.mean = points.mean(axis=0)
        variances, vectors = np.linalg.eigh(np.cov(points.T, ddof=1).reshape(points.shape[1], -1))
        variances, vectors = np.maximum(variances[::-1], 0), vectors[:, ::-1]
        total = variances.sum()
        self.shares = variances / total if total > 0 else variances
        count = min(int(self.params["components"]), points.shape[1])
        signs = np.sign(vectors[np.abs(vectors).argmax(axis=0), np.arange(vectors.shape[1])])
        self.weights = np.ascontiguousarray((vectors * np.where(signs == 0, 1.0, signs))[:, :count])

    def answer(self, x: np.ndarray) -> dict[str, np.ndarray]:
        return {"vector": ((x.astype(np.float64) - self.mean) @ self.weights).astype(np.float32)}

    def emit(self, graph: GraphBuilder, features: str) -> dict[str, str]:
        centred = graph.node("Sub", [emit_double(graph, features), number(graph, self.mean[None, :])])
        return {"vector": emit_float32(graph, graph.node("MatMul", [centred, number(graph, self.weights)]))}

    def facts(self) -> dict[str, Any]:
        count = self.weights.shape[1]
        return {
            "components": count,
            "explained": self.shares[:count].tolist(),
            "explainedAll": self.shares[:50].tolist(),
            "loadings": self.weights.T.tolist(),
        }

    def variance_parts(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Each row's squared distance from the training mean: what the components keep of it, and all of it."""
        centred = x.astype(np.float64) - self.mean
        return np.sum((centred @ self.weights) ** 2, axis=1), np.sum(centred**2, axis=1)


ALGORITHMS = (
    Algorithm(
        "pca", "Principal components", "projection",
        "The directions in which the rows differ most, as weighted sums of the columns that can be read.",
        Principal, {"components": 2}, {"components": {"int": [2, 20]}},
    ),
)  # fmt: skip
