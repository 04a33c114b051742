"""Forecasts in Python."""

from __future__ import annotations

from typing import Any

import numpy as np

from atoll_engines.contract import Job, Report
from atoll_engines.evaluation.answer import answer_with
from atoll_engines.forecast.evaluate import open_forecast


def run(job: Job, report: Report) -> dict[str, Any] | None:
    """The engine `forecast.predict`."""
    pipeline, *_ = open_forecast(job)

    def columns(frame: Any) -> dict[str, Any]:
        return {name: list(values) for name, values in pipeline.predict(frame).items()}

    def told(frame: Any) -> dict[str, Any]:
        if not len(frame):
            return {"outputs": {one["name"]: [] for one in pipeline.outputs}}
        return {"outputs": {name: values.astype(np.float64).tolist() for name, values in pipeline.predict(frame).items()}}

    return answer_with(job, report, pipeline.frame.inputs, columns, told)
