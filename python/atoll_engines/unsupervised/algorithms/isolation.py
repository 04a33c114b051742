"""Isolation forest: rows that few random cuts set apart are strange."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from atoll_engines.onnx_models.trees import Ensemble, Tree, at_most, emit_ensemble
from atoll_engines.unsupervised.algorithms.model import Algorithm, Setting

if TYPE_CHECKING:
    from atoll_engines.recipes.graph import GraphBuilder


class IsolationForest:
    """Liu, Ting and Zhou 2008: 2^(-mean depth / expected depth), between 0 and 1; above 0.5 is stranger than usual."""

    def __init__(self, params: dict[str, Any], setting: Setting) -> None:
        self.params, self.setting = params, setting

    def fit(self, x: np.ndarray) -> None:
        from sklearn.ensemble import IsolationForest as Library

        size = max(2, min(int(self.params["sample"]), len(x) // 2))
        model = Library(n_estimators=int(self.params["trees"]), max_samples=size, random_state=self.setting.seed, n_jobs=1)
        model.fit(x)
        self.usual = float(usual_depth(np.array([size]))[0])
        self.sample = size
        self.ensemble = Ensemble(1, np.zeros(1))
        for estimator in model.estimators_:
            self.ensemble.trees.append(depth_tree(estimator.tree_))

    def answer(self, x: np.ndarray) -> dict[str, np.ndarray]:
        depths = np.zeros(len(x), np.float32)
        for tree in self.ensemble.trees:
            depths += tree.value[leaves_of(tree, x), 0].astype(np.float32)
        return {"score": self._score(depths).astype(np.float32)[:, None]}

    def _score(self, depths: np.ndarray) -> np.ndarray:
        return np.exp2(-depths.astype(np.float64) / (len(self.ensemble.trees) * self.usual))

    def emit(self, graph: GraphBuilder, features: str) -> dict[str, str]:
        depths = graph.node("Cast", [emit_ensemble(graph, features, self.ensemble)], to=11)
        scale = -np.log(2.0) / (len(self.ensemble.trees) * self.usual)
        score = graph.node("Exp", [graph.node("Mul", [depths, graph.constant(scale, np.float64)])])
        return {"score": graph.node("Cast", [score], to=1)}

    def facts(self) -> dict[str, Any]:
        score = "2 to the power of minus the mean depth over the usual one"
        return {"trees": len(self.ensemble.trees), "sample": self.sample, "score": score}


def depth_tree(tree: Any) -> Tree:
    """Depth of each leaf, with the depth that its rows would still need."""
    depth = np.zeros(tree.node_count)
    for node in range(tree.node_count):
        for child in (tree.children_left[node], tree.children_right[node]):
            if child >= 0:
                depth[child] = depth[node] + 1
    value = depth + usual_depth(tree.n_node_samples)
    return Tree(
        feature=tree.feature, threshold=at_most(tree.threshold), left=tree.children_left, right=tree.children_right,
        missing_left=np.zeros(tree.node_count, bool), is_leaf=tree.children_left == -1, value=value[:, None],
    )  # fmt: skip


def leaves_of(tree: Tree, x: np.ndarray) -> np.ndarray:
    """The leaf that each row falls into."""
    nodes = np.zeros(len(x), np.int64)
    moving = np.arange(len(x)) if not tree.is_leaf[0] else np.zeros(0, np.int64)
    while len(moving):
        at = nodes[moving]
        goes_left = x[moving, tree.feature[at]] <= tree.threshold[at]
        nodes[moving] = np.where(goes_left, tree.left[at], tree.right[at])
        moving = moving[~tree.is_leaf[nodes[moving]]]
    return nodes


def usual_depth(rows: np.ndarray) -> np.ndarray:
    """The mean depth of a search that fails in a binary tree of so many rows."""
    rows = np.asarray(rows, np.float64)
    large = np.maximum(rows, 3)
    depth = 2 * (np.log(large - 1) + np.euler_gamma) - 2 * (large - 1) / large
    return np.where(rows <= 1, 0.0, np.where(rows == 2, 1.0, depth))


ALGORITHMS = (
    Algorithm(
        "isolation_forest", "Isolation forest", "anomaly",
        "Rows that a few random cuts set apart are strange. Very fast, good with many rows.",
        IsolationForest, {"trees": 200, "sample": 256},
        {"trees": {"int": [100, 400], "log": True}, "sample": {"int": [64, 512], "log": True}},
    ),
)  # fmt: skip
