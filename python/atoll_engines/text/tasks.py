"""Tasks on text that have modules of their own: what they answer is not a label or a number for each text."""

from __future__ import annotations

import importlib
import json
from typing import Any

from atoll_engines.contract import Job, Report
from atoll_engines.evaluation.package import package_folders

# The package of each task; it has train, evaluate and predict, each with `run(job, report)`.
PACKAGES = {"seq2seq": "atoll_engines.text.seq2seq", "tokens": "atoll_engines.text.tagging"}


def has_package(task: Any) -> bool:
    return task in PACKAGES


def run_for(task: Any, what: str, job: Job, report: Report) -> dict[str, Any] | None:
    """Run the module that does `what` (train, evaluate or predict) for such a task."""
    return importlib.import_module(f"{PACKAGES[task]}.{what}").run(job, report)


def task_of_package(job: Job) -> Any:
    """The task that the package in the channel `model` was trained for."""
    return json.loads((package_folders(job, None).model / "signature.json").read_text("utf-8")).get("task")
