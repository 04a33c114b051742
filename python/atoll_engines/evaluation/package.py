"""A package as evaluation and prediction see it, whichever family of engines made it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd

from atoll_engines.contract import Job
from atoll_engines.errors import EngineError
from atoll_engines.recipes import InputColumn


class Judged(Protocol):
    """A trained model with its preparation: raw rows in, probabilities or predictions out."""

    task: str
    classes: tuple[str, ...] | None
    threshold: float | None

    @property
    def inputs(self) -> Sequence[InputColumn]:
        """The raw columns that it reads."""
        ...

    def predict(self, frame: pd.DataFrame) -> np.ndarray:
        """float32 probabilities [rows, classes], or predictions [rows]."""
        ...

    def labels(self, predicted: np.ndarray) -> list[Any]:
        """The class of each row; for a multi-label task the list of its classes."""
        ...


@dataclass(frozen=True)
class Package:
    """A package's pipeline, signature and training record."""

    pipeline: Judged
    signature: dict[str, Any]
    training: dict[str, Any] | None


@dataclass(frozen=True)
class PackageFolders:
    """Where a package lies in a job: what is served, and what only Python may load."""

    model: Path
    native: Path

    def signature(self) -> dict[str, Any]:
        return read(self.model / "signature.json")

    def training(self) -> dict[str, Any] | None:
        path = self.model / "training.json"
        return read(path) if path.is_file() else None


def package_folders(job: Job, *needed: str | None) -> PackageFolders:
    """The package in the channel `model`; what Python loads (one of `needed`, if anything) lies in `native/` within it or beside it."""
    channel = job.channel("model")
    folder = channel if (channel / "signature.json").is_file() else channel / "model"
    if not (folder / "signature.json").is_file():
        raise EngineError('The channel "model" holds no signature.json, so it is not a package of ours.')
    places = [folder / "native", channel / "native", channel.parent / "native"]
    native = next((place for place in places if any(one is None or (place / one).is_file() for one in needed)), None)
    if native is None:
        raise EngineError(f"The package has no native/{needed[0]}; only a package that was trained here can be run in Python.")
    return PackageFolders(folder, native)


def read(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text("utf-8"))
