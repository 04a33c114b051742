"""CatBoost's symmetric trees as tree ensembles, read from the library's own JSON form."""

from __future__ import annotations

from typing import Any

import numpy as np

from atoll_engines.errors import EngineError
from atoll_engines.onnx_models.trees import Ensemble, Tree


def catboost_ensemble(model: dict[str, Any]) -> Ensemble:
    """A model saved with `format="json"` as margins."""
    if model["features_info"].get("categorical_features") or "trees" in model:
        raise EngineError("Only CatBoost's symmetric trees over numbers have a faithful ONNX form here.")
    scale, bias = model["scale_and_bias"]
    base = np.atleast_1d(np.array(bias, np.float64))
    trees = model["oblivious_trees"]
    outputs = len(trees[0]["leaf_values"]) // len(trees[0]["leaf_weights"]) if trees else len(base)
    if base.size == 1:
        base = np.repeat(base, outputs)
    columns = {
        column["feature_index"]: (column["flat_feature_index"], column["nan_value_treatment"] == "AsTrue")
        for column in model["features_info"]["float_features"]
    }
    ensemble = Ensemble(outputs, base)
    for tree in trees:
        ensemble.trees.append(unfolded(tree, columns, outputs, scale))
    return ensemble


def unfolded(tree: dict[str, Any], columns: dict[int, tuple[int, bool]], outputs: int, scale: float) -> Tree:
    """A symmetric tree of depth d as a full binary tree: the last split at the root, the first one above the leaves.

    The leaf's number has bit k set where split k says `x > border`; so walking from the highest bit down, the leaves
    come out in order.
    """
    splits = (tree.get("splits") or [])[::-1]
    depth = len(splits)
    inner, total = 2**depth - 1, 2 ** (depth + 1) - 1
    feature, threshold = np.zeros(total, np.int64), np.zeros(total, np.float32)
    missing_left = np.zeros(total, bool)
    for level, split in enumerate(splits):
        if split["split_type"] != "FloatFeature":
            raise EngineError("Only CatBoost's splits on numbers have a faithful ONNX form here.")
        here = slice(2**level - 1, 2 ** (level + 1) - 1)
        feature[here], missing_goes_right = columns[split["float_feature_index"]]
        threshold[here] = np.float32(split["border"])
        missing_left[here] = not missing_goes_right
    index = np.arange(total)
    value = np.zeros((total, outputs))
    value[inner:] = np.array(tree["leaf_values"], np.float64).reshape(-1, outputs) * scale
    is_leaf = index >= inner
    return Tree(
        feature=feature,
        threshold=threshold,
        left=np.where(is_leaf, 0, 2 * index + 1),
        right=np.where(is_leaf, 0, 2 * index + 2),
        missing_left=missing_left,
        is_leaf=is_leaf,
        value=value,
        cover=cover_of(tree, inner, total),
    )


def cover_of(tree: dict[str, Any], inner: int, total: int) -> np.ndarray | None:
    """The weight of rows by node: that of a leaf, and of an inner node the sum of its children's."""
    weights = tree.get("leaf_weights")
    if not weights or len(weights) != total - inner:
        return None
    cover = np.zeros(total)
    cover[inner:] = weights
    for node in range(inner - 1, -1, -1):
        cover[node] = cover[2 * node + 1] + cover[2 * node + 2]
    return cover
