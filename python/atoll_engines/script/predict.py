"""Prediction with a script's model: a file of rows, or rows line by line."""

from __future__ import annotations

from typing import Any

from atoll_engines.contract import Job, Report
from atoll_engines.script.package import open_package
from atoll_engines.tabular.predict import predict_with


def run(job: Job, report: Report) -> dict[str, Any] | None:
    """The engine `script.predict`."""
    return predict_with(job, report, open_package(job))
