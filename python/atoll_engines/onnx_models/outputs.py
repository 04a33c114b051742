"""The last nodes of a model: from raw sums to probabilities or a prediction."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from atoll_engines.recipes.graph import GraphBuilder

FLOAT, DOUBLE, INT64 = 1, 11, 7


def two_classes(graph: GraphBuilder, positive: str, dtype: type = np.float32) -> str:
    """[N, 1] probability of the positive class → [N, 2] probabilities."""
    other = graph.node("Sub", [graph.constant([[1.0]], dtype), positive])
    return graph.node("Concat", [other, positive], axis=1)


def sigmoid_classes(graph: GraphBuilder, margin: str, dtype: type = np.float32) -> str:
    """[N, 1] log odds → [N, 2] probabilities."""
    return two_classes(graph, graph.node("Sigmoid", [margin]), dtype)


def softmax_classes(graph: GraphBuilder, margins: str) -> str:
    """[N, classes] margins → probabilities."""
    return graph.node("Softmax", [margins], axis=1)


def to_double(graph: GraphBuilder, tensor: str) -> str:
    return graph.node("Cast", [tensor], to=DOUBLE)


def to_float(graph: GraphBuilder, tensor: str) -> str:
    return graph.node("Cast", [tensor], to=FLOAT)


def fill_missing(graph: GraphBuilder, tensor: str, values: np.ndarray) -> str:
    """Each missing feature replaced by a constant of its column."""
    return graph.node("Where", [graph.node("IsNaN", [tensor]), graph.constant(values[None, :], values.dtype), tensor])
