"""What detectors minimise, and how they are scored while they learn."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from torch import nn

from atoll_engines.image.augment import change
from atoll_engines.image.detection.found import LEAST_SCORE, VALUES, distinct
from atoll_engines.image.detection.metrics import average_precisions
from atoll_engines.image.detection.networks import STRIDE
from atoll_engines.neural.protocols import Objective

METRIC = "mean_average_precision"
# A box is learnt at the places near its centre (Liu et al. 2020).
NEAR, LEARNT_AT = 0.54 / 6, 0.3
REACH_WEIGHT = 5.0


class Detecting(Objective, ABC):
    """Scored by mean average precision, in pixels of the square."""

    metric = METRIC
    higher_is_better = True

    def __init__(self, size: int, classes: int, nms: float) -> None:
        self.size, self.classes, self.nms = size, classes, nms

    def validate(self, module: nn.Module, batches: Iterable[dict[str, Any]]) -> dict[str, float]:
        losses, found, actual = [], [], []
        for batch in batches:
            raw = self.raw(module, module.prepared(batch["image"]), batch)
            losses.append((float(self.of(module, raw, batch)), len(batch["image"])))
            said = module.served(raw).float().cpu().numpy()
            for row, kinds, boxes in zip(said, batch["kinds"].cpu().numpy(), batch["boxes"].cpu().numpy(), strict=True):
                found.append(self.objects(row))
                real = kinds >= 0
                actual.append(np.concatenate([kinds[real][:, None], boxes[real]], 1).astype(np.float64))
        loss = sum(value * count for value, count in losses) / max(1, sum(count for _, count in losses))
        scores = average_precisions(actual, found, self.classes)
        return {"loss": loss, METRIC: scores.mean, "average_precision_50": scores.at_50}

    def objects(self, said: np.ndarray) -> np.ndarray:
        rows = said.reshape(-1, VALUES).astype(np.float64)
        rows = rows[rows[:, 1] >= LEAST_SCORE]
        boxes = np.clip(rows[:, 2:], 0, self.size)
        return np.concatenate([rows[:, :2], boxes], 1)[distinct(rows[:, 0], boxes, self.nms)]

    def loss(self, module: nn.Module, batch: dict[str, Any]) -> torch.Tensor:
        pixels = change(module.prepared(batch["image"]), batch.get("drawn") or {})
        return self.of(module, self.raw(module, pixels, batch), batch)

    def raw(self, module: nn.Module, pixels: torch.Tensor, batch: dict[str, Any]) -> Any:
        return module(pixels)

    @abstractmethod
    def of(self, module: nn.Module, raw: Any, batch: dict[str, Any]) -> torch.Tensor:
        """The loss of what the network said of a batch."""


class CentreLoss(Detecting):
    """The focal loss of Zhou et al. 2019 on the map of centres; generalised IoU near each centre (Rezatofighi et al. 2019)."""

    def of(self, module: nn.Module, raw: tuple[torch.Tensor, torch.Tensor], batch: dict[str, Any]) -> torch.Tensor:
        margins, boxes = raw
        kinds, real = batch["kinds"], batch["boxes"]
        nearness = self.nearness(real, margins.shape[2], margins.shape[3]) * (kinds >= 0)[:, :, None]
        wanted = self.heat(nearness, kinds)
        heat = torch.sigmoid(margins).clamp(1e-4, 1 - 1e-4).flatten(2)
        is_centre = wanted > 0.999
        hit = -((1 - heat) ** 2) * heat.log()
        miss = -((1 - wanted) ** 4) * heat**2 * (1 - heat).log()
        centres = is_centre.sum().clamp(min=1)
        focal = torch.where(is_centre, hit, miss).sum() / centres
        return focal + REACH_WEIGHT * self.reach(boxes.flatten(2), real, nearness)

    def nearness(self, boxes: torch.Tensor, height: int, width: int) -> torch.Tensor:
        """[N, M, H * W]: one at the cell of a box's centre, less around it, by the box's own sides."""
        middle = (boxes[..., :2] + boxes[..., 2:]) / 2
        cell = (middle / STRIDE).floor()
        spread = ((boxes[..., 2:] - boxes[..., :2]) / STRIDE * NEAR).clamp(min=0.35)
        x = torch.arange(width, device=boxes.device).float()
        y = torch.arange(height, device=boxes.device).float()
        across = torch.exp(-((x - cell[..., :1]) ** 2) / (2 * spread[..., :1] ** 2))
        down = torch.exp(-((y - cell[..., 1:]) ** 2) / (2 * spread[..., 1:] ** 2))
        return (down[..., :, None] * across[..., None, :]).flatten(2)

    def heat(self, nearness: torch.Tensor, kinds: torch.Tensor) -> torch.Tensor:
        wanted = nearness.new_zeros(nearness.shape[0], self.classes, nearness.shape[2])
        place = kinds.clamp(min=0)[:, :, None].expand_as(nearness)
        return wanted.scatter_reduce_(1, place, nearness, "amax")

    def reach(self, boxes: torch.Tensor, real: torch.Tensor, nearness: torch.Tensor) -> torch.Tensor:
        """Of boxes that meet at a place the smallest is learnt there."""
        area = ((real[..., 2] - real[..., 0]) * (real[..., 3] - real[..., 1])).clamp(min=1)
        size = torch.where(nearness > LEARNT_AT, area[:, :, None].expand_as(nearness), torch.full_like(nearness, float("inf")))
        least, owner = size.min(1)
        taken = torch.isfinite(least)
        weight = nearness.gather(1, owner[:, None])[:, 0] * taken
        wanted = real.gather(1, owner[:, :, None].expand(-1, -1, 4))
        apart = 1 - generalised_iou(boxes.transpose(1, 2), wanted)
        return (apart * weight).sum() / weight.sum().clamp(min=1)


def generalised_iou(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Of boxes in the same place of both; x1, y1, x2, y2."""
    sides = (torch.minimum(a[..., 2:], b[..., 2:]) - torch.maximum(a[..., :2], b[..., :2])).clamp(min=0)
    hull = (torch.maximum(a[..., 2:], b[..., 2:]) - torch.minimum(a[..., :2], b[..., :2])).clamp(min=0)
    both, around = sides[..., 0] * sides[..., 1], hull[..., 0] * hull[..., 1]
    area_a = (a[..., 2] - a[..., 0]) * (a[..., 3] - a[..., 1])
    area_b = (b[..., 2] - b[..., 0]) * (b[..., 3] - b[..., 1])
    union = (area_a + area_b - both).clamp(min=1e-6)
    return both / union - (around - union) / around.clamp(min=1e-6)


class QueryLoss(Detecting):
    """The library's own: Hungarian matching, focal or cross entropy, L1 and generalised IoU, at every layer."""

    def raw(self, module: nn.Module, pixels: torch.Tensor, batch: dict[str, Any]) -> Any:
        labels = []
        for kinds, boxes in zip(batch["kinds"], batch["boxes"], strict=True):
            real = kinds >= 0
            x1, y1, x2, y2 = (boxes[real] / self.size).unbind(1)
            form = torch.stack([(x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1], 1)
            labels.append({"class_labels": kinds[real], "boxes": form})
        return module(pixels, labels)

    def of(self, module: nn.Module, raw: Any, batch: dict[str, Any]) -> torch.Tensor:
        return raw.loss
