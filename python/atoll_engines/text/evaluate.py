"""Evaluation of a text model on rows it never saw."""

from __future__ import annotations

from typing import Any

from atoll_engines.contract import Job, Report
from atoll_engines.evaluation.judge import judge
from atoll_engines.text.pipeline import open_package
from atoll_engines.text.tasks import has_package, run_for, task_of_package


def run(job: Job, report: Report) -> dict[str, Any]:
    """The engine `text.evaluate`."""
    if has_package(task := task_of_package(job)):
        return run_for(task, "evaluate", job, report)
    return judge(job, report, open_package(job))
