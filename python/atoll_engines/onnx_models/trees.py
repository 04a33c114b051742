"""Tree ensembles as one ai.onnx.ml node whose comparisons equal the library's on float32 features."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from atoll_engines.recipes.graph import GraphBuilder

LEAF = -1
LESS_OR_EQUAL, LESS = "BRANCH_LEQ", "BRANCH_LT"


@dataclass(frozen=True)
class Tree:
    """One tree in arrays by node, root first; `left` is taken where the comparison holds."""

    feature: np.ndarray
    threshold: np.ndarray
    left: np.ndarray
    right: np.ndarray
    missing_left: np.ndarray
    is_leaf: np.ndarray
    # [nodes, outputs of this tree]; only the rows of leaves are read.
    value: np.ndarray
    # The first output that this tree adds to.
    target: int = 0
    # Training rows (or their weight) that came by each node: what a path says of columns that are not known.
    cover: np.ndarray | None = None


@dataclass
class Ensemble:
    """Trees whose leaves add up, on top of a base value for each output."""

    outputs: int
    base: np.ndarray
    comparison: str = LESS_OR_EQUAL
    trees: list[Tree] = field(default_factory=list)


def emit_ensemble(graph: GraphBuilder, features: str, ensemble: Ensemble) -> str:
    """The sums of an ensemble, float32 [N, outputs]."""
    nodes: dict[str, list[np.ndarray]] = {name: [] for name in NODE_ATTRIBUTES}
    leaves: dict[str, list[np.ndarray]] = {name: [] for name in LEAF_ATTRIBUTES}
    modes: list[str] = []
    for number, tree in enumerate(ensemble.trees):
        add_nodes(nodes, number, tree)
        add_leaves(leaves, number, tree)
        modes.extend(np.where(tree.is_leaf, "LEAF", ensemble.comparison).tolist())
    attributes = {name: np.concatenate(parts).tolist() for name, parts in (nodes | leaves).items()}
    covers = [tree.cover for tree in ensemble.trees]
    if covers and all(cover is not None for cover in covers):
        # The standard's own place for it; runtimes do not read it.
        attributes["nodes_hitrates"] = np.concatenate(covers).astype(np.float32).astype(np.float64).tolist()
    return graph.node(
        "TreeEnsembleRegressor",
        [features],
        domain="ai.onnx.ml",
        hint="trees",
        n_targets=ensemble.outputs,
        base_values=[float(value) for value in np.float32(ensemble.base)],
        aggregate_function="SUM",
        post_transform="NONE",
        nodes_modes=modes,
        **attributes,
    )


NODE_ATTRIBUTES = (
    "nodes_treeids", "nodes_nodeids", "nodes_featureids", "nodes_values", "nodes_truenodeids", "nodes_falsenodeids",
    "nodes_missing_value_tracks_true",
)  # fmt: skip
LEAF_ATTRIBUTES = ("target_treeids", "target_nodeids", "target_ids", "target_weights")


def add_nodes(nodes: dict[str, list[np.ndarray]], number: int, tree: Tree) -> None:
    count = len(tree.feature)
    inner = ~tree.is_leaf
    nodes["nodes_treeids"].append(np.full(count, number))
    nodes["nodes_nodeids"].append(np.arange(count))
    nodes["nodes_featureids"].append(np.where(inner, tree.feature, 0).astype(np.int64))
    nodes["nodes_values"].append(np.where(inner, tree.threshold, 0).astype(np.float32).astype(np.float64))
    nodes["nodes_truenodeids"].append(np.where(inner, tree.left, 0).astype(np.int64))
    nodes["nodes_falsenodeids"].append(np.where(inner, tree.right, 0).astype(np.int64))
    nodes["nodes_missing_value_tracks_true"].append((inner & tree.missing_left).astype(np.int64))


def add_leaves(leaves: dict[str, list[np.ndarray]], number: int, tree: Tree) -> None:
    where = np.flatnonzero(tree.is_leaf)
    width = tree.value.shape[1]
    leaves["target_treeids"].append(np.full(where.size * width, number))
    leaves["target_nodeids"].append(np.repeat(where, width))
    leaves["target_ids"].append(np.tile(np.arange(tree.target, tree.target + width), where.size))
    leaves["target_weights"].append(tree.value[where].astype(np.float32).astype(np.float64).ravel())


def at_most(threshold: np.ndarray) -> np.ndarray:
    """The largest float32 not above a float64 threshold t: for a float32 x, `x <= t` holds just when `x <= at_most(t)`."""
    threshold = np.asarray(threshold, np.float64)
    with np.errstate(over="ignore"):
        rounded = threshold.astype(np.float32)
    above = rounded.astype(np.float64) > threshold
    rounded[above] = np.nextafter(rounded[above], np.float32(-np.inf))
    return rounded
