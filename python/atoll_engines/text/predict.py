"""Prediction in Python with a text model."""

from __future__ import annotations

from typing import Any

from atoll_engines.contract import Job, Report
from atoll_engines.evaluation.answer import answer
from atoll_engines.text.pipeline import open_package
from atoll_engines.text.tasks import has_package, run_for, task_of_package


def run(job: Job, report: Report) -> dict[str, Any] | None:
    """The engine `text.predict`."""
    if has_package(task := task_of_package(job)):
        return run_for(task, "predict", job, report)
    return answer(job, report, open_package(job))
