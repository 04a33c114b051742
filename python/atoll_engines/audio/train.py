"""Training on sounds, whatever the task."""

from __future__ import annotations

from typing import Any

from atoll_engines.audio.tasks import run_for
from atoll_engines.contract import Job, Report


def run(job: Job, report: Report) -> dict[str, Any] | None:
    """The engine `audio.train`."""
    return run_for(job.parameters.get("task"), "train", job, report)
