"""What every algorithm without a target is: a record of its settings, and a model that fits, answers and emits itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

if TYPE_CHECKING:
    from atoll_engines.recipes.graph import GraphBuilder

TASKS = ("clustering", "anomaly", "projection", "topics", "embedding")
NOISE = -1


@dataclass(frozen=True)
class Setting:
    """What a model must know beside its parameters."""

    seed: int
    threads: int


class Model(Protocol):
    """A model over float32 features without missing values.

    `answer` and `emit` name the same outputs: clustering `cluster` (int64 [N], -1 is noise) and `distances` or
    `probabilities` (float32 [N, k]); anomaly `score` (float32 [N, 1], higher is stranger); projection and embedding
    `vector`, topics `topics` (float32 [N, k]).
    """

    def fit(self, x: np.ndarray) -> None: ...

    def answer(self, x: np.ndarray) -> dict[str, np.ndarray]: ...

    def emit(self, graph: GraphBuilder, features: str) -> dict[str, str]:
        """Add the model's nodes; the tensor behind each output."""
        ...

    def facts(self) -> dict[str, Any]:
        """What the fit settled, readable and small."""
        ...


@dataclass(frozen=True)
class Algorithm:
    """One algorithm: its task, what it is built with, and what a search may try."""

    name: str
    title: str
    task: str
    about: str
    build: Callable[[dict[str, Any], Setting], Model]
    defaults: dict[str, Any] = field(default_factory=dict)
    space: dict[str, Any] = field(default_factory=dict)
    # The points that are tried when the search is left to us; None for the defaults alone.
    tries: Callable[[int], list[dict[str, Any]]] | None = None
    # Above this many training rows the model is fitted on a sample, and says so.
    most_rows: int = 100_000
    runtime: str = "tabular"
    needs: tuple[str, ...] = ()
