"""Images and their masks as the training loop asks for them."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch.nn import functional

from atoll_engines.image.augment import Augmentation, draw
from atoll_engines.image.segmentation.masks import VOID


class SegmentationRows:
    """Some of a job's images; masks are moved as their pictures are, by the nearest pixel, and what comes in from outside is left aside."""

    def __init__(self, images: np.ndarray, targets: list[np.ndarray], places: np.ndarray, augmentation: Augmentation) -> None:
        self.images, self.targets, self.places, self.augmentation = images, targets, places, augmentation

    def __len__(self) -> int:
        return len(self.places)

    def batch(self, rows: np.ndarray, generator: torch.Generator | None) -> dict[str, Any]:
        places = self.places[rows]
        mask = torch.from_numpy(np.stack([self.targets[place] for place in places]))
        batch: dict[str, Any] = {"image": torch.from_numpy(np.ascontiguousarray(self.images[places])), "mask": mask}
        if generator is not None:
            drawn = draw(self.augmentation, len(rows), generator)
            batch["drawn"] = drawn
            if "map" in drawn:
                batch["mask"] = moved_masks(mask, drawn["map"])
        return batch


def moved_masks(mask: torch.Tensor, maps: torch.Tensor) -> torch.Tensor:
    # From outside comes zero, so that the values are raised by as much as makes it the one left aside.
    raised = ((mask.int() - VOID) % 256).float()[:, None]
    grid = functional.affine_grid(maps.float(), list(raised.shape), align_corners=False)
    moved = functional.grid_sample(raised, grid, mode="nearest", padding_mode="zeros", align_corners=False)
    return ((moved[:, 0].round().int() + VOID) % 256).to(torch.uint8)
