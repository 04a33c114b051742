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
    "imbalanced-learn", "optuna", "onnx", "onnxruntime",
)  # fmt: skip


def signature(pipeline: Pipeline, target: str, frame: pd.DataFrame, tolerance: float) -> dict[str, Any]:
    """The typed inputs of the graph, with what training saw in each, and what it answers."""
    positions = {"numbers": 0, "strings": 0}
    inputs = []
    for column in pipeline.recipe.inputs:
        tensor = "strings" if column.type in ("category", "text", "id") else "numbers"
        inputs.append({**describe_input(column, frame[column.name]), "tensor": tensor, "index": positions[tensor]})
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
    }


def describe_input(column: InputColumn, values: pd.Series) -> dict[str, Any]:
    present = values.dropna()
    about: dict[str, Any] = {"name": column.name, "type": column.type, "nullable": len(present) < len(values)}
    if column.type in ("category", "text"):
        if column.type == "category":
            counts = present.value_counts()
            about["categories"] = [str(value) for value in counts.index[:MOST_CATEGORIES]]
            if len(counts) > MOST_CATEGORIES:
                about["categoriesTruncated"] = True
        about["example"] = str(present.mode().iloc[0]) if len(present) and column.type == "category" else first(present)
        return about
    if len(present):
        low, high, usual = present.min(), present.max(), middle(present)
        if column.type == "datetime":
            about |= {"min": milliseconds(low), "max": milliseconds(high)}
        else:
            about |= {"min": float(low), "max": float(high)}
        about["example"] = as_sent(pd.Series([usual]), column.type)[0]
    return about


def middle(values: pd.Series) -> Any:
    """A value that really occurs, near the median."""
    return np.sort(values.to_numpy())[len(values) // 2]


def first(values: pd.Series) -> str | None:
    return str(values.iloc[0]) if len(values) else None


def milliseconds(value: Any) -> float:
    return float(pd.Timestamp(value).value // 1_000_000)


def environment() -> dict[str, Any]:
    """The interpreter and the packages that had a part in the result."""
    packages = {}
    for name in PACKAGES:
        try:
            packages[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return {"python": platform.python_version(), "packages": packages}


def peak_memory_bytes() -> int:
    """The largest resident size of this process so far (Linux counts it in KiB)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
