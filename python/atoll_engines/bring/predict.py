"""Prediction by an original itself: a file of rows, or rows line by line."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd

from atoll_engines.bring.apart import guarded, own_streams
from atoll_engines.bring.package import ABOUT, open_package
from atoll_engines.contract import Job, Report
from atoll_engines.evaluation.answer import answer, serve
from atoll_engines.evaluation.package import package_folders


def run(job: Job, report: Report) -> dict[str, Any] | None:
    """The engine `bring.predict`."""
    about = json.loads((package_folders(job, ABOUT).native / ABOUT).read_text("utf-8"))
    if "kind" in about:
        from atoll_engines.bring.networks import predict

        return predict(job, report)
    if not job.parameters.get("serve"):
        return answer(job, report, open_package(job))
    source, sink = own_streams()
    pipeline = open_package(job).pipeline
    name = "predictions" if pipeline.task == "regression" else "probabilities"

    def told(frame: pd.DataFrame) -> dict[str, Any]:
        return {name: pipeline.predict(frame).astype(np.float64).tolist()}

    report.log("Serving rows from standard input.")
    serve(pipeline.inputs, guarded(told), source, sink)
    return None
