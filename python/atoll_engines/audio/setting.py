"""What a model of sounds must know beside its parameters."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from atoll_engines.audio.augment import Augmentation
from atoll_engines.contract import Report
from atoll_engines.tabular.algorithms.model import Setting


@dataclass
class AudioSetting:
    """The job as its models hear it. Features are places in `sounds`; `watched` are those that a fit validates on."""

    base: Setting
    # Samples a second, and samples of each sound.
    rate: int
    samples: int
    mels: int
    classes: tuple[str, ...]
    sounds: np.ndarray
    options: dict[str, Any] = field(default_factory=dict)
    # None: the usual of the algorithm.
    augmentation: Augmentation | None = None
    report: Report | None = None
    checkpoints: Path | None = None
    weights: Path | None = None
    freeze: int | str = 0
    backbone_rate: float = 1.0
    until: float | None = None
    watched: tuple[np.ndarray, np.ndarray] | None = None

    @property
    def task(self) -> str:
        return self.base.task
