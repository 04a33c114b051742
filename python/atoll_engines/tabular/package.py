"""What a training job leaves: the package's files, each from the evidence gathered."""

from __future__ import annotations

import platform
import resource
from importlib import metadata
from typing import Any

import numpy as np
import pandas as pd

from atoll_engines.recipes import InputColumn
from atoll_engines.tabular.parity_rows import as_sent
from atoll_engines.tabular.pipeline import Pipeline

MOST_CATEGORIES = 200
PACKAGES = (
    "numpy", "pandas", "pyarrow", "scikit-learn", "lightgbm", "xgboost-cpu", "xgboost", "catboost",
    "imbalanced-learn", "onnx", "onnxruntime",
)  # fmt: skip


class Seen:
    """What training saw in each raw column, gathered piece by piece."""

    def __init__(self, columns: list[InputColumn]) -> None:
        self.columns = columns
        self.missing = {column.name: False for column in columns}
        self.low: dict[str, Any] = {}
        self.high: dict[str, Any] = {}
        self.example: dict[str, Any] = {}
        self.counts: dict[str, pd.Series] = {}

    def add(self, frame: pd.DataFrame) -> Seen:
        for column in self.columns:
            name, values = column.name, frame[column.name]
            present = values.dropna()
            self.missing[name] |= len(present) < len(values)
            if not len(present):
                continue
            if column.type == "category":
                known = self.counts.get(name)
                counts = present.value_counts()
                self.counts[name] = counts if known is None else known.add(counts, fill_value=0)
            elif column.type != "text":
                low, high = present.min(), present.max()
                self.low[name] = min(self.low.get(name, low), low)
                self.high[name] = max(self.high.get(name, high), high)
            if name not in self.example:
                self.example[name] = present.iloc[0] if column.type == "text" else middle(present)
        return self

    def describe(self, column: InputColumn) -> dict[str, Any]:
        name = column.name
        about: dict[str, Any] = {"name": name, "type": column.type, "nullable": self.missing[name]}
        if column.type == "category" and name in self.counts:
            counts = self.counts[name].sort_values(ascending=False, kind="stable")
            about["categories"] = [str(value) for value in counts.index[:MOST_CATEGORIES]]
            if len(counts) > MOST_CATEGORIES:
                about["categoriesTruncated"] = True
            about["example"] = about["categories"][0]
        elif name in self.low:
            bound = milliseconds if column.type == "datetime" else float
            about |= {"min": bound(self.low[name]), "max": bound(self.high[name])}
        if "example" not in about and name in self.example:
            about["example"] = as_sent(pd.Series([self.example[name]]), column.type)[0]
        return about


def signature(pipeline: Pipeline, target: str, seen: Seen, tolerance: float) -> dict[str, Any]:
    """The typed inputs of the graph, with what training saw in each, and what it answers."""
    positions = {"numbers": 0, "strings": 0}
    inputs = []
    for column in pipeline.recipe.inputs:
        tensor = "strings" if column.type in ("category", "text", "id") else "numbers"
        inputs.append({**seen.describe(column), "tensor": tensor, "index": positions[tensor]})
        positions[tensor] += 1
    classes = list(pipeline.classes) if pipeline.classes else None
    binary = pipeline.task == "binary"
    return {
        "task": pipeline.task,
        "target": target,
        "classes": classes,
        "positive": classes[1] if binary else None,
        "threshold": pipeline.threshold if binary else None,
        "tolerance": tolerance,
        "inputs": inputs,
        **({"outputs": outputs_of(pipeline)} if pipeline.further else {}),
    }


def outputs_of(pipeline: Pipeline) -> list[dict[str, Any]]:
    """The answer, then what the graph says beside it."""
    answer = ("probabilities", len(pipeline.classes)) if pipeline.classes else ("prediction", 1)
    return [{"name": name, "width": width} for name, width in (answer, *pipeline.further)]


def middle(values: pd.Series) -> Any:
    """A value that really occurs, near the median."""
    return np.sort(values.to_numpy())[len(values) // 2]


def milliseconds(value: Any) -> float:
    return float(pd.Timestamp(value).value // 1_000_000)


def environment(*also: str) -> dict[str, Any]:
    """The interpreter and the packages that had a part in the result, with `also`."""
    packages = {}
    for name in (*PACKAGES, *also):
        try:
            packages[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return {"python": platform.python_version(), "packages": packages}


def peak_memory_bytes() -> int:
    """The largest resident size of this process so far (Linux counts it in KiB)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
