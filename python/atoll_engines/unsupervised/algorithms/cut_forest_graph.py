"""A random cut forest as graph nodes: all trees walk one level down at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from atoll_engines.unsupervised.algorithms.distances import emit_double, emit_float32, number

if TYPE_CHECKING:
    from atoll_engines.recipes.graph import GraphBuilder


def emit_forest(graph: GraphBuilder, features: str, trees: list[Any]) -> str:
    """The mean score, float32 [N, 1]; `features` is float32 [N, features]."""
    starts = np.cumsum([0, *(len(tree.cut) for tree in trees[:-1])])

    def joined(name: str) -> np.ndarray:
        return np.concatenate([getattr(tree, name) for tree in trees])

    low, high, is_leaf = joined("low"), joined("high"), joined("is_leaf")
    # A leaf has no length; with 1 in its place nothing is divided by zero, and its chance is overruled below.
    spans = np.where(is_leaf, 1.0, (high.astype(np.float64) - low).sum(axis=1))
    children = {
        side: np.concatenate([getattr(tree, side) + start for tree, start in zip(trees, starts, strict=True)])
        for side in ("left", "right")
    }
    last = graph.constant([2], np.int64)
    deep = graph.node("Unsqueeze", [features, graph.constant([1], np.int64)])
    zero = graph.constant(0, np.float32)

    def look_up(values: np.ndarray, nodes: str) -> str:
        return graph.node("Gather", [graph.constant(values), nodes], axis=0)

    # Every row starts at every tree's root.
    nothing = graph.node("ReduceSum", [features, graph.constant([1], np.int64)], keepdims=1)
    nothing = graph.node("Mul", [nothing, zero])
    nodes = graph.node("Add", [graph.node("Cast", [nothing], to=7), graph.constant(starts[None, :], np.int64)])
    none = graph.node("Mul", [emit_double(graph, graph.node("Cast", [nodes], to=1)), number(graph, 0.0)])
    mass, total = graph.node("Add", [none, number(graph, 1.0)]), none
    for _ in range(max(tree.depth for tree in trees)):
        below = graph.node("Max", [graph.node("Sub", [look_up(low, nodes), deep]), zero])
        above = graph.node("Max", [graph.node("Sub", [deep, look_up(high, nodes)]), zero])
        outside = emit_double(graph, graph.node("Add", [below, above]))
        outside = graph.node("ReduceSum", [outside, last], keepdims=0)
        leaf = look_up(is_leaf, nodes)
        chance = graph.node("Div", [outside, graph.node("Add", [outside, look_up(spans, nodes)])])
        chance = graph.node("Where", [leaf, number(graph, 1.0), chance])
        is_apart = graph.node("Greater", [outside, number(graph, 0.0)])
        value = graph.node("Where", [is_apart, look_up(joined("apart"), nodes), look_up(joined("equal"), nodes)])
        total = graph.node("Add", [total, graph.node("Mul", [graph.node("Mul", [mass, chance]), value])])
        mass = graph.node("Mul", [mass, graph.node("Sub", [number(graph, 1.0), chance])])
        place = graph.node("GatherElements", [features, look_up(joined("feature").astype(np.int64), nodes)], axis=1)
        goes_left = graph.node("LessOrEqual", [place, look_up(joined("cut"), nodes)])
        nodes = graph.node(
            "Where",
            [goes_left, *(look_up(children[side].astype(np.int64), nodes) for side in ("left", "right"))],
        )
    mean = graph.node("ReduceMean", [total, graph.constant([1], np.int64)], keepdims=1)
    return emit_float32(graph, mean)
