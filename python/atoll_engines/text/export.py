"""The serving graph of a text model, and the check that it answers as the model does."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from atoll_engines.errors import EngineError
from atoll_engines.tabular.export import Export, first_line, run_graph
from atoll_engines.tabular.parity_rows import UNSEEN_WORD
from atoll_engines.text.pipeline import TextPipeline

CHECKED, BATCH = 400, 32


def export(pipeline: TextPipeline, texts: np.ndarray, file: Path, tolerance: float, seed: int) -> Export:
    """Write the graph if it answers as the model does on training texts, broken ones and empty ones."""
    model = pipeline.model
    if not hasattr(model, "to_onnx"):
        return Export("python", "The baseline reads no text, so it has no graph.", None, 0)
    try:
        graph = model.to_onnx()
    except EngineError as error:
        return Export("python", error.message, None, 0)
    except Exception as error:  # a graph that cannot be made is served from Python, not a failed job
        return Export("python", f"The graph could not be made: {type(error).__name__}: {first_line(error)}", None, 0)
    rows = checked_texts(texts, seed)
    try:
        answered = np.concatenate([run_graph(graph, model.tensors(rows[at : at + BATCH])) for at in range(0, len(rows), BATCH)])
    except Exception as error:
        return Export("python", f"ONNX Runtime could not run the graph: {first_line(error)}", None, len(rows))
    expected = pipeline.predict_texts(rows)
    answered = answered[:, 0] if pipeline.task == "regression" else answered
    apart = np.abs(expected.astype(np.float64) - answered.astype(np.float64))
    worst = float(np.max(apart)) if np.isfinite(apart).all() else float("inf")
    if worst > tolerance:
        return Export("python", f"The graph differs from the model by up to {worst:.3g} (tolerance {tolerance:.3g}).", worst, len(rows))
    if pipeline.task != "regression":
        flips = sum(a != b for a, b in zip(pipeline.labels(expected), pipeline.labels(answered), strict=True))
        if flips:
            return Export("python", f"The graph gives {flips} of {len(rows)} texts another label.", worst, len(rows))
    file.write_bytes(graph)
    return Export("onnx", None, worst, len(rows))


def checked_texts(texts: np.ndarray, seed: int) -> np.ndarray:
    """Real texts, pieces of them, and what nobody expects."""
    random = np.random.default_rng(seed)
    chosen = texts[np.sort(random.choice(len(texts), min(CHECKED, len(texts)), replace=False))]
    part = chosen[: max(20, len(chosen) // 8)]
    cut = [text[int(random.integers(0, len(text) + 1)) :] for text in part]
    mixed = [f"{text} {UNSEEN_WORD}" for text in part]
    strange = ["", " ", "…", "\n\t", UNSEEN_WORD, "a" * 3000, "word " * 2000, "ÉCOLE ÑANDÚ straße 漢字 😀", "<br /><br />", "\u200b"]
    return np.array([*chosen, *cut, *mixed, *strange], dtype=object)
