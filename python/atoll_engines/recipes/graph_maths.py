"""The operations of `maths` as ONNX nodes: the same step code, given these, writes the serving graph."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from onnx import TensorProto

from .graph import GraphBuilder
from .maths import FLOAT32_MAX

# Above this many cells a shared table of all columns' labels costs more memory than separate tables cost time.
_SHARED_TABLE_CELLS = 200_000


class GraphTensor:
    """A tensor of the graph that can be written in formulas like an array."""

    # numpy must leave `array - tensor` to us instead of looping over the array.
    __array_ufunc__ = None

    def __init__(self, graph: GraphBuilder, name: str):
        self.graph, self.name = graph, name

    def _with(self, op: str, other: Any, swapped: bool = False) -> "GraphTensor":
        there = other.name if isinstance(other, GraphTensor) else self.graph.constant(other, _dtype_of(other))
        names = [there, self.name] if swapped else [self.name, there]
        return GraphTensor(self.graph, self.graph.node(op, names))

    def __add__(self, other):
        return self._with("Add", other)

    def __radd__(self, other):
        return self._with("Add", other, swapped=True)

    def __sub__(self, other):
        return self._with("Sub", other)

    def __rsub__(self, other):
        return self._with("Sub", other, swapped=True)

    def __mul__(self, other):
        return self._with("Mul", other)

    def __rmul__(self, other):
        return self._with("Mul", other, swapped=True)

    def __truediv__(self, other):
        return self._with("Div", other)

    def __rtruediv__(self, other):
        return self._with("Div", other, swapped=True)

    def __neg__(self):
        return GraphTensor(self.graph, self.graph.node("Neg", [self.name]))

    def __gt__(self, other):
        return self._with("Greater", other)

    def __ge__(self, other):
        return self._with("GreaterOrEqual", other)

    def __lt__(self, other):
        return self._with("Less", other)

    def __le__(self, other):
        return self._with("LessOrEqual", other)

    def __and__(self, other):
        return self._with("And", other)

    def __or__(self, other):
        return self._with("Or", other)


class GraphMaths:
    """Operations as graph nodes."""

    is_graph = True

    def __init__(self, graph: GraphBuilder):
        self.graph = graph

    def name(self, x) -> str:
        return x.name if isinstance(x, GraphTensor) else self.graph.constant(x, _dtype_of(x))

    def _node(self, op: str, *inputs, **attributes) -> GraphTensor:
        return GraphTensor(self.graph, self.graph.node(op, [self.name(x) for x in inputs], **attributes))

    def where(self, condition, yes, no):
        return self._node("Where", condition, yes, no)

    def is_missing(self, x):
        return self._node("IsNaN", x)

    def is_infinite(self, x):
        return self._node("IsInf", x)

    def log(self, x):
        return self._node("Log", x)

    def exp(self, x):
        return self._node("Exp", x)

    def sqrt(self, x):
        return self._node("Sqrt", x)

    def abs(self, x):
        return self._node("Abs", x)

    def sign(self, x):
        return self._node("Sign", x)

    def floor(self, x):
        return self._node("Floor", x)

    def round(self, x):
        return self._node("Round", x)

    def least(self, x, y):
        return self._node("Min", x, y)

    def greatest(self, x, y):
        return self._node("Max", x, y)

    def number(self, x):
        return self._node("Cast", x, to=TensorProto.DOUBLE)

    def position(self, x):
        return self._node("Cast", x, to=TensorProto.INT64)

    def is_equal(self, x, y):
        return self._node("Equal", x, y)

    def invert(self, condition):
        return self._node("Not", condition)

    def row_sum(self, x):
        return self._node("ReduceSum", x, np.array([1], dtype=np.int64), keepdims=1)

    def count_passed(self, x, points: np.ndarray):
        passed = self._node("GreaterOrEqual", self._deepened(x), points)
        return self._counted(self._node("Cast", passed, to=TensorProto.FLOAT))

    def place_of(self, x, points: np.ndarray):
        found = self._node("Cast", self._node("Equal", self._deepened(x), points), to=TensorProto.FLOAT)
        # A value equals at most one point, so the sum of the places of its matches is that place, or 0.
        return self._counted(found * np.arange(1, points.shape[1] + 1, dtype=np.float32))

    def _deepened(self, x):
        """[N, k] as [N, k, 1], to be compared with each of a column's points."""
        return self._node("Unsqueeze", x, np.array([2], dtype=np.int64))

    def _counted(self, matches):
        """Sums of small whole numbers, for which float32 is exact and half the memory."""
        return self.number(self._node("ReduceSum", matches, np.array([2], dtype=np.int64), keepdims=0))

    def middle_sum(self, x):
        return self._node("ReduceSum", x, np.array([1], dtype=np.int64), keepdims=0)

    def product(self, x, weights: np.ndarray):
        return self._node("MatMul", x, weights)

    def choose(self, x, indexes: Sequence[int]):
        return self._node("Gather", x, np.asarray(indexes, dtype=np.int64), axis=1)

    def concat(self, parts: Sequence):
        return self._node("Concat", *parts, axis=1)

    def lookup(self, table: np.ndarray, positions):
        return self._node("Gather", table, positions, axis=0)

    def nearest(self, scores, count: int):
        inputs = [self.name(scores), self.graph.constant([count], np.int64)]
        _, positions = self.graph.node("TopK", inputs, outputs=2, axis=1, largest=0, sorted=1)
        return GraphTensor(self.graph, positions)

    def string_values(self, strings, vocabularies, values, unseen):
        union = sorted({label for vocabulary in vocabularies for label in vocabulary})
        columns = len(vocabularies)
        if columns == 1 or (len(union) + 1) * columns <= _SHARED_TABLE_CELLS:
            return self._shared_values(strings, union, vocabularies, values, unseen)
        # One table per column once the shared one would be large.
        parts = [
            self._shared_values(self.choose(strings, [index]), list(vocabulary), [vocabulary], [values[index]], [unseen[index]])
            for index, vocabulary in enumerate(vocabularies)
        ]
        return self.concat(parts)

    def _shared_values(self, strings, union: list[str], vocabularies, values, unseen):
        """One label encoder for all columns, then one look-up in a table with a block for each column."""
        # An encoder without keys is refused by the runtime, and "" stands for missing anyway.
        keys = union or [""]
        place = {label: index for index, label in enumerate(keys)}
        width = len(keys) + 1
        table = np.repeat(np.asarray(unseen, dtype=np.float64), width)
        for index, (vocabulary, known) in enumerate(zip(vocabularies, values, strict=True)):
            table[[index * width + place[label] for label in vocabulary]] = known
        codes = GraphTensor(
            self.graph,
            self.graph.node(
                "LabelEncoder",
                [self.name(strings)],
                domain="ai.onnx.ml",
                hint="codes",
                keys_strings=[key.encode("utf-8") for key in keys],
                values_int64s=list(range(len(keys))),
                default_int64=len(keys),
            ),
        )
        if len(vocabularies) > 1:
            codes = codes + np.arange(len(vocabularies), dtype=np.int64) * width
        return self.lookup(table, codes)

    def hash_buckets(self, strings, buckets: int):
        name = self.graph.node("MurmurHash3", [self.name(strings)], domain="com.microsoft", positive=1, seed=0)
        code = self.number(GraphTensor(self.graph, name))
        return code - self.floor(code / float(buckets)) * float(buckets)

    def string_choice(self, condition, yes, no):
        return self._node("Where", condition, yes, no)

    def clamp_to_float32(self, x):
        clipped = self._node("Clip", x, np.float64(-FLOAT32_MAX), np.float64(FLOAT32_MAX))
        return self._node("Cast", clipped, to=TensorProto.FLOAT)


def _dtype_of(value: Any) -> Any:
    """Plain Python numbers mean float64; arrays keep their type."""
    if isinstance(value, (int, float)) and not isinstance(value, (bool, np.generic)):
        return np.float64
    if isinstance(value, str):
        return object
    return None
