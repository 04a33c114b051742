"""Evaluation of a model of sounds on rows it never saw."""

from __future__ import annotations

from typing import Any

from atoll_engines.audio.tasks import run_for, task_of_package
from atoll_engines.contract import Job, Report


def run(job: Job, report: Report) -> dict[str, Any] | None:
    """The engine `audio.evaluate`."""
    return run_for(task_of_package(job), "evaluate", job, report)
