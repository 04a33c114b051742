"""TabNet (Arik and Pfister 2021): in steps, each of which looks at a few features that a sparse mask picks for the row."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from atoll_engines.tabular.algorithms.model import CLASSIFICATION, REGRESSION, Algorithm
from atoll_engines.tabular.networks.layers import Initial, Inputs, linear, sparsemax
from atoll_engines.tabular.networks.mlp import DEFAULTS, SPACE
from atoll_engines.tabular.networks.model import Network

HALF = 0.5**0.5


class TabNet:
    """Batches are small, so every batch norm works on the whole batch (the paper's ghost batches are of that size)."""

    def __init__(self, numbers: int, categories: int, places: int, outputs: int, params: dict[str, Any]) -> None:
        self.inputs = Inputs(numbers, categories, places, params | {"numbers": "plain", "vector": params.get("vector", 4)})
        self.outputs, self.steps, self.width = outputs, int(params["steps"]), int(params["width"])
        self.relaxation, self.sparsity = float(params["relaxation"]), float(params["sparsity"])
        self.dropout = float(params["dropout"])

    def begin(self, initial: Initial) -> None:
        self.inputs.begin(initial)
        size, both = self.inputs.size, 2 * self.width
        initial.norm("input", size, is_batch=True)
        initial.linear("shared0", size, 2 * both)
        initial.linear("shared1", both, 2 * both)
        for step in range(self.steps + 1):
            for layer in ("shared0", "shared1", "own0", "own1"):
                initial.norm(f"step{step}.{layer}", 2 * both, is_batch=True)
            initial.linear(f"step{step}.own0", both, 2 * both)
            initial.linear(f"step{step}.own1", both, 2 * both)
            initial.linear(f"step{step}.mask", self.width, size)
            initial.norm(f"step{step}.mask", size, is_batch=True)
        initial.linear("answer", self.width, self.outputs)

    def forward(self, ops: Any, w: Mapping[str, Any], numbers: Any, places: Any) -> Any:
        size = self.inputs.size
        x = ops.batch_norm(self.inputs.forward(ops, w, numbers, places), w, "input")
        attended = ops.cut(self.transformed(ops, w, 0, x), self.width, 2 * self.width)
        allowed, total = None, None
        for step in range(1, self.steps + 1):
            scores = ops.batch_norm(linear(w, f"step{step}.mask", attended), w, f"step{step}.mask")
            mask = sparsemax(ops, scores if allowed is None else scores * allowed, size)
            left = self.relaxation - mask
            allowed = left if allowed is None else allowed * left
            ops.penalise(lambda mask=mask: -self.sparsity / self.steps * (mask * (mask + 1e-10).log()).sum(-1).mean())
            made = self.transformed(ops, w, step, x * mask)
            decided = ops.relu(ops.cut(made, 0, self.width))
            total = decided if total is None else total + decided
            attended = ops.cut(made, self.width, 2 * self.width)
        total = ops.dropout(total, self.dropout)
        return ops.reshape(linear(w, "answer", total), (-1, 1, self.outputs))

    def transformed(self, ops: Any, w: Mapping[str, Any], step: int, x: Any) -> Any:
        """Four gated layers, two of them shared by all steps."""
        x = self.gated(ops, w, "shared0", f"step{step}.shared0", x)
        x = (x + self.gated(ops, w, "shared1", f"step{step}.shared1", x)) * HALF
        x = (x + self.gated(ops, w, f"step{step}.own0", f"step{step}.own0", x)) * HALF
        return (x + self.gated(ops, w, f"step{step}.own1", f"step{step}.own1", x)) * HALF

    def gated(self, ops: Any, w: Mapping[str, Any], layer: str, its_norm: str, x: Any) -> Any:
        both = 2 * self.width
        x = ops.batch_norm(linear(w, layer, x), w, its_norm)
        return ops.cut(x, 0, both) * ops.sigmoid(ops.cut(x, both, 2 * both))


ALGORITHMS = (
    Algorithm(
        "tabnet", "TabNet", CLASSIFICATION + REGRESSION, "embedding", partial(Network, TabNet),
        defaults=DEFAULTS | {
            "steps": 3, "width": 16, "relaxation": 1.3, "sparsity": 1e-4, "learning_rate": 5e-3, "weight_decay": 1e-3, "dropout": 0.0,
        },
        space=SPACE | {
            "steps": {"int": [2, 6]}, "width": {"int": [8, 64], "log": True}, "relaxation": {"float": [1.0, 2.0]},
            "sparsity": {"float": [1e-6, 1e-2], "log": True},
        },
        rounds="epochs", most_rows=1_000_000, runtime="deep",
    ),
)  # fmt: skip
