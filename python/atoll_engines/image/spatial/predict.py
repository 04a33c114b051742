"""Prediction in Python with a model of places."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from atoll_engines.contract import Job, Report
from atoll_engines.evaluation.answer import answer_with
from atoll_engines.image.spatial.pipeline import open_pipeline


def run(job: Job, report: Report) -> dict[str, Any] | None:
    """`image.predict` for the tasks detection and segmentation: a file of answers, or what the graph would say line by line."""
    pipeline, _, _ = open_pipeline(job, None if job.parameters.get("serve") else "rows")
    part, about = pipeline.part, pipeline.about

    def columns(frame: pd.DataFrame) -> dict[str, Any]:
        _, answers = pipeline.answers(frame[pipeline.column])
        return {"predicted": [part.as_text(one, about) for one in answers]}

    def told(frame: pd.DataFrame) -> dict[str, Any]:
        said = pipeline.answers(frame[pipeline.column])[0] if len(frame) else np.zeros((0, part.width(about)))
        return {"outputs": {part.output: said.astype(np.float64).tolist()}}

    return answer_with(job, report, pipeline.inputs, columns, told)
