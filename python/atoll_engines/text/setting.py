"""What a text model must know beside its parameters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from atoll_engines.contract import Report
from atoll_engines.tabular.algorithms.model import Setting
from atoll_engines.text.augment import Augmentation


@dataclass(frozen=True)
class TextSetting:
    """The job as its models see it. `weights` is the folder of given weights, `checkpoints` where fits are kept."""

    base: Setting
    augmentation: Augmentation
    separator: str
    columns: int
    report: Report | None = None
    checkpoints: Path | None = None
    weights: Path | None = None
    freeze: int = 0
    # As the user wrote them; the loop of all networks reads its own among them.
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def outputs(self) -> int:
        return self.base.classes or 1

    @property
    def task(self) -> str:
        return self.base.task


class TextModel(Protocol):
    """A model over texts. `predict` gives float32 [rows, classes], or [rows] for a regression."""

    rounds: int | None

    def fit(self, x: np.ndarray, y: np.ndarray, weights: np.ndarray | None = None, watch: Any = None) -> None: ...

    def predict(self, x: np.ndarray) -> np.ndarray: ...

    def save(self, folder: Path) -> None:
        """Write what `load` needs into `native/`: JSON, safetensors and a tokenizer, never a pickle."""
        ...

    def to_onnx(self) -> bytes:
        """The serving graph."""
        ...

    def tensors(self, texts: np.ndarray) -> dict[str, np.ndarray]:
        """The graph's inputs for these texts."""
        ...

    def facts(self) -> dict[str, Any]:
        """What the card should say of how it was made."""
        ...


Loader = Callable[[Path, TextSetting], TextModel]
