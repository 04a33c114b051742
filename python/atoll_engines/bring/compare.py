"""Whether a graph answers as the original does, on every row of the evidence."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from atoll_engines.bring.evidence import Evidence
from atoll_engines.bring.original import Original, first_line
from atoll_engines.errors import EngineError
from atoll_engines.recipes import raw_tensors
from atoll_engines.tabular.export import Export, run_graph
from atoll_engines.tabular.metrics import labels_of

MOST_GRAPH_BYTES = 1 << 30


def export(original: Original, evidence: Evidence, threshold: float | None, tolerance: float, file: Path) -> Export:
    """Write the first graph that proves itself; else say of the last one why it does not."""
    found = Export("python", "There is no graph of models of this kind.", None, 0)
    try:
        for graph in original.graphs():
            found = compare(original, graph, evidence, threshold, tolerance)
            if found.path == "onnx":
                file.write_bytes(graph)
                return found
    except EngineError as error:
        return Export("python", error.message, None, 0)
    except Exception as error:  # a graph that cannot be made is answered from Python, not a failed job
        return Export("python", f"The graph could not be made: {first_line(error)}", None, 0)
    return found


def compare(original: Original, graph: bytes, evidence: Evidence, threshold: float | None, tolerance: float) -> Export:
    rows, expected = evidence.rows, evidence.answers
    if len(graph) > MOST_GRAPH_BYTES:
        return Export("python", f"The graph would have {len(graph) >> 20} MB.", None, 0)
    try:
        answered = np.concatenate([run_part(original, graph, part) for part in divided(rows)])
    except Exception as error:
        return Export("python", f"ONNX Runtime could not run the graph: {first_line(error)}", None, len(rows))
    if not original.classes:
        answered = answered[:, 0]
        size = np.maximum(1, np.abs(expected))
    else:
        size = np.ones_like(expected)
    apart = np.abs(expected - answered.astype(np.float64)) / size
    worst = float(np.max(apart)) if np.isfinite(apart).all() else float("inf")
    if not worst <= tolerance:
        share = float(np.mean(~(apart.reshape(len(rows), -1) <= tolerance).all(axis=1)))
        reason = f"The graph differs from the original by up to {worst:.3g} (tolerance {tolerance:.3g}) on {share:.1%} of rows."
        return Export("python", reason, worst, len(rows))
    if original.classes:
        flips = int(np.sum(labels_of(expected, threshold) != labels_of(answered, threshold)))
        if flips:
            return Export("python", f"The graph gives {flips} of {len(rows)} rows another label.", worst, len(rows))
    return Export("onnx", None, worst, len(rows))


def divided(rows: pd.DataFrame) -> Iterable[pd.DataFrame]:
    """One row, then the others: a graph must take any number."""
    return [part for part in (rows.iloc[:1], rows.iloc[1:]) if len(part)]


def run_part(original: Original, graph: bytes, rows: pd.DataFrame) -> np.ndarray:
    return run_graph(graph, raw_tensors(rows, [column.input for column in original.columns]))
