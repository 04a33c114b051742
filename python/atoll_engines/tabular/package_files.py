"""Opens a model package that a job was given."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from atoll_engines.contract import Job
from atoll_engines.errors import EngineError
from atoll_engines.tabular.pipeline import Pipeline


@dataclass(frozen=True)
class Package:
    """A package's pipeline, signature and training record."""

    pipeline: Pipeline
    signature: dict[str, Any]
    training: dict[str, Any] | None


def open_package(job: Job) -> Package:
    """The package in the channel `model`; the pipeline lies in `native/` within it or beside it."""
    import joblib

    channel = job.channel("model")
    folder = channel if (channel / "signature.json").is_file() else channel / "model"
    if not (folder / "signature.json").is_file():
        raise EngineError('The channel "model" holds no signature.json, so it is not a package of ours.')
    places = [folder / "native", channel / "native", channel.parent / "native"]
    native = next((place for place in places if (place / "pipeline.joblib").is_file()), None)
    if native is None:
        raise EngineError("The package has no native/pipeline.joblib; only a package that was trained here can be run in Python.")
    training = folder / "training.json"
    return Package(
        pipeline=joblib.load(native / "pipeline.joblib"),
        signature=read(folder / "signature.json"),
        training=read(training) if training.is_file() else None,
    )


def read(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text("utf-8"))
