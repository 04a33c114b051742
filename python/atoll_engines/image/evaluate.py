"""Evaluation of an image model on rows it never saw."""

from __future__ import annotations

import importlib
from typing import Any

from atoll_engines.contract import Job, Report
from atoll_engines.evaluation.judge import judge
from atoll_engines.image.pipeline import open_package
from atoll_engines.image.spatial.tasks import is_of_places


def run(job: Job, report: Report) -> dict[str, Any]:
    """The engine `image.evaluate`."""
    if is_of_places(job):
        return importlib.import_module("atoll_engines.image.spatial.evaluate").run(job, report)
    return judge(job, report, open_package(job, "test"))
