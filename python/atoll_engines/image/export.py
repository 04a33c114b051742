"""The serving graph of an image network, and the check that it answers as the network does."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from atoll_engines.image.networks.network import ImageNetwork, Served
from atoll_engines.image.setting import ImageSetting
from atoll_engines.tabular.export import Export, first_line

if TYPE_CHECKING:
    from atoll_engines.image.pipeline import ImagePipeline

CHECKED, BATCH = 256, 32


def graph_of(network: ImageNetwork, setting: ImageSetting) -> bytes:
    """`image` uint8 [N, S, S, C] to `probabilities` and `embedding`, with any number of images."""
    import onnx

    served = Served(network, setting.task).eval()
    # Two images and more: a dimension of one would be frozen.
    sample = torch.randint(0, 256, (2, setting.size, setting.size, setting.channels), dtype=torch.uint8)
    # It says of each missing optional package that it is missing.
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()), torch.no_grad():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            served,
            (sample,),
            dynamo=True,
            dynamic_shapes=({0: torch.export.Dim.DYNAMIC},),
            input_names=["image"],
            output_names=["probabilities", "embedding"],
            external_data=False,
            verbose=False,
        )
    model = program.model_proto
    # Shapes noted for one size would stand in the way of later quantisation.
    del model.graph.value_info[:]
    onnx.checker.check_model(model)
    return model.SerializeToString()


def export(pipeline: ImagePipeline, images: np.ndarray, file: Path, tolerance: float, seed: int) -> Export:
    """Write the graph if it answers as the network does on training images, noise, and black and white ones."""
    try:
        graph = pipeline.model.to_onnx()
    except Exception as error:  # a graph that cannot be made is served from Python, not a failed job
        return Export("python", f"The graph could not be made: {type(error).__name__}: {first_line(error)}", None, 0)
    random = np.random.default_rng(seed)
    chosen = images[np.sort(random.choice(len(images), min(CHECKED, len(images)), replace=False))]
    noise = random.integers(0, 256, (8, *images.shape[1:]), dtype=np.uint8)
    flat = np.stack([np.full(images.shape[1:], level, np.uint8) for level in (0, 255)])
    rows = np.concatenate([chosen, noise, flat])
    try:
        answered = run_graph(graph, rows)
    except Exception as error:
        return Export("python", f"ONNX Runtime could not run the graph: {first_line(error)}", None, len(rows))
    expected, _ = pipeline.model.answer(rows, np.arange(len(rows)))
    apart = np.abs(expected.astype(np.float64) - answered.astype(np.float64))
    worst = float(apart.max()) if np.isfinite(apart).all() else float("inf")
    if worst > tolerance:
        return Export("python", f"The graph differs from the network by up to {worst:.3g} (tolerance {tolerance:.3g}).", worst, len(rows))
    flips = sum(a != b for a, b in zip(pipeline.labels(expected), pipeline.labels(answered), strict=True))
    if flips:
        return Export("python", f"The graph gives {flips} of {len(rows)} images another label.", worst, len(rows))
    file.write_bytes(graph)
    return Export("onnx", None, worst, len(rows))


def run_graph(graph: bytes | str, rows: np.ndarray) -> np.ndarray:
    """The graph's probabilities, in batches of several sizes."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    edges = [0, 1, *range(1 + BATCH, len(rows), BATCH), len(rows)]
    parts: list[Any] = [session.run(["probabilities"], {"image": rows[a:b]})[0] for a, b in zip(edges, edges[1:], strict=False) if b > a]
    return np.concatenate(parts)
