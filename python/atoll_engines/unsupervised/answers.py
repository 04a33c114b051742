"""A model's answers as columns of a file, and what each row's answer decides."""

from __future__ import annotations

from typing import Any

import numpy as np

from atoll_engines.unsupervised.pipeline import Pipeline


def labels_of(pipeline: Pipeline, answer: dict[str, np.ndarray]) -> list[Any] | None:
    """The group of each row, or whether it is an anomaly; a map and topics decide nothing."""
    if "cluster" in answer:
        return answer["cluster"].tolist()
    if "score" in answer and pipeline.threshold is not None:
        return (answer["score"][:, 0].astype(np.float64) >= pipeline.threshold).tolist()
    return None


def answer_columns(pipeline: Pipeline, answer: dict[str, np.ndarray]) -> dict[str, Any]:
    """Each output as a column, or as one for each of its numbers; what is decided is `predicted`."""
    columns: dict[str, Any] = {}
    decided = labels_of(pipeline, answer)
    if decided is not None:
        columns["predicted"] = decided
    elif "topics" in answer:
        columns["predicted"] = answer["topics"].argmax(axis=1)
    for name, values in answer.items():
        if values.ndim == 1 or values.shape[1] == 1:
            columns[name] = values.ravel()
        else:
            columns |= {f"{name}_{k}": values[:, k] for k in range(values.shape[1])}
    return columns
