"""Evaluation of a brought model on rows with known answers, like that of any other."""

from __future__ import annotations

from typing import Any

from atoll_engines.bring.package import open_package
from atoll_engines.contract import Job, Report
from atoll_engines.evaluation.judge import judge


def run(job: Job, report: Report) -> dict[str, Any]:
    """The engine `bring.evaluate`."""
    return judge(job, report, open_package(job))
