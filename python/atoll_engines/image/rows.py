"""Images and their labels as the training loop asks for them."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from atoll_engines.compression.lesson import plain, teacher_of
from atoll_engines.image.augment import Augmentation, draw


class ImageRows:
    """Some of a job's images; `labels` are class numbers, or 0/1 for each label."""

    def __init__(
        self,
        images: np.ndarray,
        places: np.ndarray,
        y: np.ndarray,
        augmentation: Augmentation,
        mixup: float,
        names: tuple[str, ...] | None,
        weights: np.ndarray | None = None,
    ) -> None:
        self.images, self.places, self.augmentation, self.mixup = images, places, augmentation, mixup
        self.y, self.teacher = plain(y), teacher_of(y)
        self.labels = self.y if y.ndim == 1 else None
        self.class_names = names
        self.weights = None if weights is None else np.asarray(weights, np.float32)

    def __len__(self) -> int:
        return len(self.places)

    def batch(self, rows: np.ndarray, generator: torch.Generator | None) -> dict[str, Any]:
        # In the order of the file where the pixels lie on disk.
        batch: dict[str, Any] = {"image": torch.from_numpy(self.images[self.places[rows]]), "y": torch.from_numpy(self.y[rows])}
        if self.teacher is not None:
            batch["teacher"] = torch.from_numpy(self.teacher[rows])
        if self.weights is not None:
            batch["weight"] = torch.from_numpy(self.weights[rows])
        if generator is not None:
            batch["drawn"] = draw(self.augmentation, len(rows), generator, self.mixup)
        return batch
