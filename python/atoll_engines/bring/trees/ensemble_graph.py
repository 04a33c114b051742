"""Tree ensembles whose splits may also ask whether a code is one of several, over float32 or float64 features."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from onnx import TensorProto, helper

from atoll_engines.onnx_models.trees import Ensemble, Tree, emit_ensemble
from atoll_engines.recipes import GraphBuilder

NEVER = -np.inf


@dataclass(frozen=True)
class Members:
    """A node that asks for membership: the codes, and where they and all others go; a missing code goes with the others unless told."""

    codes: list[int]
    inside: int
    outside: int
    missing_inside: bool = False


def emit_trees(
    graph: GraphBuilder, features: str, ensemble: Ensemble, members: list[dict[int, Members]] | None = None, is_wide: bool = False
) -> str:
    """The sums of an ensemble, float32 [N, outputs]; `is_wide` compares in float64, for features that are float64."""
    members = members or [{} for _ in ensemble.trees]
    if not is_wide and not any(members):
        return emit_ensemble(graph, features, ensemble)
    lists: dict[str, list[Any]] = {name: [] for name in (*NODES, *LEAVES)}
    for number, (tree, asked) in enumerate(zip(ensemble.trees, members, strict=True)):
        add_tree(lists, number, tree, asked, ensemble.comparison)
    weights, values, base = lists.pop("target_weights"), lists.pop("nodes_values"), [float(value) for value in np.ravel(ensemble.base)]
    if is_wide:
        figures: dict[str, Any] = {
            "nodes_values_as_tensor": double("values", values),
            "target_weights_as_tensor": double("weights", weights),
            "base_values_as_tensor": double("base", base),
        }
    else:
        figures = {"nodes_values": values, "target_weights": weights, "base_values": base}
    return graph.node(
        "TreeEnsembleRegressor", [features], domain="ai.onnx.ml", hint="trees", n_targets=ensemble.outputs,
        aggregate_function="SUM", post_transform="NONE", **lists, **figures,
    )  # fmt: skip


NODES = (
    "nodes_treeids", "nodes_nodeids", "nodes_featureids", "nodes_modes", "nodes_values", "nodes_truenodeids", "nodes_falsenodeids",
    "nodes_missing_value_tracks_true",
)  # fmt: skip
LEAVES = ("target_treeids", "target_nodeids", "target_ids", "target_weights")


def double(name: str, values: list[float]) -> Any:
    return helper.make_tensor(name, TensorProto.DOUBLE, [len(values)], values)


def add_tree(lists: dict[str, list[Any]], number: int, tree: Tree, asked: dict[int, Members], comparison: str) -> None:
    free = len(tree.feature)
    added: list[tuple[int, int, str, float, int, int, bool]] = []
    for node in range(len(tree.feature)):
        if tree.is_leaf[node]:
            added.append((node, 0, "LEAF", 0.0, 0, 0, False))
        elif node in asked:
            chain, free = as_chain(node, int(tree.feature[node]), asked[node], free)
            added.extend(chain)
        else:
            where = int(tree.left[node]), int(tree.right[node])
            added.append((node, int(tree.feature[node]), comparison, float(tree.threshold[node]), *where, bool(tree.missing_left[node])))
    for node, feature, mode, value, yes, no, missing in sorted(added):
        fields = (number, node, feature, mode, value, yes, no, int(missing))
        for name, one in zip(NODES, fields, strict=True):
            lists[name].append(one)
    for leaf in np.flatnonzero(tree.is_leaf):
        for place, weight in enumerate(tree.value[leaf]):
            for name, one in zip(LEAVES, (number, int(leaf), tree.target + place, float(weight)), strict=True):
                lists[name].append(one)


def as_chain(node: int, feature: int, asked: Members, free: int) -> tuple[list[tuple[int, int, str, float, int, int, bool]], int]:
    """Membership as one question of equality after the other; those who answer yes all go to the same place."""
    if not asked.codes:
        return [(node, feature, "BRANCH_LEQ", NEVER, asked.inside, asked.outside, asked.missing_inside)], free
    chain = []
    for place, code in enumerate(asked.codes):
        is_last = place == len(asked.codes) - 1
        after = asked.outside if is_last else free
        chain.append((node, feature, "BRANCH_EQ", float(code), asked.inside, after, asked.missing_inside))
        node, free = after, free if is_last else free + 1
    return chain, free
