"""Export to ONNX, and the check that the graph answers as the pipeline does."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from atoll_engines.errors import EngineError
from atoll_engines.recipes import raw_tensors
from atoll_engines.tabular.metrics import labels_of
from atoll_engines.tabular.parity_rows import with_missing, with_unseen
from atoll_engines.tabular.pipeline import Pipeline

CLASS_TOLERANCE = 1e-4
CHECKED_ROWS = 2000


@dataclass(frozen=True)
class Export:
    """Which way the model is served, and why not by its graph where that is so."""

    path: str
    reason: str | None
    max_difference: float | None
    rows: int

    def as_json(self) -> dict:
        return {
            "ok": self.path == "onnx", "path": self.path, "reason": self.reason,
            "maxDifference": self.max_difference, "rows": self.rows,
        }  # fmt: skip


def export(pipeline: Pipeline, frame: pd.DataFrame, file: Path, tolerance: float, seed: int) -> Export:
    """Write the graph if it answers as the pipeline does on these rows; else say why it does not."""
    try:
        model = pipeline.to_onnx().SerializeToString()
    except EngineError as error:
        return Export("python", error.message, None, 0)
    except Exception as error:  # a graph that cannot be made is served from Python, not a failed job
        return Export("python", f"The graph could not be made: {type(error).__name__}: {error}", None, 0)
    rows = checked_rows(pipeline, frame, seed)
    try:
        found = compare(pipeline, model, rows, tolerance)
    except Exception as error:
        return Export("python", f"ONNX Runtime could not run the graph: {first_line(error)}", None, len(rows))
    if found.path == "onnx":
        file.write_bytes(model)
    return found


def checked_rows(pipeline: Pipeline, frame: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Real rows, and copies of them with missing and never-seen values."""
    random = np.random.default_rng(seed)
    names = [column.name for column in pipeline.recipe.inputs]
    chosen = frame[names]
    if len(chosen) > CHECKED_ROWS:
        chosen = chosen.iloc[np.sort(random.choice(len(chosen), CHECKED_ROWS, replace=False))]
    part = chosen.iloc[: max(50, len(chosen) // 4)]
    return pd.concat([chosen, with_missing(part, random), with_unseen(part, pipeline.recipe.inputs, random)])


def compare(pipeline: Pipeline, model: bytes, rows: pd.DataFrame, tolerance: float) -> Export:
    """Run both on the same rows."""
    expected = pipeline.predict(rows)
    answered, *further = run_outputs(model, raw_tensors(rows, pipeline.recipe.inputs))
    answered = answered[:, 0] if pipeline.task == "regression" else answered
    apart = np.abs(expected.astype(np.float64) - answered.astype(np.float64))
    worst = float(np.max(apart)) if np.isfinite(apart).all() else float("inf")
    for (name, there), here in zip(pipeline.predict_further(rows).items(), further, strict=True):
        off = np.abs(there.astype(np.float64) - here) / np.maximum(1, np.abs(there))
        if not np.max(off, initial=0) <= tolerance:
            reason = f'The graph\'s "{name}" differs from the library by up to {np.max(off):.3g} (tolerance {tolerance:.3g}).'
            return Export("python", reason, float(np.max(off)), len(rows))
    if worst > tolerance:
        share = float(np.mean(~(apart <= tolerance)))
        reason = f"The graph differs from the library by up to {worst:.3g} (tolerance {tolerance:.3g}) on {share:.1%} of values."
        return Export("python", reason, worst, len(rows))
    if pipeline.task != "regression":
        flips = int(np.sum(labels_of(expected, pipeline.threshold) != labels_of(answered, pipeline.threshold)))
        if flips:
            return Export("python", f"The graph gives {flips} of {len(rows)} rows another label.", worst, len(rows))
    return Export("onnx", None, worst, len(rows))


def run_graph(model: bytes, tensors: dict[str, np.ndarray]) -> np.ndarray:
    """The graph's answer."""
    return run_outputs(model, tensors)[0]


def run_outputs(model: bytes, tensors: dict[str, np.ndarray]) -> list[np.ndarray]:
    """All outputs of the graph, the answer first, on one thread as in serving."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    wanted = {one.name for one in session.get_inputs()}
    return session.run(None, {name: tensor for name, tensor in tensors.items() if name in wanted})


def tolerance_for(task: str, target: np.ndarray) -> float:
    """How far serving may be from training: 1e-4 of a probability, or of the target's spread."""
    if task != "regression":
        return CLASS_TOLERANCE
    return float(max(CLASS_TOLERANCE * np.std(target), 8 * np.spacing(np.float32(np.abs(target).max()))))


def first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:300]
