"""Groups around centres: k-means, and hierarchical clustering served by the centres of its groups."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from atoll_engines.unsupervised.algorithms.distances import (
    as_float32,
    emit_double,
    emit_float32,
    emit_squared_distances,
    in_blocks,
    squared_distances,
)
from atoll_engines.unsupervised.algorithms.model import Algorithm, Setting

if TYPE_CHECKING:
    from atoll_engines.recipes.graph import GraphBuilder

MOST_MERGES_SHOWN = 40


class Centres:
    """A row belongs to the nearest centre; of equal ones to the first."""

    centres: np.ndarray

    def __init__(self, params: dict[str, Any], setting: Setting) -> None:
        self.params, self.setting = params, setting

    def answer(self, x: np.ndarray) -> dict[str, np.ndarray]:
        squares = in_blocks(x, lambda rows: squared_distances(rows, self.centres))
        return {"cluster": squares.argmin(axis=1), "distances": as_float32(np.sqrt(squares))}

    def emit(self, graph: GraphBuilder, features: str) -> dict[str, str]:
        squares = emit_squared_distances(graph, emit_double(graph, features), self.centres)
        return {
            "cluster": graph.node("ArgMin", [squares], axis=1, keepdims=0, select_last_index=0),
            "distances": emit_float32(graph, graph.node("Sqrt", [squares])),
        }


class KMeans(Centres):
    """Lloyd's algorithm from k-means++ starts, the best of ten (Arthur and Vassilvitskii 2007)."""

    def fit(self, x: np.ndarray) -> None:
        from sklearn.cluster import KMeans as Library

        model = Library(int(self.params["clusters"]), n_init=int(self.params["starts"]), random_state=self.setting.seed)
        model.fit(x.astype(np.float64))
        # The largest group is number 0, whatever order the starts gave.
        order = np.argsort(-np.bincount(model.labels_, minlength=len(model.cluster_centers_)), kind="stable")
        self.centres, self.inertia = model.cluster_centers_[order], float(model.inertia_)

    def facts(self) -> dict[str, Any]:
        return {"clusters": len(self.centres), "inertia": self.inertia}


class Hierarchical(Centres):
    """Ward's hierarchy (1963), cut at a number of groups; a row is then given to the nearest of the groups' centres."""

    def fit(self, x: np.ndarray) -> None:
        from scipy.cluster.hierarchy import fcluster, linkage

        points = x.astype(np.float64)
        self.merges = linkage(points, "ward")
        found = fcluster(self.merges, int(self.params["clusters"]), "maxclust")
        names, numbers, sizes = np.unique(found, return_inverse=True, return_counts=True)
        order = np.argsort(-sizes, kind="stable")
        self.centres = np.array([points[found == names[k]].mean(axis=0) for k in order])
        own = np.argsort(order)[numbers]
        self.agreement = float(np.mean(own == self.answer(x)["cluster"]))

    def facts(self) -> dict[str, Any]:
        return {
            "clusters": len(self.centres),
            "servedAsCut": self.agreement,
            "servedBy": "the nearest centre of the groups that the hierarchy was cut into",
            "dendrogram": self.dendrogram(),
        }

    def dendrogram(self) -> list[dict[str, Any]]:
        """The last merges, the highest first: each names its two sides, by merge or by the number of rows below."""
        rows = len(self.merges) + 1
        first = max(0, len(self.merges) - MOST_MERGES_SHOWN)

        def side(number: float) -> dict[str, Any]:
            place = int(number) - rows
            size = 1 if place < 0 else int(self.merges[place, 3])
            return {"merge": place - first, "rows": size} if place >= first else {"merge": None, "rows": size}

        shown = self.merges[first:]
        return [
            {"height": float(height), "left": side(left), "right": side(right), "rows": int(size)}
            for left, right, height, size in shown
        ]

    def __getstate__(self) -> dict[str, Any]:
        # The whole hierarchy is as long as the table; what is shown of it is in the facts.
        return {name: value for name, value in self.__dict__.items() if name != "merges"}


def numbers_of_clusters(rows: int) -> list[int]:
    """2 to 10 groups, fewer where there would be under ten rows for each."""
    return list(range(2, max(3, min(10, rows // 10) + 1)))


ALGORITHMS = (
    Algorithm(
        "kmeans", "k-means", "clustering",
        "Groups around centres. Fast, and each group is described by its centre.",
        KMeans, {"clusters": 4, "starts": 10}, {"clusters": {"int": [2, 10]}},
        tries=lambda rows: [{"clusters": k} for k in numbers_of_clusters(rows)],
    ),
    Algorithm(
        "hierarchical", "Hierarchical (Ward)", "clustering",
        "Joins the two nearest groups again and again; the tree of merges shows how many groups there are. "
        "A new row goes to the nearest centre of its groups.",
        Hierarchical, {"clusters": 4}, {"clusters": {"int": [2, 10]}},
        tries=lambda rows: [{"clusters": k} for k in numbers_of_clusters(rows)], most_rows=5000,
    ),
)  # fmt: skip
