"""Multi-layer perceptron: vectors of categories beside the numbers, then a few dense layers."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from atoll_engines.tabular.algorithms.model import CLASSIFICATION, REGRESSION, Algorithm
from atoll_engines.tabular.networks.layers import Initial, Inputs, begin_hidden, hidden, linear
from atoll_engines.tabular.networks.model import Network

MOST_ROWS = 2_000_000
# What every network's search may vary beside its shape.
SPACE = {
    "learning_rate": {"float": [3e-4, 1e-2], "log": True},
    "weight_decay": {"float": [1e-4, 0.3], "log": True},
    "dropout": {"float": [0.0, 0.5]},
}
DEFAULTS = {"epochs": 150, "batch": 256}


class Perceptron:
    def __init__(self, numbers: int, categories: int, places: int, outputs: int, params: dict[str, Any]) -> None:
        self.inputs = Inputs(numbers, categories, places, params)
        self.outputs, self.layers, self.width = outputs, int(params["layers"]), int(params["width"])
        self.dropout = float(params["dropout"])

    def begin(self, initial: Initial) -> None:
        self.inputs.begin(initial)
        last = begin_hidden(initial, "hidden", self.inputs.size, self.width, self.layers)
        initial.linear("answer", last, self.outputs)

    def forward(self, ops: Any, w: Mapping[str, Any], numbers: Any, places: Any) -> Any:
        x = hidden(ops, w, "hidden", self.inputs.forward(ops, w, numbers, places), self.layers, self.dropout)
        return ops.reshape(linear(w, "answer", x), (-1, 1, self.outputs))


ALGORITHMS = (
    Algorithm(
        "mlp", "Multi-layer perceptron", CLASSIFICATION + REGRESSION, "embedding", partial(Network, Perceptron),
        defaults=DEFAULTS | {
            "layers": 3, "width": 128, "numbers": "waves", "frequency": 0.1, "learning_rate": 2e-3, "weight_decay": 0.02, "dropout": 0.15,
        },
        space=SPACE | {
            "layers": {"int": [1, 4]}, "width": {"int": [32, 512], "log": True}, "numbers": {"choice": ["plain", "waves"]},
            "frequency": {"float": [0.02, 1.0], "log": True},
        },
        starts=({"numbers": "plain"},),
        rounds="epochs", most_rows=MOST_ROWS, runtime="deep",
    ),
)  # fmt: skip
