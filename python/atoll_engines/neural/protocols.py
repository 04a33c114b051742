"""What the loop needs to know of an engine: its rows, and what is minimised."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import torch
from torch import nn


class Rows(Protocol):
    """Rows to learn from, or to validate on.

    May also have `labels` (class numbers by row, for the weighted sampler and the rule of class imbalance) and `class_names`.
    """

    def __len__(self) -> int: ...

    def batch(self, rows: np.ndarray, generator: torch.Generator | None) -> Any:
        """Some rows as tensors (a tensor, or a tuple, list or dict of them).

        All chance (augmentation, masks) comes from the generator; None asks for the rows as they are.
        """
        ...


class Objective(Protocol):
    """What is minimised, and how a network is scored. `chance_loss` (optional): the loss of guessing."""

    metric: str
    higher_is_better: bool

    def loss(self, module: nn.Module, batch: Any) -> torch.Tensor:
        """The mean loss over a batch's rows."""
        ...

    def validate(self, module: nn.Module, batches: Iterable[Any]) -> dict[str, float]:
        """Scores over all validation rows: "loss" and the objective's metric, perhaps more."""
        ...


@dataclass(frozen=True)
class Hooks:
    """Where an engine, or a search, has a say in the loop."""

    # Before an epoch (from 1): gradual unfreezing.
    before_epoch: Callable[[int, nn.Module], None] | None = None
    # After an epoch's validation: a reason to stop here (pruning), or None.
    after_epoch: Callable[[int, dict[str, float]], str | None] | None = None
    # How well the network still does what it could do before; higher is better.
    source_score: Callable[[nn.Module], float] | None = None
    # What that score is, in words.
    source_what: str = "score on the source task"
    # Groups of parameters: {"params": [...], "scale": 0.1 (of the learning rate), "decay": True}.
    groups: Callable[[nn.Module], list[dict[str, Any]]] | None = None
    # time.monotonic() after which no further step is begun.
    until: float | None = None
    # Fields of every metric event, e.g. trial and algorithm.
    where: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Fitted:
    """What a training came to; the module holds the best epoch's weights."""

    epochs: int
    best_epoch: int
    score: float | None
    scores: dict[str, float]
    history: list[dict[str, float]]
    batch_size: int
    accumulate: int
    seconds: float
    rows_per_second: float
    # Why it ended before its last epoch.
    ended: str | None
    device: dict[str, Any]
    # Rules that were broken, with the layers or places.
    rules: dict[str, list[str]]
