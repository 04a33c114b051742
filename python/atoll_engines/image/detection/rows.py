"""Images and their objects as the training loop asks for them."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from atoll_engines.image.augment import Augmentation, draw

# Of a box that a shift or a crop cuts, so much must be left.
LEFT = 0.25


class DetectionRows:
    """Some of a job's images; boxes are moved as their pictures are."""

    def __init__(self, images: np.ndarray, targets: list[np.ndarray], places: np.ndarray, size: int, augmentation: Augmentation) -> None:
        self.images, self.targets, self.places, self.size, self.augmentation = images, targets, places, size, augmentation

    def __len__(self) -> int:
        return len(self.places)

    def batch(self, rows: np.ndarray, generator: torch.Generator | None) -> dict[str, Any]:
        places = self.places[rows]
        most = max(1, *(len(self.targets[place]) for place in places))
        kinds = torch.full((len(rows), most), -1, dtype=torch.int64)
        boxes = torch.zeros((len(rows), most, 4))
        for row, place in enumerate(places):
            target = torch.from_numpy(self.targets[place])
            kinds[row, : len(target)] = target[:, 0].long()
            boxes[row, : len(target)] = target[:, 1:].float()
        batch: dict[str, Any] = {"image": torch.from_numpy(np.ascontiguousarray(self.images[places])), "kinds": kinds, "boxes": boxes}
        if generator is not None:
            drawn = draw(self.augmentation, len(rows), generator)
            batch["drawn"] = drawn
            if "map" in drawn:
                batch["kinds"], batch["boxes"] = moved_boxes(kinds, boxes, drawn["map"], self.size)
        return batch


def moved_boxes(kinds: torch.Tensor, boxes: torch.Tensor, maps: torch.Tensor, size: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Where the boxes are after the picture was moved: `maps` say for each place of the new picture where it was in the old one."""
    x1, y1, x2, y2 = (boxes / size * 2 - 1).unbind(-1)
    corners = torch.stack([torch.stack(pair, -1) for pair in ((x1, y1), (x2, y1), (x2, y2), (x1, y2))], 2)
    turn, shift = maps[:, :, :2], maps[:, :, 2]
    back = torch.linalg.inv(turn)
    new = torch.einsum("nij,nmkj->nmki", back, corners - shift[:, None, None, :])
    new = (new + 1) / 2 * size
    whole = torch.cat([new.amin(2), new.amax(2)], -1)
    cut = whole.clamp(0, size)
    share = area(cut) / area(whole).clamp(min=1e-6)
    seen = (share >= LEFT) & (cut[..., 2] - cut[..., 0] >= 1) & (cut[..., 3] - cut[..., 1] >= 1)
    return torch.where(seen, kinds, torch.full_like(kinds, -1)), cut


def area(boxes: torch.Tensor) -> torch.Tensor:
    return (boxes[..., 2] - boxes[..., 0]).clamp(min=0) * (boxes[..., 3] - boxes[..., 1]).clamp(min=0)
