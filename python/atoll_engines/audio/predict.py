"""Prediction in Python with a model of sounds."""

from __future__ import annotations

from typing import Any

from atoll_engines.audio.tasks import run_for, task_of_package
from atoll_engines.contract import Job, Report


def run(job: Job, report: Report) -> dict[str, Any] | None:
    """The engine `audio.predict`."""
    return run_for(task_of_package(job), "predict", job, report)
