"""The files of a forecast's package."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pandas as pd

from atoll_engines.errors import EngineError
from atoll_engines.forecast.pipeline import Pipeline
from atoll_engines.forecast.windows import Windows, to_frame
from atoll_engines.recipes import raw_tensors
from atoll_engines.tabular.export import Export
from atoll_engines.tabular.package import Seen

TOLERANCE = 1e-4
CHECKED = 500


def signature(pipeline: Pipeline, target: str, windows: Windows) -> dict[str, Any]:
    """The columns of a request, and what the graph answers."""
    inputs = pipeline.frame.inputs
    seen = Seen(inputs).add(to_frame(windows, pipeline.frame))
    return {
        "task": "forecast", "target": target, "classes": None, "positive": None, "threshold": None, "tolerance": TOLERANCE,
        "inputs": [{**seen.describe(column), "nullable": True, "tensor": "numbers", "index": at} for at, column in enumerate(inputs)],
        "outputs": pipeline.outputs,
        "forecast": {
            "horizon": pipeline.frame.horizon, "context": pipeline.frame.context, "season": pipeline.frame.season,
            "spacing": pipeline.frame.spacing.name, "milliseconds": pipeline.frame.spacing.milliseconds,
            "months": pipeline.frame.spacing.months,
            "timeColumn": pipeline.frame.time_column, "knownColumns": list(pipeline.frame.known),
        },
    }  # fmt: skip


def holes(frame: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Copies of requests in which a third of the values is missing, one of them all."""
    result = frame.copy()
    random = np.random.default_rng(seed)
    missing = random.random(frame.shape) < 0.3
    missing[0] = True
    for at, name in enumerate(frame.columns):
        result[name] = frame[name].where(~missing[:, at])
    return result


def export(pipeline: Pipeline, windows: Windows, file: Path, seed: int) -> Export:
    """Write the graph if it answers as the pipeline does; else say why it does not."""
    chosen = windows.take(np.unique(np.linspace(0, len(windows) - 1, min(CHECKED, len(windows))).astype(int)))
    frame = to_frame(chosen, pipeline.frame)
    rows = pd.concat([frame, holes(frame, seed)])
    try:
        model = pipeline.to_onnx().SerializeToString()
        session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
        names = [one.name for one in session.get_outputs()]
        answered = dict(zip(names, session.run(None, raw_tensors(rows, pipeline.frame.inputs)), strict=True))
    except EngineError as error:
        return Export("python", error.message, None, 0)
    except Exception as error:
        return Export("python", f"The graph could not be made: {type(error).__name__}: {str(error).splitlines()[0][:200]}", None, 0)
    worst = 0.0
    for name, wanted in pipeline.predict(rows).items():
        off = np.abs(answered[name] - wanted) / np.maximum(1.0, np.abs(wanted))
        worst = max(worst, float(np.nan_to_num(off, nan=np.inf).max()))
    if worst > TOLERANCE:
        return Export("python", f"The graph differs from the pipeline by {worst:.2e}.", worst, len(rows))
    file.write_bytes(model)
    return Export("onnx", None, worst, len(rows))
