"""The arithmetic of a network in numpy, and as nodes of a graph; that of torch is in `training.py`.

Operators (+ - * / @) are the arrays' own. Everything else a network needs has one name here and the same meaning everywhere.
Both count in float64: what a long chain of normalised layers makes of float32's last digit could change a label.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from atoll_engines.recipes.graph import GraphBuilder

EPSILON = 1e-5


class NumpyArithmetic:
    """float64 arrays; nothing is dropped and batch norms use what training saw."""

    def relu(self, x: np.ndarray) -> np.ndarray:
        return np.maximum(x, 0)

    def sigmoid(self, x: np.ndarray) -> np.ndarray:
        return 1 / (1 + np.exp(-np.clip(x, -700, 700)))

    def sin(self, x: np.ndarray) -> np.ndarray:
        return np.sin(x)

    def cos(self, x: np.ndarray) -> np.ndarray:
        return np.cos(x)

    def softmax(self, x: np.ndarray) -> np.ndarray:
        e = np.exp(x - x.max(axis=-1, keepdims=True))
        return e / e.sum(axis=-1, keepdims=True)

    def layer_norm(self, x: np.ndarray, scale: np.ndarray, shift: np.ndarray) -> np.ndarray:
        centred = x - x.mean(axis=-1, keepdims=True)
        return centred / np.sqrt((centred**2).mean(axis=-1, keepdims=True) + EPSILON) * scale + shift

    def batch_norm(self, x: np.ndarray, weights: Any, name: str) -> np.ndarray:
        spread = np.sqrt(weights[f"running.{name}.variance"] + EPSILON)
        return (x - weights[f"running.{name}.mean"]) / spread * weights[f"{name}.scale"] + weights[f"{name}.shift"]

    def embed(self, table: np.ndarray, places: np.ndarray) -> np.ndarray:
        return table[places]

    def concat(self, parts: Sequence[np.ndarray]) -> np.ndarray:
        return np.concatenate(parts, axis=-1)

    def reshape(self, x: np.ndarray, shape: Sequence[int]) -> np.ndarray:
        return x.reshape(shape)

    def transpose(self, x: np.ndarray, axes: Sequence[int]) -> np.ndarray:
        return x.transpose(axes)

    def sum(self, x: np.ndarray) -> np.ndarray:
        return x.sum(axis=-1, keepdims=True)

    def cut(self, x: np.ndarray, start: int, stop: int) -> np.ndarray:
        return x[..., start:stop]

    def sorted_down(self, x: np.ndarray) -> np.ndarray:
        return -np.sort(-x, axis=-1)

    def running_sum(self, x: np.ndarray) -> np.ndarray:
        return np.cumsum(x, axis=-1)

    def is_positive(self, x: np.ndarray) -> np.ndarray:
        return (x > 0).astype(np.float64)

    def like(self, values: np.ndarray) -> np.ndarray:
        return values

    def dropout(self, x: np.ndarray, share: float) -> np.ndarray:
        return x

    def penalise(self, make: Any) -> None:
        """A penalty matters to training only."""


class Tensor:
    """A float64 tensor of a graph, with the operators that arrays have."""

    def __init__(self, graph: GraphBuilder, name: str) -> None:
        self.graph, self.name = graph, name

    def _with(self, op: str, other: Any, swapped: bool = False) -> Tensor:
        name = other.name if isinstance(other, Tensor) else self.graph.constant(other, np.float64)
        return Tensor(self.graph, self.graph.node(op, [name, self.name] if swapped else [self.name, name]))

    def __add__(self, other: Any) -> Tensor:
        return self._with("Add", other)

    def __sub__(self, other: Any) -> Tensor:
        return self._with("Sub", other)

    def __mul__(self, other: Any) -> Tensor:
        return self._with("Mul", other)

    def __truediv__(self, other: Any) -> Tensor:
        return self._with("Div", other)

    def __matmul__(self, other: Any) -> Tensor:
        return self._with("MatMul", other)

    def __radd__(self, other: Any) -> Tensor:
        return self._with("Add", other, swapped=True)

    def __rsub__(self, other: Any) -> Tensor:
        return self._with("Sub", other, swapped=True)

    def __rmul__(self, other: Any) -> Tensor:
        return self._with("Mul", other, swapped=True)


class GraphWeights:
    """The weights as constants of a graph, each put there when it is first asked for."""

    def __init__(self, graph: GraphBuilder, weights: dict[str, np.ndarray]) -> None:
        self.graph, self.weights = graph, weights

    def __getitem__(self, name: str) -> Tensor:
        return Tensor(self.graph, self.graph.constant(self.weights[name], np.float64))


class GraphArithmetic:
    """Nodes of a graph."""

    def __init__(self, graph: GraphBuilder) -> None:
        self.graph = graph

    def node(self, op: str, *inputs: Any, **attributes: Any) -> Tensor:
        names = [one.name if isinstance(one, Tensor) else one for one in inputs]
        return Tensor(self.graph, self.graph.node(op, names, **attributes))

    def whole(self, values: Any) -> str:
        return self.graph.constant(values, np.int64)

    def relu(self, x: Tensor) -> Tensor:
        return self.node("Relu", x)

    def sigmoid(self, x: Tensor) -> Tensor:
        return self.node("Sigmoid", x)

    def sin(self, x: Tensor) -> Tensor:
        return self.node("Sin", x)

    def cos(self, x: Tensor) -> Tensor:
        # ONNX Runtime has no cosine of float64.
        return self.node("Sin", x + np.pi / 2)

    def softmax(self, x: Tensor) -> Tensor:
        return self.node("Softmax", x, axis=-1)

    def layer_norm(self, x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
        return self.node("LayerNormalization", x, scale, shift, axis=-1, epsilon=EPSILON)

    def batch_norm(self, x: Tensor, weights: GraphWeights, name: str) -> Tensor:
        kept = weights.weights
        slope = kept[f"{name}.scale"] / np.sqrt(kept[f"running.{name}.variance"] + EPSILON)
        return (x - kept[f"running.{name}.mean"]) * slope + kept[f"{name}.shift"]

    def embed(self, table: Tensor, places: str) -> Tensor:
        return self.node("Gather", table, places, axis=0)

    def concat(self, parts: Sequence[Tensor]) -> Tensor:
        return parts[0] if len(parts) == 1 else self.node("Concat", *parts, axis=-1)

    def reshape(self, x: Tensor, shape: Sequence[int]) -> Tensor:
        return self.node("Reshape", x, self.whole(list(shape)))

    def transpose(self, x: Tensor, axes: Sequence[int]) -> Tensor:
        return self.node("Transpose", x, perm=list(axes))

    def sum(self, x: Tensor) -> Tensor:
        return self.node("ReduceSum", x, self.whole([-1]), keepdims=1)

    def cut(self, x: Tensor, start: int, stop: int) -> Tensor:
        return self.node("Slice", x, self.whole([start]), self.whole([stop]), self.whole([-1]))

    def sorted_down(self, x: Tensor) -> Tensor:
        size = self.node("Shape", x, start=-1)
        values, _ = self.graph.node("TopK", [x.name, size.name], outputs=2, axis=-1, largest=1, sorted=1)
        return Tensor(self.graph, values)

    def running_sum(self, x: Tensor) -> Tensor:
        return self.node("CumSum", x, self.graph.constant(-1, np.int64))

    def is_positive(self, x: Tensor) -> Tensor:
        return self.node("Cast", self.node("Greater", x, self.graph.constant(0.0, np.float64)), to=11)

    def like(self, values: np.ndarray) -> Tensor:
        return Tensor(self.graph, self.graph.constant(values, np.float64))

    def dropout(self, x: Tensor, share: float) -> Tensor:
        return x

    def penalise(self, make: Any) -> None:
        """A penalty matters to training only."""
