"""Export to ONNX, and the check that the graph answers as the pipeline does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from atoll_engines.errors import EngineError
from atoll_engines.recipes import raw_tensors
from atoll_engines.tabular.export import CHECKED_ROWS, Export, first_line
from atoll_engines.tabular.parity_rows import with_missing, with_unseen
from atoll_engines.unsupervised.pipeline import Pipeline
from atoll_engines.unsupervised.signature import TOLERANCE

# Rows answered at once when a graph is checked; wide ones hold every training point against every row.
BATCH = 256


def export(pipeline: Pipeline, frame: pd.DataFrame, file: Path, seed: int) -> Export:
    """Write the graph if it answers as the pipeline does on these rows; else say why it does not."""
    try:
        model = pipeline.to_onnx().SerializeToString()
    except EngineError as error:
        return Export("python", error.message, None, 0)
    except Exception as error:  # a graph that cannot be made is served from Python, not a failed job
        return Export("python", f"The graph could not be made: {type(error).__name__}: {error}", None, 0)
    rows = checked_rows(pipeline, frame, seed)
    try:
        found = compare(pipeline, model, rows)
    except Exception as error:
        return Export("python", f"ONNX Runtime could not run the graph: {first_line(error)}", None, len(rows))
    if found.path == "onnx":
        file.write_bytes(model)
    return found


def checked_rows(pipeline: Pipeline, frame: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Real rows, and copies of them with missing and never-seen values."""
    random = np.random.default_rng(seed)
    chosen = frame[[column.name for column in pipeline.inputs]]
    if len(chosen) > CHECKED_ROWS:
        chosen = chosen.iloc[np.sort(random.choice(len(chosen), CHECKED_ROWS, replace=False))]
    part = chosen.iloc[: max(50, len(chosen) // 4)]
    return pd.concat([chosen, with_missing(part, random), with_unseen(part, pipeline.inputs, random)])


def compare(pipeline: Pipeline, model: bytes, rows: pd.DataFrame) -> Export:
    """Run both on the same rows: no group may differ, no number by more than the tolerance of its size."""
    expected = pipeline.predict(rows)
    answered = run_outputs(model, raw_tensors(rows, pipeline.inputs))
    worst = 0.0
    for name, wanted in expected.items():
        said = answered[name]
        if name == "cluster":
            flips = int(np.sum(said != wanted))
            if flips:
                return Export("python", f"The graph puts {flips} of {len(rows)} rows into another group.", worst, len(rows))
            continue
        apart = np.abs(wanted.astype(np.float64) - said.astype(np.float64)) / np.maximum(1.0, np.abs(wanted.astype(np.float64)))
        off = float(np.max(apart)) if np.isfinite(apart).all() else float("inf")
        worst = max(worst, off)
        if off > TOLERANCE:
            reason = f"The graph's {name} differs from the library's by up to {off:.3g} of its size (tolerance {TOLERANCE:.3g})."
            return Export("python", reason, worst, len(rows))
        if name == "score" and pipeline.threshold is not None:
            flips = int(np.sum((said.astype(np.float64) >= pipeline.threshold) != (wanted.astype(np.float64) >= pipeline.threshold)))
            if flips:
                return Export("python", f"The graph calls {flips} of {len(rows)} rows differently.", worst, len(rows))
    return Export("onnx", None, worst, len(rows))


def run_outputs(model: bytes, tensors: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The graph's outputs by name, on one thread as in serving."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    wanted = {one.name for one in session.get_inputs()}
    given = {name: tensor for name, tensor in tensors.items() if name in wanted}
    rows = len(next(iter(given.values())))
    names = [one.name for one in session.get_outputs()]
    parts: list[list[Any]] = []
    for start in range(0, rows, BATCH):
        parts.append(session.run(names, {name: tensor[start : start + BATCH] for name, tensor in given.items()}))
    return {name: np.concatenate([part[place] for part in parts]) for place, name in enumerate(names)}
