"""Prediction with a script's model: a file of rows, or rows line by line."""

from __future__ import annotations

from typing import Any

from atoll_engines.contract import Job, Report
from atoll_engines.evaluation.answer import answer
from atoll_engines.script.package import open_package


def run(job: Job, report: Report) -> dict[str, Any] | None:
    """The engine `script.predict`."""
    return answer(job, report, open_package(job))
