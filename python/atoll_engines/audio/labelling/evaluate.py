"""Evaluation of a model of labelled sounds on rows it never saw."""

from __future__ import annotations

from typing import Any

from atoll_engines.audio.labelling.pipeline import open_package
from atoll_engines.contract import Job, Report
from atoll_engines.evaluation.judge import judge


def run(job: Job, report: Report) -> dict[str, Any]:
    """The engine `audio.evaluate` for tasks with labels."""
    return judge(job, report, open_package(job, "test"))
