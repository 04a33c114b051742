"""Maps to look at: t-SNE and UMAP layouts, where a new row is placed among its nearest mapped rows."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

import numpy as np

from atoll_engines.unsupervised.algorithms.distances import (
    emit_double,
    emit_float32,
    emit_squared_distances,
    in_blocks,
    number,
    squared_distances,
)
from atoll_engines.unsupervised.algorithms.model import Algorithm, Setting
from atoll_engines.unsupervised.algorithms.umap_layout import umap_layout

if TYPE_CHECKING:
    from atoll_engines.recipes.graph import GraphBuilder

# Among so many mapped rows a new one is placed, each pulling by the inverse of its squared distance.
PLACED_AMONG = 5
NEAREST = 1e-9


class Layout(ABC):
    """A map of the training rows; neither method maps new rows, so one is put at the weighted mean of its neighbours' places."""

    def __init__(self, params: dict[str, Any], setting: Setting) -> None:
        self.params, self.setting = params, setting

    def fit(self, x: np.ndarray) -> None:
        self.points = x.astype(np.float64)
        self.places = self.lay(self.points)
        self.count = min(PLACED_AMONG, len(x))

    @abstractmethod
    def lay(self, points: np.ndarray) -> np.ndarray:
        ...

    def answer(self, x: np.ndarray) -> dict[str, np.ndarray]:
        return {"vector": in_blocks(x, self._place, 256)}

    def _place(self, rows: np.ndarray) -> np.ndarray:
        squares = squared_distances(rows, self.points)
        near = np.argsort(squares, axis=1, kind="stable")[:, : self.count]
        apart = np.take_along_axis(squares, near, axis=1)
        pull = 1 / (apart + NEAREST * (1 + apart[:, -1:]))
        pull /= pull.sum(axis=1, keepdims=True)
        return np.sum(self.places[near] * pull[:, :, None], axis=1).astype(np.float32)

    def emit(self, graph: GraphBuilder, features: str) -> dict[str, str]:
        one = graph.constant([1], np.int64)
        squares = emit_squared_distances(graph, emit_double(graph, features), self.points)
        apart, which = graph.node(
            "TopK", [squares, graph.constant([self.count], np.int64)], outputs=2, axis=1, largest=0, sorted=1
        )
        farthest = graph.node("ReduceMax", [apart, one], keepdims=1)
        softening = graph.node("Mul", [graph.node("Add", [farthest, number(graph, 1.0)]), number(graph, NEAREST)])
        pull = graph.node("Div", [number(graph, 1.0), graph.node("Add", [apart, softening])])
        pull = graph.node("Div", [pull, graph.node("ReduceSum", [pull, one], keepdims=1)])
        places = graph.node("Gather", [number(graph, self.places), which], axis=0)
        pulled = graph.node("Mul", [places, graph.node("Unsqueeze", [pull, graph.constant([2], np.int64)])])
        return {"vector": emit_float32(graph, graph.node("ReduceSum", [pulled, one], keepdims=0))}

    def facts(self) -> dict[str, Any]:
        return {
            "components": self.places.shape[1], "points": len(self.points),
            "servedBy": f"the mean of the {self.count} nearest mapped rows' places, weighted by the inverse of their squared distance",
        }  # fmt: skip


class Tsne(Layout):
    """van der Maaten and Hinton 2008, by scikit-learn, from the principal components."""

    def lay(self, points: np.ndarray) -> np.ndarray:
        from sklearn.manifold import TSNE

        perplexity = min(float(self.params["perplexity"]), max(2.0, (len(points) - 1) / 3))
        model = TSNE(2, perplexity=perplexity, init="pca", random_state=self.setting.seed, n_jobs=self.setting.threads)
        return model.fit_transform(points).astype(np.float64)


class Umap(Layout):
    """McInnes, Healy and Melville 2018, by our own implementation."""

    def lay(self, points: np.ndarray) -> np.ndarray:
        return umap_layout(points, int(self.params["neighbours"]), float(self.params["closest"]), self.setting.seed)


ALGORITHMS = (
    Algorithm(
        "umap", "UMAP", "projection",
        "A map that keeps neighbours together and shows how groups hang together. New rows are placed among their neighbours.",
        Umap, {"neighbours": 15, "closest": 0.1},
        {"neighbours": {"int": [5, 50], "log": True}, "closest": {"float": [0.0, 0.8]}}, most_rows=4000,
    ),
    Algorithm(
        "tsne", "t-SNE", "projection",
        "A map that keeps neighbours together; distances between groups mean little. New rows are placed among their neighbours.",
        Tsne, {"perplexity": 30}, {"perplexity": {"float": [5, 60]}}, most_rows=4000,
    ),
)  # fmt: skip
