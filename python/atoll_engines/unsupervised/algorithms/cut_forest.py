"""Robust random cut forest (Guha, Mishra, Roy and Schrijvers 2016): how much a row would displace the others.

A tree cuts its sample at random, each side as often as it is long, until every row is alone. A row is scored by its
collusive displacement on insertion: at the cut that would set it apart, how many rows would move, and, further up, how large
the other side of each cut is against its own. The tree is not changed by a row that is scored. Insertion draws its cuts at random;
the score is the exact expectation over those draws, so that the same row always gets the same score.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from atoll_engines.onnx_models.trees import at_most
from atoll_engines.unsupervised.algorithms.cut_forest_graph import emit_forest
from atoll_engines.unsupervised.algorithms.model import Algorithm, Setting

if TYPE_CHECKING:
    from atoll_engines.recipes.graph import GraphBuilder

# Beyond this a float32 feature's distance to a box would not add up in float64.
FARTHEST = np.float32(1e30)
# Bounds of boxes that the graph may hold.
MOST_BOUNDS = 8_000_000


@dataclass(frozen=True)
class CutTree:
    """One tree in arrays by node, root first; a leaf points to itself."""

    low: np.ndarray
    high: np.ndarray
    feature: np.ndarray
    cut: np.ndarray
    left: np.ndarray
    right: np.ndarray
    is_leaf: np.ndarray
    # The displacement of a row that is set apart at the node, and of one that equals the leaf's row.
    apart: np.ndarray
    equal: np.ndarray
    depth: int


def grow(sample: np.ndarray, random: np.random.Generator) -> CutTree:
    """Cut the sample until every part is one row, or equal rows."""
    low, high, feature, cut, left, right, apart, equal = ([] for _ in range(8))
    depth = 0
    waiting = [(np.arange(len(sample)), -1, False, 0.0, 1)]
    while waiting:
        rows, parent, is_right, above, level = waiting.pop()
        here = len(low)
        if parent >= 0:
            (right if is_right else left)[parent] = here
        points = sample[rows]
        low.append(points.min(axis=0))
        high.append(points.max(axis=0))
        apart.append(max(float(len(rows)), above))
        equal.append(above)
        depth = max(depth, level)
        lengths = high[-1].astype(np.float64) - low[-1]
        total = lengths.sum()
        left.append(here)
        right.append(here)
        if total <= 0:
            feature.append(0)
            cut.append(np.float32(0))
            continue
        dimension = int(np.searchsorted(np.cumsum(lengths), random.random() * total, side="right"))
        dimension = min(dimension, len(lengths) - 1)
        if lengths[dimension] <= 0:
            dimension = int(np.argmax(lengths))
        # Never at the upper end, so that both sides hold rows.
        place = at_most(np.float64(low[-1][dimension]) + random.random() * lengths[dimension])
        place = min(place, np.nextafter(high[-1][dimension], np.float32(-np.inf)))
        feature.append(dimension)
        cut.append(place)
        is_left = points[:, dimension] <= place
        sides = (rows[is_left], rows[~is_left])
        for side, others, is_second in ((sides[1], sides[0], True), (sides[0], sides[1], False)):
            # With the scored row among them, `side` would have one row more.
            waiting.append((side, here, is_second, max(above, len(others) / (len(side) + 1)), level + 1))
    nodes = np.arange(len(low))
    left, right = np.array(left), np.array(right)
    return CutTree(
        np.array(low, np.float32), np.array(high, np.float32), np.array(feature), np.array(cut, np.float32), left, right,
        left == nodes, np.array(apart), np.array(equal), depth,
    )  # fmt: skip


def displacement(tree: CutTree, x: np.ndarray) -> np.ndarray:
    """The expected collusive displacement of each row, [rows]; rows walk down together."""
    score = np.zeros(len(x))
    waiting = [(0, np.arange(len(x)), np.ones(len(x)))]
    while waiting:
        node, rows, mass = waiting.pop()
        points = x[rows]
        outside = beyond(points, tree.low[node], tree.high[node])
        if tree.is_leaf[node]:
            score[rows] += mass * np.where(outside > 0, tree.apart[node], tree.equal[node])
            continue
        span = float(np.sum(tree.high[node].astype(np.float64) - tree.low[node]))
        # How likely a random cut of the box with the row in it would set the row apart.
        chance = outside / (outside + span)
        score[rows] += mass * chance * tree.apart[node]
        mass = mass * (1 - chance)
        is_left = points[:, tree.feature[node]] <= tree.cut[node]
        for child, chosen in ((tree.left[node], is_left), (tree.right[node], ~is_left)):
            if chosen.any():
                waiting.append((child, rows[chosen], mass[chosen]))
    return score


def beyond(points: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """How much longer a box would be, over all sides, with each point in it."""
    return np.sum((np.maximum(low - points, 0) + np.maximum(points - high, 0)).astype(np.float64), axis=1)


class CutForest:
    """The mean of the trees' expected collusive displacements; about 1 for rows inside, up to the sample's size for strangers."""

    def __init__(self, params: dict[str, Any], setting: Setting) -> None:
        self.params, self.setting = params, setting

    def fit(self, x: np.ndarray) -> None:
        x = np.clip(x, -FARTHEST, FARTHEST)
        random = np.random.default_rng(self.setting.seed)
        # A row would hide behind itself if every tree held it.
        size = max(2, min(int(self.params["sample"]), len(x) // 2))
        bounds = 2 * (2 * size - 1) * x.shape[1]
        count = int(np.clip(MOST_BOUNDS // max(1, bounds), 10, int(self.params["trees"])))
        self.sample = size
        self.trees = [grow(x[random.choice(len(x), size, replace=False)], random) for _ in range(count)]

    def answer(self, x: np.ndarray) -> dict[str, np.ndarray]:
        points = np.clip(x, -FARTHEST, FARTHEST)
        total = np.zeros(len(x))
        for tree in self.trees:
            total += displacement(tree, points)
        return {"score": (total / len(self.trees)).astype(np.float32)[:, None]}

    def halves(self) -> list[CutForest]:
        """Two forests of every other tree: each tree has drawn its own rows, so they tell how steady the scores are."""
        parts = [CutForest(self.params, self.setting) for _ in range(2)]
        for start, part in enumerate(parts):
            part.sample, part.trees = self.sample, self.trees[start::2]
        return parts

    def emit(self, graph: GraphBuilder, features: str) -> dict[str, str]:
        clipped = graph.node("Clip", [features, graph.constant(-FARTHEST), graph.constant(FARTHEST)])
        return {"score": emit_forest(graph, clipped, self.trees)}

    def facts(self) -> dict[str, Any]:
        return {
            "trees": len(self.trees), "sample": self.sample,
            "score": "expected collusive displacement on insertion, averaged over the trees; the trees do not change with the rows scored",
        }  # fmt: skip


ALGORITHMS = (
    Algorithm(
        "random_cut_forest", "Random cut forest", "anomaly",
        "Scores how much a row would displace the others in trees of random cuts. Robust against useless columns.",
        CutForest, {"trees": 100, "sample": 256},
        {"trees": {"int": [40, 200], "log": True}, "sample": {"int": [64, 512], "log": True}},
    ),
)  # fmt: skip
