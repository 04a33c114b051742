"""Images and their labels as the training loop asks for them."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from atoll_engines.image.augment import draw
from atoll_engines.media.rows import ItemRows


class ImageRows(ItemRows):
    """Some of a job's images."""

    def batch(self, rows: np.ndarray, generator: torch.Generator | None) -> dict[str, Any]:
        batch = self.unchanged(rows, "image")
        if generator is not None:
            batch["drawn"] = draw(self.augmentation, len(rows), generator, self.mixup)
        return batch
