"""k nearest neighbours, with the same distances in Python and in the graph; many rows are found through lists of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from atoll_engines.onnx_models import outputs
from atoll_engines.tabular.algorithms.linear import medians
from atoll_engines.tabular.algorithms.model import CLASSIFICATION, REGRESSION, Algorithm, Setting, Watch
from atoll_engines.tabular.algorithms.neighbour_lists import NeighbourLists

if TYPE_CHECKING:
    from atoll_engines.recipes.graph import GraphBuilder

# Rows compared at once, so that the table of distances stays within memory.
BLOCK = 512
LISTED_BLOCK = 20_000
NEAREST = 1e-6
# With more rows than this a request is compared with those of the nearest lists only.
EXACT_ROWS = 20_000


class Neighbours:
    """Squared distances in float64 as |a|² - 2ab + |b|², rounded to float32 so that equal ones stay equal.

    Of equal distances the row that came first counts, in Python as in the graph.
    """

    rounds = None

    def __init__(self, params: dict[str, Any], setting: Setting) -> None:
        self.params, self.setting = params, setting

    def fit(self, x: np.ndarray, y: np.ndarray, weights: np.ndarray | None = None, watch: Watch | None = None) -> None:
        self.fill = medians(x)
        self.points = self.filled(x)
        self.lists: NeighbourLists | None = None
        self.answers = np.eye(self.setting.classes)[y] if self.setting.classes else y[:, None].astype(np.float64)
        if weights is not None:
            self.answers = self.answers * weights[:, None]
        self.votes = np.ones(len(y)) if weights is None else weights.astype(np.float64)
        self.count = int(min(self.params["neighbours"], len(y)))
        self.norms = np.sum(self.points**2, axis=1)
        if len(y) > EXACT_ROWS:
            self.lists = NeighbourLists(self.points, self.count, self.setting.seed)
            # The lists hold them.
            self.points, self.norms = self.points[:0], self.norms[:0]

    def predict(self, x: np.ndarray) -> np.ndarray:
        filled = self.filled(x)
        size = BLOCK if self.lists is None else LISTED_BLOCK
        parts = [self._answer(filled[start : start + size]) for start in range(0, len(filled), size)]
        result = np.concatenate(parts) if parts else np.zeros((0, self.answers.shape[1]))
        return (result if self.setting.classes else result[:, 0]).astype(np.float32)

    def _answer(self, rows: np.ndarray) -> np.ndarray:
        if self.lists is not None:
            near, distances = self.lists.nearest(rows)
            return self._vote(near, distances)
        distances = (self.norms - 2 * (rows @ self.points.T)) + np.sum(rows**2, axis=1, keepdims=True)
        distances = np.maximum(distances, 0).astype(np.float32)
        near = self._nearest(distances)
        return self._vote(near, np.take_along_axis(distances, near, axis=1))

    def _vote(self, near: np.ndarray, distances: np.ndarray) -> np.ndarray:
        pull = self.votes[near]
        is_weighed = self.params["weights"] == "distance"
        closeness = 1 / (np.sqrt(distances.astype(np.float64)) + NEAREST) if is_weighed else np.ones_like(pull)
        total = np.sum(self.answers[near] * closeness[:, :, None], axis=1)
        return total / np.sum(pull * closeness, axis=1, keepdims=True)

    def _nearest(self, distances: np.ndarray) -> np.ndarray:
        """Positions of the nearest points; the key joins distance and position, so equal distances go by position."""
        key = distances.view(np.uint32).astype(np.uint64) << np.uint64(32)
        key |= np.arange(distances.shape[1], dtype=np.uint64)
        if self.count < distances.shape[1]:
            key = np.partition(key, self.count - 1, axis=1)[:, : self.count]
        return (np.sort(key, axis=1) & np.uint64(0xFFFFFFFF)).astype(np.int64)

    def emit(self, graph: GraphBuilder, features: str) -> str:
        def number(value: Any) -> str:
            return graph.constant(value, np.float64)

        rows = outputs.to_double(graph, outputs.fill_missing(graph, features, self.fill))
        which, nearest = self._emit_nearest(graph, rows) if self.lists is None else self.lists.emit(graph, rows)
        answers = graph.node("Gather", [number(self.answers), which], axis=0)
        pull = graph.node("Gather", [number(self.votes), which], axis=0)
        if self.params["weights"] == "distance":
            far = graph.node("Add", [graph.node("Sqrt", [outputs.to_double(graph, nearest)]), number(NEAREST)])
            closeness = graph.node("Div", [number(1.0), far])
            pull = graph.node("Mul", [pull, closeness])
            answers = graph.node("Mul", [answers, graph.node("Unsqueeze", [closeness, graph.constant([2], np.int64)])])
        total = graph.node("ReduceSum", [answers, graph.constant([1], np.int64)], keepdims=0)
        weight = graph.node("ReduceSum", [pull, graph.constant([1], np.int64)], keepdims=1)
        return outputs.to_float(graph, graph.node("Div", [total, weight]))

    def _emit_nearest(self, graph: GraphBuilder, rows: str) -> tuple[str, str]:
        def number(value: Any) -> str:
            return graph.constant(value, np.float64)

        product = graph.node("MatMul", [rows, number(-2 * self.points.T)])
        squares = graph.node("ReduceSumSquare", [rows, graph.constant([1], np.int64)], keepdims=1)
        distances = graph.node("Add", [graph.node("Add", [number(self.norms[None, :]), product]), squares])
        distances = outputs.to_float(graph, graph.node("Max", [distances, number(0.0)]))
        count = graph.constant([self.count], np.int64)
        nearest, which = graph.node("TopK", [distances, count], outputs=2, axis=1, largest=0, sorted=1)
        return which, nearest

    def filled(self, x: np.ndarray) -> np.ndarray:
        return np.where(np.isnan(x), self.fill, x).astype(np.float64)


ALGORITHMS = (
    Algorithm(
        "knn", "k nearest neighbours", CLASSIFICATION + REGRESSION, "distance", Neighbours,
        defaults={"neighbours": 15, "weights": "distance"},
        space={"neighbours": {"int": [1, 60], "log": True}, "weights": {"choice": ["uniform", "distance"]}},
        # The graph carries every point.
        most_rows=500_000,
    ),
)  # fmt: skip
