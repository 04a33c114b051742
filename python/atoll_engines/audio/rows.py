"""Sounds and their labels as the training loop asks for them."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from atoll_engines.audio.augment import changed, draw_masks, mixed_share
from atoll_engines.media.rows import ItemRows


class AudioRows(ItemRows):
    """Some of a job's sounds."""

    def batch(self, rows: np.ndarray, generator: torch.Generator | None) -> dict[str, Any]:
        batch = self.unchanged(rows, "audio")
        if generator is None:
            return batch
        sounds = changed(batch["audio"], self.augmentation, generator)
        drawn = mixed_share(self.mixup, len(rows), generator)
        if drawn:
            sounds = sounds * drawn["share"] + sounds[drawn["partner"]] * (1 - drawn["share"])
        masks = draw_masks(len(rows), self.augmentation, generator)
        if masks is not None:
            drawn["masks"] = masks
        return batch | {"audio": sounds, "drawn": drawn}
