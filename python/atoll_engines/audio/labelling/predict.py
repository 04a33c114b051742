"""Prediction in Python with a model of labelled sounds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from atoll_engines.audio.labelling.pipeline import open_package
from atoll_engines.contract import Job, Report
from atoll_engines.evaluation.answer import answer, answer_columns, answer_with


def run(job: Job, report: Report) -> dict[str, Any] | None:
    """The engine `audio.predict` for tasks with labels."""
    package = open_package(job, None if job.parameters.get("serve") else "rows")
    pipeline = package.pipeline
    if not pipeline.has_vector:
        return answer(job, report, package)

    def told(frame: pd.DataFrame) -> dict[str, Any]:
        probabilities, vectors = pipeline.outputs(frame)
        return {"outputs": {"probabilities": probabilities.astype(np.float64).tolist(), "vector": vectors.astype(np.float64).tolist()}}

    return answer_with(job, report, pipeline.inputs, lambda frame: answer_columns(package, pipeline.predict(frame)), told)
