"""The typed inputs and outputs of a package without a target."""

from __future__ import annotations

from typing import Any

from atoll_engines.tabular.package import Seen
from atoll_engines.unsupervised.pipeline import Pipeline

TOLERANCE = 1e-4


def signature(pipeline: Pipeline, seen: Seen) -> dict[str, Any]:
    """What the graph takes, with what training saw in each column, and what it answers."""
    positions = {"numbers": 0, "strings": 0}
    inputs = []
    for column in pipeline.inputs:
        tensor = "strings" if column.type in ("category", "text", "id") else "numbers"
        inputs.append({**seen.describe(column), "tensor": tensor, "index": positions[tensor]})
        positions[tensor] += 1
    return {
        "task": pipeline.task,
        "target": None,
        "classes": None,
        "positive": None,
        "threshold": pipeline.threshold,
        "tolerance": TOLERANCE,
        "inputs": inputs,
        "outputs": [{"name": name, "width": width or 1} for name, width in pipeline.widths().items()],
    }
