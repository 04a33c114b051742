"""How much each parameter mattered to a search: fANOVA over a forest fitted on its trials (Hutter et al. 2014)."""

from __future__ import annotations

from typing import Any

import numpy as np

from atoll_engines.tuning.space import Space

FEWEST_TRIALS = 8
TREES = 64


def importances(space: Space, trials: list[tuple[dict[str, Any], float]], seed: int = 0) -> dict[str, float]:
    """The share of the losses' variance that each parameter explains by itself; {} with too few trials to say.

    The marginal of a parameter is the forest's mean over all others, exactly: each leaf is a box, its volume its weight.
    """
    from sklearn.ensemble import RandomForestRegressor

    usable = [(space.to_unit(params), loss) for params, loss in trials if np.isfinite(loss)]
    if len(usable) < FEWEST_TRIALS or not len(space):
        return {}
    points = np.array([point for point, _ in usable])
    losses = np.array([loss for _, loss in usable])
    points = np.where(np.isnan(points), 0.5, points)
    # A choice's index is scaled to the unit interval, each value owning its part of it.
    sizes = np.where(space.is_choice, np.maximum(space.sizes, 1), 1)
    scaled = np.where(space.is_choice, (points + 0.5) / sizes, points)
    # Terrible trials would own all of the variance: what lies above the median counts by its rank.
    bent = np.minimum(losses, np.quantile(losses, 0.75))
    forest = RandomForestRegressor(TREES, min_samples_leaf=2, max_features=0.7, random_state=seed).fit(scaled, bent)
    shares = np.array([tree_shares(tree.tree_, len(space)) for tree in forest.estimators_])
    usable_trees = shares[np.isfinite(shares).all(axis=1)]
    if not len(usable_trees):
        return {}
    mean = usable_trees.mean(axis=0)
    return {axis.name: float(value) for axis, value in zip(space.axes, mean, strict=True)}


def tree_shares(tree: Any, dimensions: int) -> np.ndarray:
    """float64 [dimensions]: each parameter's part of one tree's variance over the unit cube; NaN where the tree is flat."""
    boxes, values = leaves(tree, dimensions)
    volumes = (boxes[:, :, 1] - boxes[:, :, 0]).prod(axis=1)
    mean = volumes @ values
    variance = volumes @ (values - mean) ** 2
    if variance <= 1e-15:
        return np.full(dimensions, np.nan)
    shares = np.empty(dimensions)
    for number in range(dimensions):
        edges = np.unique(boxes[:, number])
        middles = (edges[1:] + edges[:-1]) / 2
        widths = np.diff(edges)
        within = (boxes[:, number, 0][None] <= middles[:, None]) & (middles[:, None] < boxes[:, number, 1][None])
        others = volumes / (boxes[:, number, 1] - boxes[:, number, 0])
        marginal = within @ (others * values)
        shares[number] = widths @ (marginal - mean) ** 2 / variance
    return shares


def leaves(tree: Any, dimensions: int) -> tuple[np.ndarray, np.ndarray]:
    """Each leaf's box [leaves, dimensions, 2] and value."""
    boxes, values = [], []
    stack = [(0, np.tile([0.0, 1.0], (dimensions, 1)))]
    while stack:
        node, box = stack.pop()
        left, right = tree.children_left[node], tree.children_right[node]
        if left == right:
            boxes.append(box)
            values.append(float(tree.value[node].ravel()[0]))
            continue
        axis, at = tree.feature[node], min(1.0, max(0.0, float(tree.threshold[node])))
        below, above = box.copy(), box.copy()
        below[axis, 1], above[axis, 0] = min(at, box[axis, 1]), max(at, box[axis, 0])
        stack += [(left, below), (right, above)]
    return np.array(boxes), np.array(values)
