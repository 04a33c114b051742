"""Prediction in Python with an image model."""

from __future__ import annotations

from typing import Any

from atoll_engines.contract import Job, Report
from atoll_engines.evaluation.answer import answer
from atoll_engines.image.pipeline import open_package


def run(job: Job, report: Report) -> dict[str, Any] | None:
    """The engine `image.predict`."""
    return answer(job, report, open_package(job, None if job.parameters.get("serve") else "rows"))
