"""The strangest rows, and which columns make them so."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from atoll_engines.recipes import InputColumn
from atoll_engines.tabular.parity_rows import as_sent
from atoll_engines.unsupervised.describe.map_points import shortened
from atoll_engines.unsupervised.pipeline import Pipeline

SHOWN_ROWS, MOST_REASONS, BINS = 50, 5, 40


def score_histogram(scores: np.ndarray) -> dict[str, Any]:
    counts, edges = np.histogram(scores[np.isfinite(scores)], BINS)
    return {"edges": edges.tolist(), "counts": counts.tolist()}


def strangest(pipeline: Pipeline, frame: pd.DataFrame, scores: np.ndarray) -> list[dict[str, Any]]:
    """The rows with the highest scores, each with the columns whose usual value would lower its score most."""
    order = np.argsort(-scores, kind="stable")[:SHOWN_ROWS]
    rows = frame.iloc[order]
    usual = {column.name: usual_value(frame[column.name], column) for column in pipeline.inputs}
    variants = [rows]
    for column in pipeline.inputs:
        changed = rows.copy()
        changed[column.name] = pd.Series([usual[column.name]] * len(rows), index=rows.index, dtype=rows[column.name].dtype)
        variants.append(changed)
    own, *others = pipeline.predict(pd.concat(variants))["score"][:, 0].astype(np.float64).reshape(len(variants), -1)
    drops = {column.name: own - other for column, other in zip(pipeline.inputs, others, strict=True)}
    sent = {column.name: as_sent(rows[column.name], column.type) for column in pipeline.inputs}
    typical = {column.name: as_sent(pd.Series([usual[column.name]]), column.type)[0] for column in pipeline.inputs}
    found = []
    for place, row in enumerate(rows.index):
        names = sorted(drops, key=lambda name: -drops[name][place])[:MOST_REASONS]
        found.append(
            {
                "row": int(row),
                "score": float(scores[order[place]]),
                "why": [
                    {
                        "column": name,
                        "value": shortened(sent[name][place]),
                        "usual": shortened(typical[name]),
                        "drop": float(drops[name][place]),
                    }
                    for name in names
                    if drops[name][place] > 0
                ],
                "values": {name: shortened(values[place]) for name, values in list(sent.items())[:24]},
            }
        )
    return found


def usual_value(values: pd.Series, column: InputColumn) -> Any:
    """The median of numbers and dates, the most frequent of words and truth values."""
    present = values.dropna()
    if not len(present):
        return None
    if column.type in ("number", "datetime", "integer"):
        return np.sort(present.to_numpy())[len(present) // 2]
    return present.value_counts().index[0]
