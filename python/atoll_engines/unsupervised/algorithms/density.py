"""Dense groups and noise: DBSCAN and HDBSCAN, served by the nearest dense point within reach."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from atoll_engines.errors import EngineError
from atoll_engines.unsupervised.algorithms.distances import (
    as_float32,
    emit_double,
    emit_float32,
    emit_squared_distances,
    in_blocks,
    number,
    squared_distances,
)
from atoll_engines.unsupervised.algorithms.model import NOISE, Algorithm, Setting

if TYPE_CHECKING:
    from atoll_engines.recipes.graph import GraphBuilder


class DensePoints:
    """A row belongs to the cluster whose nearest dense point is nearest, measured in that cluster's reach; beyond the reach it is noise.

    `distances` are in reaches: 1 is the edge of a cluster.
    """

    points: np.ndarray
    # Points of a cluster lie together; where each cluster starts, and its end.
    bounds: np.ndarray
    reach: np.ndarray
    # Rows nearer than this to a point are taken to be this far away: the point's own core distance.
    floors: np.ndarray

    def __init__(self, params: dict[str, Any], setting: Setting) -> None:
        self.params, self.setting = params, setting

    def hold(self, points: np.ndarray, labels: np.ndarray, floors: np.ndarray, reach: np.ndarray) -> None:
        """Keep the dense points by cluster, the largest cluster first."""
        names, sizes = np.unique(labels, return_counts=True)
        if not len(names):
            raise EngineError(
                "No part of the rows is denser than the rest with these settings, so there is no cluster; "
                "try fewer neighbours or a wider reach."
            )
        order = np.argsort(-sizes, kind="stable")
        places = np.concatenate([np.flatnonzero(labels == names[k]) for k in order])
        self.points, self.floors = points[places].astype(np.float64), floors[places] ** 2
        self.bounds = np.concatenate([[0], np.cumsum(sizes[order])])
        self.reach = reach[order]

    def answer(self, x: np.ndarray) -> dict[str, np.ndarray]:
        ratios = in_blocks(x, self._ratios, 256)
        nearest = ratios.argmin(axis=1)
        inside = ratios.min(axis=1) <= 1.0
        return {"cluster": np.where(inside, nearest, NOISE), "distances": as_float32(np.sqrt(ratios))}

    def _ratios(self, rows: np.ndarray) -> np.ndarray:
        squares = np.maximum(squared_distances(rows, self.points), self.floors)
        nearest = np.minimum.reduceat(squares, self.bounds[:-1], axis=1)
        return nearest / self.reach**2

    def emit(self, graph: GraphBuilder, features: str) -> dict[str, str]:
        squares = emit_squared_distances(graph, emit_double(graph, features), self.points)
        squares = graph.node("Max", [squares, number(graph, self.floors[None, :])])
        parts = graph.node(
            "Split", [squares, graph.constant(np.diff(self.bounds), np.int64)], outputs=len(self.reach), axis=1
        )
        parts = [parts] if isinstance(parts, str) else parts
        nearest = [graph.node("ReduceMin", [one, graph.constant([1], np.int64)], keepdims=1) for one in parts]
        ratios = graph.node("Concat", nearest, axis=1)
        ratios = graph.node("Div", [ratios, number(graph, (self.reach**2)[None, :])])
        first = graph.node("ArgMin", [ratios], axis=1, keepdims=0, select_last_index=0)
        least = graph.node("ReduceMin", [ratios, graph.constant([1], np.int64)], keepdims=0)
        inside = graph.node("LessOrEqual", [least, number(graph, 1.0)])
        return {
            "cluster": graph.node("Where", [inside, first, graph.constant(NOISE, np.int64)]),
            "distances": emit_float32(graph, graph.node("Sqrt", [ratios])),
        }


class Dbscan(DensePoints):
    """Ester, Kriegel, Sander and Xu 1996. A border row may go to another of the clusters within reach than the library's walk gives it."""

    def fit(self, x: np.ndarray) -> None:
        from sklearn.cluster import DBSCAN
        from sklearn.neighbors import NearestNeighbors

        points, least = x.astype(np.float64), int(self.params["neighbours"])
        least = min(least, len(points) - 1)
        far = NearestNeighbors(n_neighbors=least).fit(points).kneighbors()[0][:, -1]
        self.eps = float(np.quantile(far, float(self.params["reach"])))
        # Many equal rows make the usual distance 0; the smallest distance that is not is then the reach.
        if self.eps == 0:
            self.eps = float(far[far > 0].min()) if np.any(far > 0) else 1.0
        model = DBSCAN(eps=self.eps, min_samples=least + 1).fit(points)
        core = model.core_sample_indices_
        labels = model.labels_[core]
        self.hold(points[core], labels, np.zeros(len(core)), np.full(len(np.unique(labels)), self.eps))

    def facts(self) -> dict[str, Any]:
        return {"clusters": len(self.reach), "eps": self.eps, "corePoints": len(self.points),
                "servedBy": "the nearest core point within eps"}  # fmt: skip


class Hdbscan(DensePoints):
    """Campello, Moulavi and Sander 2013. A cluster's reach is the longest edge that joins its rows, by mutual reachability."""

    def fit(self, x: np.ndarray) -> None:
        from sklearn.cluster import HDBSCAN
        from sklearn.neighbors import NearestNeighbors

        points = x.astype(np.float64)
        least = min(int(self.params["neighbours"]), len(points) - 1)
        smallest = max(5, round(float(self.params["smallest"]) * len(points)))
        model = HDBSCAN(min_cluster_size=min(smallest, len(points)), min_samples=least + 1, copy=True).fit(points)
        labels = model.labels_
        core = NearestNeighbors(n_neighbors=least).fit(points).kneighbors()[0][:, -1]
        held = labels >= 0
        names = np.unique(labels[held])
        reach = np.array([longest_edge(points[labels == name], core[labels == name]) for name in names])
        self.hold(points[held], labels[held], core[held], np.maximum(reach, 1e-12))

    def facts(self) -> dict[str, Any]:
        return {"clusters": len(self.reach), "reach": self.reach.tolist(), "points": len(self.points),
                "servedBy": "the nearest clustered row within its cluster's reach"}  # fmt: skip


def longest_edge(points: np.ndarray, core: np.ndarray) -> float:
    """The longest edge of the minimum spanning tree by mutual reachability (Prim 1957)."""
    here, best = 0, np.full(len(points), np.inf)
    left = np.ones(len(points), bool)
    left[0] = False
    longest = float(core.min()) if len(core) else 0.0
    for _ in range(len(points) - 1):
        apart = np.sqrt(np.sum((points - points[here]) ** 2, axis=1))
        best = np.minimum(best, np.maximum(np.maximum(apart, core), core[here]))
        here = int(np.argmin(np.where(left, best, np.inf)))
        longest, left[here] = max(longest, float(best[here])), False
    return longest


ALGORITHMS = (
    Algorithm(
        "dbscan", "DBSCAN", "clustering",
        "Finds dense groups of any shape and leaves sparse rows out as noise. The reach is set by how far neighbours usually are.",
        Dbscan, {"neighbours": 8, "reach": 0.9},
        {"neighbours": {"int": [4, 40], "log": True}, "reach": {"float": [0.5, 0.99]}},
        tries=lambda rows: [{"neighbours": n, "reach": r} for n in (5, 12) for r in (0.8, 0.9, 0.95)],
        most_rows=8000,
    ),
    Algorithm(
        "hdbscan", "HDBSCAN", "clustering",
        "Like DBSCAN with a reach of its own for each cluster, so that tight and loose clusters are both found.",
        Hdbscan, {"neighbours": 8, "smallest": 0.03},
        {"neighbours": {"int": [4, 40], "log": True}, "smallest": {"float": [0.01, 0.2], "log": True}},
        tries=lambda rows: [{"neighbours": n, "smallest": s} for n in (5, 12) for s in (0.02, 0.05)],
        most_rows=5000,
    ),
)  # fmt: skip
