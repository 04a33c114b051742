"""What every algorithm is: a record of its settings, and a model that fits, predicts and emits itself."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from atoll_engines.errors import EngineError

if TYPE_CHECKING:
    from atoll_engines.contract import Report
    from atoll_engines.neural.plan import RulePlan
    from atoll_engines.recipes.graph import GraphBuilder

CLASSIFICATION = ("binary", "multiclass")
REGRESSION = ("regression",)


def of_a_job(params: dict[str, Any], setting: Any) -> Any:
    """In the place of a model's maker where only a job, with its items in hand, can make one: asking here is a fault of ours."""
    raise EngineError("This model is made for a job's own items, not from parameters alone.")


@dataclass(frozen=True)
class Setting:
    """What a model must know beside its parameters; `classes` is 0 for a regression."""

    task: str
    classes: int
    seed: int
    threads: int
    # For each feature how many categories its codes count, 0 for a number; empty where all are numbers.
    codes: tuple[int, ...] = ()
    # For each feature the raw columns it is made from; empty where the algorithm does not ask.
    origins: tuple[tuple[str, ...], ...] = ()
    # Of a table of pairs: the raw columns that describe the left object.
    left: tuple[str, ...] = ()


@dataclass(frozen=True)
class Debugger:
    """Who hears of a network while it learns, and the rules that it is held to."""

    report: Report
    rules: RulePlan
    algorithm: str = ""


@dataclass(frozen=True)
class Watch:
    """Rows that a boosted model watches to know when to stop, and whom it tells of each round."""

    features: np.ndarray
    target: np.ndarray
    patience: int = 50
    on_round: Callable[[int, float], None] | None = None
    # When to stop however well it goes (monotonic seconds); None for never.
    until: float | None = None

    @property
    def is_over(self) -> bool:
        return self.until is not None and time.monotonic() > self.until


class Model(Protocol):
    """A model over float32 features. `predict` gives float32 [rows, classes], or [rows] for a regression."""

    # The number of boosting rounds that a watched fit settled on; None for a model without rounds.
    rounds: int | None

    def fit(self, x: np.ndarray, y: np.ndarray, weights: np.ndarray | None = None, watch: Watch | None = None) -> None: ...

    def predict(self, x: np.ndarray) -> np.ndarray: ...

    def emit(self, graph: GraphBuilder, features: str) -> str:
        """Add the model's nodes; the name of float32 probabilities [N, classes] or of a prediction [N, 1]."""
        ...


@dataclass(frozen=True)
class Algorithm:
    """One algorithm: for which tasks, on which kind of recipe, where its search starts and what it may try."""

    name: str
    title: str
    tasks: tuple[str, ...]
    # The kind of preparation an automatic recipe makes for it: "tree", "linear", "distance", "embedding", "pairs", or None for no features.
    family: str | None
    build: Callable[[dict[str, Any], Setting], Model]
    defaults: dict[str, Any] = field(default_factory=dict)
    space: dict[str, Any] = field(default_factory=dict)
    # Good settings tried right after the defaults, before the search proper.
    starts: tuple[dict[str, Any], ...] = ()
    # The parameter that early stopping settles, if there is one.
    rounds: str | None = None
    weighted: bool = True
    # Above this many training rows the model is fitted on a sample, and says so.
    most_rows: int | None = None
    # Made of other models after the search, rather than tried in it.
    is_ensemble: bool = False
    # The runtime that can train it.
    runtime: str = "tabular"
    # Reads a row as a pair of objects, so that it must know which columns a feature is made from.
    is_of_pairs: bool = False


def balanced_weights(y: np.ndarray, classes: int) -> np.ndarray:
    """Weights that give every class the same total (King and Zeng 2001)."""
    counts = np.bincount(y, minlength=classes)
    return (len(y) / (classes * np.maximum(counts, 1)))[y]


def spread_over_classes(p: np.ndarray, seen: np.ndarray, classes: int) -> np.ndarray:
    """Probabilities of the classes that a model saw, laid out over all classes."""
    if p.shape[1] == classes:
        return p.astype(np.float32)
    full = np.zeros((len(p), classes), np.float32)
    full[:, seen] = p
    return full
