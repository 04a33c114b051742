"""What every forecasting algorithm is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from atoll_engines.forecast.windows import Frame, Windows

if TYPE_CHECKING:
    from atoll_engines.forecast.formulas import Nodes


@dataclass(frozen=True)
class Setting:
    """What a model must know beside its parameters."""

    frame: Frame
    seed: int
    threads: int


class Model(Protocol):
    """Forecasts of whole windows.

    `point` gives float64 [windows, horizon]; a model with quantiles of its own (`quantiles`: [windows, horizon, 9]) has `is_probabilistic`;
    the others get theirs from what they missed by on held-out windows.
    """

    is_probabilistic: bool

    def fit(self, windows: Windows) -> None: ...

    def point(self, windows: Windows) -> np.ndarray: ...

    def emit(self, nodes: Nodes) -> str:
        """The name of float64 [N, horizon]; of [N, horizon * 9] where it is probabilistic."""
        ...


@dataclass(frozen=True)
class Algorithm:
    """One algorithm: where its search starts and what it may try."""

    name: str
    title: str
    build: Callable[[dict[str, Any], Setting], Model]
    defaults: dict[str, Any] = field(default_factory=dict)
    space: dict[str, Any] = field(default_factory=dict)
    starts: tuple[dict[str, Any], ...] = ()
    # With more windows it is fitted on as many, evenly spaced.
    most_windows: int | None = None
