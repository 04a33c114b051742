"""The check that a serving graph answers as the network does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from atoll_engines.onnx_models.torch_graph import torch_graph
from atoll_engines.tabular.export import Export, first_line

BATCH = 32


def graph_of(served: nn.Module, sample: torch.Tensor, name: str, outputs: list[str]) -> bytes:
    """The graph of a network with any number of rows; `sample` has two or more: a dimension of one would be frozen."""
    return torch_graph(served, (sample,), inputs=[name], outputs=outputs, sizes=({0: torch.export.Dim.DYNAMIC},), opset=None)


def export_checked(
    make: Callable[[], bytes],
    rows: np.ndarray,
    expected: Callable[[np.ndarray], np.ndarray],
    labels: Callable[[np.ndarray], list[Any]],
    file: Path,
    tolerance: float,
    noun: str,
) -> Export:
    """Write the graph that `make` gives if it answers as `expected` does on `rows`, items called `noun`s."""
    try:
        graph = make()
    except Exception as error:  # a graph that cannot be made is served from Python, not a failed job
        return Export("python", f"The graph could not be made: {type(error).__name__}: {first_line(error)}", None, 0)
    try:
        answered = run_graph(graph, rows)
    except Exception as error:
        return Export("python", f"ONNX Runtime could not run the graph: {first_line(error)}", None, len(rows))
    wanted = expected(rows)
    apart = np.abs(wanted.astype(np.float64) - answered.astype(np.float64))
    worst = float(apart.max()) if np.isfinite(apart).all() else float("inf")
    if worst > tolerance:
        return Export("python", f"The graph differs from the network by up to {worst:.3g} (tolerance {tolerance:.3g}).", worst, len(rows))
    flips = sum(a != b for a, b in zip(labels(wanted), labels(answered), strict=True))
    if flips:
        return Export("python", f"The graph gives {flips} of {len(rows)} {noun}s another label.", worst, len(rows))
    file.write_bytes(graph)
    return Export("onnx", None, worst, len(rows))


def run_graph(graph: bytes | str, rows: np.ndarray) -> np.ndarray:
    """The graph's first output, in batches of several sizes."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    takes, gives = session.get_inputs()[0].name, session.get_outputs()[0].name
    edges = [0, 1, *range(1 + BATCH, len(rows), BATCH), len(rows)]
    parts: list[Any] = [session.run([gives], {takes: rows[a:b]})[0] for a, b in zip(edges, edges[1:], strict=False) if b > a]
    return np.concatenate(parts)
