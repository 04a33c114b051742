"""From sums of leaves to what a client is told."""

from __future__ import annotations

import numpy as np

from atoll_engines.errors import EngineError
from atoll_engines.onnx_models import outputs
from atoll_engines.recipes import GraphBuilder


def emit_link(graph: GraphBuilder, sums: str, link: str) -> str:
    """The answer of a float32 tensor of sums: `identity`, `exp`, `sigmoid`, `binary`, `softmax`, `each` (a sigmoid for each class)."""
    if link == "identity":
        return sums
    if link == "exp":
        return graph.node("Exp", [sums])
    if link == "sigmoid":
        return graph.node("Sigmoid", [sums])
    if link == "binary":
        return outputs.sigmoid_classes(graph, sums)
    if link == "softmax":
        return outputs.softmax_classes(graph, sums)
    if link == "each":
        return graph.node("Sigmoid", [sums])
    raise EngineError(f'The link "{link}" has no graph here.')


def finish_graph(graph: GraphBuilder, answer: str, task: str, classes: int) -> bytes:
    """The graph under the names of the contract."""
    name, width = ("prediction", 1) if task == "regression" else ("probabilities", classes)
    graph.output(answer, name)
    return graph.finish([(name, 1, ("N", width))]).SerializeToString()


def both(positive: np.ndarray) -> np.ndarray:
    """Probabilities of two classes from that of the second."""
    return np.column_stack([1 - positive, positive])
