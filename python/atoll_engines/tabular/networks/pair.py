"""Pair embeddings: a tower for each object of a pair, and a comparator of the two vectors, after Amazon's Object2Vec (2018).

It generalises word2vec to any two objects that a table brings together: a user and an item, a query and a document.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from atoll_engines.errors import BadInput
from atoll_engines.tabular.algorithms.fields import Fields
from atoll_engines.tabular.algorithms.model import CLASSIFICATION, REGRESSION, Algorithm, Setting
from atoll_engines.tabular.networks.arithmetic import GraphArithmetic, GraphWeights, NumpyArithmetic
from atoll_engines.tabular.networks.layers import Initial, begin_hidden, hidden, linear
from atoll_engines.tabular.networks.mlp import DEFAULTS, MOST_ROWS, SPACE
from atoll_engines.tabular.networks.model import BLOCK, Network

if TYPE_CHECKING:
    from atoll_engines.recipes.graph import GraphBuilder

SIDES = ("left", "right")


@dataclass(frozen=True)
class Side:
    """What describes one object: places among the numbers, and among the categories."""

    numbers: tuple[int, ...]
    categories: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.numbers) + len(self.categories)


def sides_of(fields: Fields, setting: Setting) -> dict[str, Side]:
    """Features by the object that their raw columns describe; one made of columns of both describes neither and is not read."""
    if not setting.left or not setting.origins:
        raise BadInput("Pair embeddings read a table of pairs; which columns describe the left object is not known here.", parameter="left")
    left, sides = set(setting.left), {}
    for side in SIDES:
        own = [bool(names) and all((name in left) == (side == "left") for name in names) for names in setting.origins]
        parts = (fields.number_columns, fields.code_columns)
        sides[side] = Side(*(tuple(k for k, feature in enumerate(part) if own[feature]) for part in parts))
        if not len(sides[side]):
            raise BadInput(f"The recipe leaves no column for the {side} object.", parameter="left", left=list(setting.left))
    return sides


def runs(places: Sequence[int], width: int) -> Iterator[tuple[int, int]]:
    """Where neighbours begin and end, each place `width` wide."""
    start = 0
    for k in range(1, len(places) + 1):
        if k == len(places) or places[k] != places[k - 1] + 1:
            yield places[start] * width, (places[k - 1] + 1) * width
            start = k


class Pair:
    def __init__(self, sides: dict[str, Side], categories: int, places: int, outputs: int, params: dict[str, Any]) -> None:
        self.sides, self.categories, self.places, self.outputs = sides, categories, places, outputs
        self.vector, self.width, self.layers = (int(params[name]) for name in ("vector", "width", "layers"))
        self.is_dot, self.dropout = params["compare"] == "dot", float(params["dropout"])

    def begin(self, initial: Initial) -> None:
        if self.categories:
            initial.normal("vectors", (self.places, self.vector), 1 / math.sqrt(self.vector))
        for name, side in self.sides.items():
            size = len(side.numbers) + len(side.categories) * self.vector
            initial.linear(f"{name}_vector", begin_hidden(initial, name, size, self.width, self.layers), self.vector)
        if not self.is_dot:
            initial.linear("answer", begin_hidden(initial, "head", 4 * self.vector, self.width, 1), self.outputs)
            return
        initial.linear("own", 2 * self.vector, self.outputs)
        if self.outputs > 1:
            initial.linear("product", self.vector, self.outputs)

    def vectors(self, ops: Any, w: Mapping[str, Any], numbers: Any, places: Any) -> list[Any]:
        """The vectors of the left and the right object, each [rows, vector]."""
        known = ops.reshape(ops.embed(w["vectors"], places), (-1, self.categories * self.vector)) if self.categories else None
        made = []
        for name, side in self.sides.items():
            parts = [ops.cut(numbers, *run) for run in runs(side.numbers, 1)]
            parts += [ops.cut(known, *run) for run in runs(side.categories, self.vector)]
            x = hidden(ops, w, name, ops.dropout(ops.concat(parts), self.dropout), self.layers, self.dropout)
            made.append(linear(w, f"{name}_vector", x))
        return made

    def forward(self, ops: Any, w: Mapping[str, Any], numbers: Any, places: Any) -> Any:
        left, right = self.vectors(ops, w, numbers, places)
        product = left * right
        if self.is_dot:
            together = ops.sum(product) if self.outputs == 1 else linear(w, "product", product)
            said = together + linear(w, "own", ops.concat([left, right]))
        else:
            apart = ops.relu(left - right) + ops.relu(right - left)
            compared = ops.concat([product, apart, left, right])
            said = linear(w, "answer", hidden(ops, w, "head", compared, 1, self.dropout))
        return ops.reshape(said, (-1, 1, self.outputs))


class PairNetwork(Network):
    """A network that also answers the vectors of the two objects."""

    def made(self, answers: int) -> Pair:
        self.sides = sides_of(self.fields, self.setting)
        return self.make(self.sides, len(self.fields.counts), self.fields.places_count, answers, self.params)

    @property
    def further(self) -> list[tuple[str, int]]:
        """Outputs beside the answer, with their widths."""
        return [(f"{side}_vector", self.network.vector) for side in SIDES]

    def predict_further(self, x: np.ndarray) -> dict[str, np.ndarray]:
        """float32 [rows, vector] of each further output."""
        ops, weights = NumpyArithmetic(), self._wide()
        blocks = [x[start : start + BLOCK] for start in range(0, max(1, len(x)), BLOCK)]
        made = [self.network.vectors(ops, weights, self.fields.numbers(b).astype(np.float64), self.fields.places(b)) for b in blocks]
        return {
            name: np.concatenate([block[k] for block in made]).astype(np.float32) for k, (name, _) in enumerate(self.further)
        }

    def emit_further(self, graph: GraphBuilder, features: str) -> list[str]:
        """The further outputs' tensors, float32; nodes that the answer needs too are shared with it."""
        from atoll_engines.onnx_models import outputs

        weights = GraphWeights(graph, self._wide())
        made = self.network.vectors(GraphArithmetic(graph), weights, *self.inputs(graph, features))
        return [outputs.to_float(graph, one.name) for one in made]


ALGORITHMS = (
    Algorithm(
        "pair_embeddings", "Pair embeddings", CLASSIFICATION + REGRESSION, "pairs", partial(PairNetwork, Pair),
        defaults=DEFAULTS | {
            "vector": 16, "width": 64, "layers": 1, "compare": "network", "learning_rate": 2e-3, "weight_decay": 0.02, "dropout": 0.15,
        },
        space=SPACE | {
            "vector": {"int": [4, 64], "log": True}, "width": {"int": [16, 256], "log": True}, "layers": {"int": [0, 2]},
            "compare": {"choice": ["network", "dot"]},
        },
        starts=({"compare": "dot"},),
        rounds="epochs", most_rows=MOST_ROWS, runtime="deep", is_of_pairs=True,
    ),
)  # fmt: skip
