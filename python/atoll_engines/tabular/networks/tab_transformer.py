"""TabTransformer (Huang et al. 2020): categories attend to one another, then a perceptron reads them beside the numbers."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from atoll_engines.tabular.algorithms.model import CLASSIFICATION, REGRESSION, Algorithm
from atoll_engines.tabular.networks.layers import Initial, Inputs, attention, begin_hidden, hidden, linear, norm
from atoll_engines.tabular.networks.mlp import DEFAULTS, SPACE
from atoll_engines.tabular.networks.model import Network


class TabTransformer:
    """A table without categories leaves only the perceptron."""

    def __init__(self, numbers: int, categories: int, places: int, outputs: int, params: dict[str, Any]) -> None:
        self.tokens, self.places, self.outputs = categories, places, outputs
        self.inputs = Inputs(numbers, 0, 0, params)
        self.heads, self.blocks = int(params["heads"]), int(params["blocks"])
        self.vector = int(params["vector"]) // self.heads * self.heads
        self.layers, self.width, self.dropout = int(params["layers"]), int(params["width"]), float(params["dropout"])

    def begin(self, initial: Initial) -> None:
        size = self.vector
        if self.tokens:
            initial.normal("vectors", (self.places, size), 0.3)
        for block in range(self.blocks if self.tokens else 0):
            for part in ("query", "key", "value", "out"):
                initial.linear(f"block{block}.{part}", size, size)
            initial.linear(f"block{block}.wide", size, 2 * size)
            initial.linear(f"block{block}.narrow", 2 * size, size)
            initial.norm(f"block{block}.first", size)
            initial.norm(f"block{block}.second", size)
        self.inputs.begin(initial)
        before = self.tokens * size + (self.inputs.size if self.inputs.numbers else 0)
        last = begin_hidden(initial, "hidden", max(1, before), self.width, self.layers)
        initial.linear("answer", last, self.outputs)

    def forward(self, ops: Any, w: Mapping[str, Any], numbers: Any, places: Any) -> Any:
        parts = []
        if self.tokens:
            x = ops.embed(w["vectors"], places)
            for block in range(self.blocks):
                name = f"block{block}"
                attended = attention(
                    ops, w, name, norm(ops, w, f"{name}.first", x), self.tokens, self.vector, self.heads, self.dropout
                )
                x = x + ops.dropout(attended, self.dropout)
                wide = ops.relu(linear(w, f"{name}.wide", norm(ops, w, f"{name}.second", x)))
                x = x + ops.dropout(linear(w, f"{name}.narrow", wide), self.dropout)
            parts.append(ops.reshape(x, (-1, self.tokens * self.vector)))
        if self.inputs.numbers:
            # Not normalised over the row, as in the paper: that would take away how large they all are.
            parts.append(self.inputs.forward(ops, w, numbers, None))
        x = hidden(ops, w, "hidden", ops.concat(parts) if parts else numbers, self.layers, self.dropout)
        return ops.reshape(linear(w, "answer", x), (-1, 1, self.outputs))


ALGORITHMS = (
    Algorithm(
        "tab_transformer", "TabTransformer", CLASSIFICATION + REGRESSION, "embedding", partial(Network, TabTransformer),
        defaults=DEFAULTS | {
            "blocks": 2, "heads": 4, "vector": 16, "layers": 2, "width": 128, "numbers": "waves", "frequency": 0.1,
            "learning_rate": 1e-3, "weight_decay": 0.02, "dropout": 0.15,
        },
        space=SPACE | {
            "blocks": {"int": [1, 6]}, "vector": {"choice": [8, 16, 32]}, "layers": {"int": [1, 3]},
            "width": {"int": [32, 512], "log": True}, "numbers": {"choice": ["plain", "waves"]},
            "frequency": {"float": [0.02, 1.0], "log": True},
        },
        rounds="epochs", most_rows=1_000_000, runtime="deep",
    ),
)  # fmt: skip
