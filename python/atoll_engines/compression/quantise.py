"""The engine `compression.quantise`: a package whose graph holds its numbers in fewer bits."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from atoll_engines.compression.calibration import calibration_runs
from atoll_engines.compression.derived import Derived, leave_package, open_derived
from atoll_engines.compression.graph_models import Graph
from atoll_engines.compression.schemes import SCHEMES, Quantised, quantised
from atoll_engines.contract import Job, Report
from atoll_engines.errors import BadInput, what_exists

CALIBRATION_ROWS = 256
COMPARED_ROWS = 512
# Integers round differently where the last digit of a sum differs: a step of the output's scale is allowed, a label is not.
TOLERANCE = {"int8_static": 2e-3, "int8_dynamic": 2e-3}


def run(job: Job, report: Report) -> dict[str, Any]:
    """Quantises, compares with the original on training rows, and leaves the package."""
    started = time.monotonic()
    scheme = job.parameters.get("scheme") or "int8_dynamic"
    if scheme not in SCHEMES:
        raise BadInput(f'There is no way to quantise called "{scheme}". {what_exists(str(scheme), SCHEMES, "ways")}', parameter="scheme")
    derived = open_derived(job)
    rows = int((job.parameters.get("options") or {}).get("calibrationRows") or CALIBRATION_ROWS)
    if rows < 1:
        raise BadInput("options.calibrationRows must be at least 1.", parameter="options.calibrationRows")
    report.progress("quantise", 0, 3, None, "reading training rows")
    runs, compared = calibration_runs(job, derived, max(rows, COMPARED_ROWS) if scheme == "int8_static" else COMPARED_ROWS, report)
    used = runs[:rows]
    report.progress("quantise", 1, 3, None, f"{scheme}: {compared} training rows at hand")
    made = quantised((derived.folder / "model.onnx").read_bytes(), scheme, used)
    signature = derived.signature | ({"rowsPerRun": 1} if made.is_batch_dependent else {})
    if scheme in TOLERANCE:
        signature["tolerance"] = max(float(signature["tolerance"]), TOLERANCE[scheme])
    report.progress("quantise", 2, 3, None, "comparing with the original")
    agreement = compare(derived, made, signature, runs)
    facts = {
        "method": "quantise", "scheme": scheme, "calibrationRows": len(used) if scheme == "int8_static" else None,
        "quantised": made.count, "kept": made.kept, "agreement": agreement,
    }  # fmt: skip
    leave_package(job, derived, made.graph, signature, facts, started)
    report.artifact("model/model.onnx", "model", "The quantised graph")
    report.progress("quantise", 3, 3, 0.0, "done")
    return facts | {"bytes": {"before": derived.bytes, "after": len(made.graph)}}


def compare(derived: Derived, made: Quantised, signature: dict[str, Any], runs: list[dict[str, np.ndarray]]) -> dict[str, Any]:
    """How the quantised graph's answers to training rows differ from the original's."""
    before = Graph((derived.folder / "model.onnx").read_bytes(), derived.signature)
    after = Graph(made.graph, signature)
    a = np.concatenate([before.run(one) for one in runs]).astype(np.float64)
    b = np.concatenate([after.run(one) for one in runs]).astype(np.float64)
    if not np.isfinite(b).all():
        raise BadInput("The quantised graph answers with values that are no numbers; this model cannot be quantised in this way.")
    apart = np.abs(a - b)
    about = {"rows": len(a), "meanDifference": float(apart.mean()), "largestDifference": float(apart.max())}
    if derived.signature.get("classes") and derived.signature["task"] != "multilabel":
        about["sameLabel"] = float((a.argmax(1) == b.argmax(1)).mean())
    return about
