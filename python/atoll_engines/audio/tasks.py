"""Which module does what to a task: sounds are labelled, divided among speakers, or written down."""

from __future__ import annotations

import importlib
import json
from typing import Any

from atoll_engines.contract import Job, Report
from atoll_engines.errors import BadInput
from atoll_engines.evaluation.package import package_folders

LABELLING = "atoll_engines.audio.labelling"
# The package of each task; it has train, evaluate and predict, each with `run(job, report)`.
PACKAGES = {
    "binary": LABELLING,
    "multiclass": LABELLING,
    "multilabel": LABELLING,
    "diarisation": "atoll_engines.audio.diarisation",
    "transcription": "atoll_engines.audio.speech",
}


def run_for(task: Any, what: str, job: Job, report: Report) -> dict[str, Any] | None:
    """Run the module that does `what` (train, evaluate or predict) for a task."""
    package = PACKAGES.get(task)
    if package is None:
        raise BadInput(f'The task "{task}" is not one of sounds, which are: {", ".join(PACKAGES)}.', parameter="task")
    return importlib.import_module(f"{package}.{what}").run(job, report)


def task_of_package(job: Job) -> Any:
    """The task that the package in the channel `model` was trained for."""
    return json.loads((package_folders(job, None).model / "signature.json").read_text("utf-8")).get("task")
