"""Items and their labels as the training loop asks for them, whatever the items are."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from atoll_engines.compression.lesson import plain, teacher_of


class ItemRows:
    """Some of a job's items; `labels` are class numbers, or 0/1 for each label. A family says how its batches are changed for learning."""

    def __init__(
        self,
        items: np.ndarray,
        places: np.ndarray,
        y: np.ndarray,
        augmentation: Any,
        mixup: float,
        names: tuple[str, ...] | None,
        weights: np.ndarray | None = None,
    ) -> None:
        self.items, self.places, self.augmentation, self.mixup = items, places, augmentation, mixup
        self.y, self.teacher = plain(y), teacher_of(y)
        self.labels = self.y if y.ndim == 1 else None
        self.class_names = names
        self.weights = None if weights is None else np.asarray(weights, np.float32)

    def __len__(self) -> int:
        return len(self.places)

    def unchanged(self, rows: np.ndarray, name: str) -> dict[str, Any]:
        """The rows as they are, the items under `name`."""
        items = torch.from_numpy(np.ascontiguousarray(self.items[self.places[rows]]))
        batch: dict[str, Any] = {name: items, "y": torch.from_numpy(self.y[rows])}
        if self.teacher is not None:
            batch["teacher"] = torch.from_numpy(self.teacher[rows])
        if self.weights is not None:
            batch["weight"] = torch.from_numpy(self.weights[rows])
        return batch
