"""TabM (Gorishniy et al. 2025): many perceptrons in one, which share their weights and differ in cheap scalings (BatchEnsemble)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np

from atoll_engines.tabular.algorithms.model import CLASSIFICATION, REGRESSION, Algorithm
from atoll_engines.tabular.networks.layers import Initial, Inputs
from atoll_engines.tabular.networks.mlp import DEFAULTS, MOST_ROWS, SPACE
from atoll_engines.tabular.networks.model import Network


class TabM:
    """Each member learns for itself; the answer is the mean of theirs."""

    def __init__(self, numbers: int, categories: int, places: int, outputs: int, params: dict[str, Any]) -> None:
        self.inputs = Inputs(numbers, categories, places, params)
        self.outputs, self.layers, self.width = outputs, int(params["layers"]), int(params["width"])
        self.copies, self.dropout = int(params["copies"]), float(params["dropout"])

    def begin(self, initial: Initial) -> None:
        self.inputs.begin(initial)
        before = self.inputs.size
        for layer in range(self.layers):
            initial.linear(f"shared{layer}", before, self.width)
            # Random signs make the members differ from the start; deeper scalings begin as ones (the paper's choice).
            if layer == 0:
                initial.signs(f"before{layer}", (self.copies, before))
            else:
                initial.put(f"before{layer}", np.ones((self.copies, before)))
            initial.put(f"after{layer}", np.ones((self.copies, self.width)))
            initial.put(f"shift{layer}", np.zeros((self.copies, self.width)))
            before = self.width
        reach = (3.0 / before) ** 0.5
        initial.put("answer.weight", initial.random.uniform(-reach, reach, (self.copies, before, self.outputs)))
        initial.put("answer.bias", np.zeros((self.copies, self.outputs)))

    def forward(self, ops: Any, w: Mapping[str, Any], numbers: Any, places: Any) -> Any:
        x = self.inputs.forward(ops, w, numbers, places)
        x = ops.reshape(x, (-1, 1, self.inputs.size))
        for layer in range(self.layers):
            x = (x * w[f"before{layer}"]) @ w[f"shared{layer}.weight"] * w[f"after{layer}"] + w[f"shift{layer}"]
            x = ops.dropout(ops.relu(x), self.dropout)
        each = ops.transpose(x, (1, 0, 2)) @ w["answer.weight"]
        return ops.transpose(each, (1, 0, 2)) + w["answer.bias"]


ALGORITHMS = (
    Algorithm(
        "tabm", "TabM", CLASSIFICATION + REGRESSION, "embedding", partial(Network, TabM),
        defaults=DEFAULTS | {
            "layers": 2, "width": 128, "copies": 16, "numbers": "waves", "frequency": 0.1, "learning_rate": 2e-3,
            "weight_decay": 0.02, "dropout": 0.1,
        },
        space=SPACE | {
            "layers": {"int": [1, 4]}, "width": {"int": [64, 384], "log": True}, "copies": {"choice": [8, 16, 32]},
            "numbers": {"choice": ["plain", "waves"]}, "frequency": {"float": [0.02, 1.0], "log": True},
        },
        starts=({"numbers": "plain"},),
        rounds="epochs", most_rows=MOST_ROWS, runtime="deep",
    ),
)  # fmt: skip
