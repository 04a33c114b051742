"""Evaluation of a script's model on the sealed rows, like that of any other."""

from __future__ import annotations

from typing import Any

from atoll_engines.contract import Job, Report
from atoll_engines.evaluation.judge import judge
from atoll_engines.script.package import open_package


def run(job: Job, report: Report) -> dict[str, Any]:
    """The engine `script.evaluate`."""
    return judge(job, report, open_package(job))
