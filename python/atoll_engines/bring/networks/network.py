"""What every brought network has: what it reads, what it says, and the graph that should say the same."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from atoll_engines.recipes import InputColumn

# Answers this close to one another are told apart by roundings alone.
CLOSE = 1e-5


@dataclass
class Network(ABC):
    """A loaded network. Items are what it reads: texts, or images as pixels."""

    column: str
    task: str
    classes: tuple[str, ...] | None
    algorithm: str
    library: str
    params: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    threshold: float | None = None
    thresholds: list[float] | None = None
    # The graph takes no more rows at once, where it was made for a fixed number.
    rows_per_run: int | None = None

    type = "text"

    @property
    def inputs(self) -> list[InputColumn]:
        return [InputColumn(self.column, self.type)]

    @property
    def answer_name(self) -> str:
        return "prediction" if self.task == "regression" else "probabilities"

    @abstractmethod
    def input(self) -> dict[str, Any]:
        """The signature's input."""

    def outputs(self) -> list[dict[str, Any]] | None:
        """The outputs of the graph where they are not just those of the task."""
        return None

    @abstractmethod
    def answer(self, items: list[Any]) -> dict[str, np.ndarray]:
        """float64 [items, width] by name, from the library itself."""

    @abstractmethod
    def graph(self) -> bytes:
        """The graph, as ONNX."""

    @abstractmethod
    def tensors(self, items: list[Any]) -> dict[str, np.ndarray]:
        """The graph's inputs for some items."""

    def write_files(self, folder: Path) -> None:  # noqa: B027
        """What the graph needs beside it."""

    @abstractmethod
    def items_of(self, cells: list[Any]) -> list[Any]:
        """What a client sends, as items."""

    def sent(self, item: Any) -> Any:
        """An item as a client sends it."""
        return item

    def clear(self, answers: dict[str, np.ndarray]) -> np.ndarray:
        """Marks the rows whose answer no rounding can change."""
        said = answers[next(iter(answers))]
        if self.task == "multilabel":
            return (np.abs(said - np.array(self.thresholds)) > CLOSE).all(axis=1)
        if self.task == "binary" and self.threshold is not None:
            return np.abs(said[:, 1] - self.threshold) > CLOSE
        if self.task == "multiclass":
            ordered = np.sort(said, axis=1)
            return ordered[:, -1] - ordered[:, -2] > CLOSE
        return np.ones(len(said), bool)

    def labels(self, answers: dict[str, np.ndarray]) -> list[Any] | None:
        from atoll_engines.evaluation import multilabel
        from atoll_engines.tabular.metrics import labels_of

        if self.task == "multilabel":
            said = answers["probabilities"]
            return multilabel.labels(multilabel.chosen(said, self.thresholds or []), self.classes or ())
        if self.task in ("binary", "multiclass"):
            return [(self.classes or ())[k] for k in labels_of(answers["probabilities"], self.threshold)]
        return None

    def signature(self, target: str | None, tolerance: float) -> dict[str, Any]:
        classes = list(self.classes) if self.classes else None
        about: dict[str, Any] = {
            "task": self.task,
            "target": None if self.task == "embedding" else target or "prediction",
            "classes": classes,
            "positive": classes[1] if self.task == "binary" and classes else None,
            "threshold": self.threshold if self.task == "binary" else None,
            "tolerance": tolerance,
            "inputs": [{"name": self.column, **self.input()}],
        }
        if self.task == "multilabel":
            about["thresholds"] = self.thresholds
        if self.rows_per_run:
            about["rowsPerRun"] = self.rows_per_run
        outputs = self.outputs()
        return about | ({"outputs": outputs} if outputs else {})
