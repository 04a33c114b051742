"""Sounds and their labels as the training loop asks for them."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from atoll_engines.audio.augment import Augmentation, changed, draw_masks, mixed_share
from atoll_engines.compression.lesson import plain, teacher_of


class AudioRows:
    """Some of a job's sounds; `labels` are class numbers, or 0/1 for each label."""

    def __init__(
        self,
        sounds: np.ndarray,
        places: np.ndarray,
        y: np.ndarray,
        augmentation: Augmentation,
        mixup: float,
        names: tuple[str, ...] | None,
        weights: np.ndarray | None = None,
    ) -> None:
        self.sounds, self.places, self.augmentation, self.mixup = sounds, places, augmentation, mixup
        self.y, self.teacher = plain(y), teacher_of(y)
        self.labels = self.y if y.ndim == 1 else None
        self.class_names = names
        self.weights = None if weights is None else np.asarray(weights, np.float32)

    def __len__(self) -> int:
        return len(self.places)

    def batch(self, rows: np.ndarray, generator: torch.Generator | None) -> dict[str, Any]:
        sounds = torch.from_numpy(np.ascontiguousarray(self.sounds[self.places[rows]]))
        batch: dict[str, Any] = {"audio": sounds, "y": torch.from_numpy(self.y[rows])}
        if self.teacher is not None:
            batch["teacher"] = torch.from_numpy(self.teacher[rows])
        if self.weights is not None:
            batch["weight"] = torch.from_numpy(self.weights[rows])
        if generator is None:
            return batch
        sounds = changed(sounds, self.augmentation, generator)
        drawn = mixed_share(self.mixup, len(rows), generator)
        if drawn:
            sounds = sounds * drawn["share"] + sounds[drawn["partner"]] * (1 - drawn["share"])
        masks = draw_masks(len(rows), self.augmentation, generator)
        if masks is not None:
            drawn["masks"] = masks
        return batch | {"audio": sounds, "drawn": drawn}
