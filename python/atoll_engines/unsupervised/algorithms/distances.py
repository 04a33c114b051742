"""Squared distances to fixed points, the same way in Python and in the graph."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from atoll_engines.recipes.maths import FLOAT32_MAX

if TYPE_CHECKING:
    from atoll_engines.recipes.graph import GraphBuilder

# Rows compared at once, so that the table of distances stays within memory.
BLOCK = 1024
FLOAT, DOUBLE, INT64 = 1, 11, 7


def squared_distances(rows: np.ndarray, points: np.ndarray) -> np.ndarray:
    """[rows, points] in float64 as |a|² - 2ab + |b|²."""
    rows = rows.astype(np.float64)
    norms = np.sum(points**2, axis=1)
    return np.maximum((norms - 2 * (rows @ points.T)) + np.sum(rows**2, axis=1, keepdims=True), 0.0)


def emit_squared_distances(graph: GraphBuilder, rows: str, points: np.ndarray) -> str:
    """The same as nodes; `rows` is float64 [N, features]."""
    points = np.asarray(points, np.float64)
    product = graph.node("MatMul", [rows, number(graph, -2 * points.T)])
    squares = graph.node("ReduceSumSquare", [rows, graph.constant([1], np.int64)], keepdims=1)
    norms = number(graph, np.sum(points**2, axis=1)[None, :])
    total = graph.node("Add", [graph.node("Add", [norms, product]), squares])
    return graph.node("Max", [total, number(graph, 0.0)])


def as_float32(values: np.ndarray) -> np.ndarray:
    return np.minimum(values, FLOAT32_MAX).astype(np.float32)


def emit_float32(graph: GraphBuilder, tensor: str) -> str:
    """float64 as float32, with what is beyond its range at its end."""
    return graph.node("Cast", [graph.node("Min", [tensor, number(graph, FLOAT32_MAX)])], to=FLOAT)


def emit_double(graph: GraphBuilder, tensor: str) -> str:
    return graph.node("Cast", [tensor], to=DOUBLE)


def number(graph: GraphBuilder, value: Any) -> str:
    return graph.constant(value, np.float64)


def in_blocks(x: np.ndarray, answer: Any, block: int = BLOCK) -> np.ndarray:
    """`answer` of block after block of rows, put together."""
    parts = [answer(x[start : start + block]) for start in range(0, len(x), block)]
    return np.concatenate(parts) if parts else answer(x)
