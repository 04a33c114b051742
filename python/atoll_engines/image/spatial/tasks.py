"""Which tasks have an answer with places in the picture: they have a training, an evaluation and a package of their own."""

from __future__ import annotations

from atoll_engines.contract import Job
from atoll_engines.evaluation.package import package_folders

PLACES = ("detection", "segmentation")


def is_of_places(job: Job) -> bool:
    """Whether the package of a job is of such a task."""
    return package_folders(job, "pipeline.json").signature()["task"] in PLACES
