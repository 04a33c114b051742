"""A map of a few thousand rows, with their raw values to show at each point."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from atoll_engines.recipes import InputColumn
from atoll_engines.tabular.parity_rows import as_sent
from atoll_engines.unsupervised.algorithms.model import Setting
from atoll_engines.unsupervised.algorithms.principal import Principal
from atoll_engines.unsupervised.algorithms.umap_layout import umap_layout

MOST_POINTS, MOST_COLUMNS, LONGEST_TEXT = 2000, 24, 200


def map_rows(
    frame: pd.DataFrame, inputs: list[InputColumn], x: np.ndarray, colours: dict[str, Any], seed: int, own: np.ndarray | None = None
) -> dict[str, Any]:
    """Places by the model's own map where it is one, by principal components, and by UMAP; `colours` are figures by row."""
    random = np.random.default_rng(seed)
    chosen = np.arange(len(frame))
    if len(chosen) > MOST_POINTS:
        chosen = np.sort(random.choice(chosen, MOST_POINTS, replace=False))
    points = x[chosen]
    layouts: dict[str, Any] = {}
    if own is not None and own.shape[1] >= 2:
        layouts["model"] = rounded(own[chosen, :2])
    if points.shape[1] >= 2:
        axes = Principal({"components": 2}, Setting(seed, 1))
        axes.fit(points)
        layouts["pca"] = rounded(axes.answer(points)["vector"])
        if own is None and len(points) >= 30:
            layouts["umap"] = rounded(umap_layout(points.astype(np.float64), 15, 0.1, seed))
    elif not layouts:
        layouts["pca"] = rounded(np.column_stack([points[:, 0], np.zeros(len(points))]))
    rows = frame.iloc[chosen]
    shown = inputs[:MOST_COLUMNS]
    cells = [as_sent(rows[column.name], column.type) for column in shown]
    return {
        "rows": len(frame),
        "ids": rows.index.to_list(),
        "layouts": layouts,
        "columns": [{"name": column.name, "type": column.type} for column in shown],
        "values": [[shortened(column[row]) for column in cells] for row in range(len(rows))],
        "colours": {name: np.asarray(values)[chosen].tolist() for name, values in colours.items()},
    }


def rounded(places: np.ndarray) -> list[list[float]]:
    return np.round(places.astype(np.float64), 4).tolist()


def shortened(value: Any) -> Any:
    return value[:LONGEST_TEXT] + "…" if isinstance(value, str) and len(value) > LONGEST_TEXT else value
