"""Opens a model package that a job was given."""

from __future__ import annotations

from atoll_engines.compression.graph_models import MARK, table_of
from atoll_engines.contract import Job
from atoll_engines.evaluation.package import Package, package_folders


def open_package(job: Job) -> Package:
    """The package in the channel `model`, with the pipeline that training stored."""
    import joblib

    folders = package_folders(job, "pipeline.joblib", MARK)
    if not (folders.native / "pipeline.joblib").is_file():
        return Package(table_of(folders.model), folders.signature(), folders.training())
    return Package(joblib.load(folders.native / "pipeline.joblib"), folders.signature(), folders.training())
