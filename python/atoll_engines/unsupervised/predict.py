"""Answers in Python of a model without a target."""

from __future__ import annotations

from typing import Any

import numpy as np

from atoll_engines.contract import Job, Report
from atoll_engines.evaluation.answer import answer_with
from atoll_engines.tabular.package_files import open_package
from atoll_engines.unsupervised.answers import answer_columns
from atoll_engines.unsupervised.pipeline import Pipeline


def run(job: Job, report: Report) -> dict[str, Any] | None:
    """The engine `unsupervised.predict`."""
    pipeline: Pipeline = open_package(job).pipeline

    def told(frame: Any) -> dict[str, Any]:
        if not len(frame):
            return {"outputs": {name: [] for name in pipeline.widths()}}
        answer = pipeline.predict(frame)
        return {"outputs": {name: values.astype(np.float64).reshape(len(frame), -1).tolist() for name, values in answer.items()}}

    return answer_with(job, report, pipeline.inputs, lambda frame: answer_columns(pipeline, pipeline.predict(frame)), told)
