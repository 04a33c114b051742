"""Prediction in Python with an image model."""

from __future__ import annotations

import importlib
from typing import Any

from atoll_engines.contract import Job, Report
from atoll_engines.evaluation.answer import answer
from atoll_engines.image.pipeline import open_package
from atoll_engines.image.spatial.tasks import is_of_places


def run(job: Job, report: Report) -> dict[str, Any] | None:
    """The engine `image.predict`."""
    if is_of_places(job):
        return importlib.import_module("atoll_engines.image.spatial.predict").run(job, report)
    return answer(job, report, open_package(job, None if job.parameters.get("serve") else "rows"))
