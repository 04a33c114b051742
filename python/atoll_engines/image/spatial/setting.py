"""What a model of places must know beside its parameters."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from atoll_engines.contract import Report
from atoll_engines.image.augment import NONE, Augmentation
from atoll_engines.tabular.algorithms.model import Setting


@dataclass
class SpatialSetting:
    """The job as its models see it. Features are places in `images`; `watched` are those that a fit validates on."""

    base: Setting
    size: int
    channels: int
    fit: str
    classes: tuple[str, ...]
    images: np.ndarray
    # By place: boxes [k, 5] (class, x1, y1, x2, y2 in pixels of the square), or the mask of the square.
    targets: Any = None
    options: dict[str, Any] = field(default_factory=dict)
    augmentation: Augmentation = NONE
    report: Report | None = None
    checkpoints: Path | None = None
    weights: Path | None = None
    freeze: int | str = 0
    backbone_rate: float = 1.0
    watched: np.ndarray | None = None

    @property
    def task(self) -> str:
        return self.base.task
