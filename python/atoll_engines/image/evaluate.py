"""Evaluation of an image model on rows it never saw."""

from __future__ import annotations

from typing import Any

from atoll_engines.contract import Job, Report
from atoll_engines.evaluation.judge import judge
from atoll_engines.image.pipeline import open_package


def run(job: Job, report: Report) -> dict[str, Any]:
    """The engine `image.evaluate`."""
    return judge(job, report, open_package(job, "test"))
