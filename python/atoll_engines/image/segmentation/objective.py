"""What segmentation networks minimise, and how they are scored while they learn."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from atoll_engines.image.augment import change
from atoll_engines.image.segmentation.masks import VOID
from atoll_engines.image.segmentation.metrics import METRIC, scores_of
from atoll_engines.neural.protocols import Objective


class Segmenting(Objective):
    """Cross-entropy of each pixel and the Dice loss of each class (Milletari et al. 2016), so that rare classes count."""

    metric = METRIC
    higher_is_better = True

    def __init__(self, classes: int) -> None:
        self.classes = classes
        self.chance_loss = math.log(max(2, classes)) + 1 - 1 / max(2, classes)

    def loss(self, module: nn.Module, batch: dict[str, Any]) -> torch.Tensor:
        margins = module.full(module(change(module.prepared(batch["image"]), batch.get("drawn") or {})))
        return self.of(margins, batch["mask"].long())

    def of(self, margins: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        known = mask != VOID
        wanted = torch.where(known, mask, torch.zeros_like(mask))
        losses = functional.cross_entropy(margins, wanted, reduction="none")
        entropy = (losses * known).sum() / known.sum().clamp(min=1)
        chances = torch.softmax(margins, 1) * known[:, None]
        real = functional.one_hot(wanted, self.classes).permute(0, 3, 1, 2) * known[:, None]
        both, all_ = (chances * real).sum((0, 2, 3)), (chances + real).sum((0, 2, 3))
        has = real.sum((0, 2, 3)) > 0
        dice = ((1 - (2 * both + 1) / (all_ + 1)) * has).sum() / has.sum().clamp(min=1)
        return entropy + dice

    def validate(self, module: nn.Module, batches: Iterable[dict[str, Any]]) -> dict[str, float]:
        total = torch.zeros(self.classes, self.classes, dtype=torch.int64)
        loss = count = 0.0
        for batch in batches:
            margins, mask = module.full(module(module.prepared(batch["image"]))), batch["mask"].long()
            loss += float(self.of(margins, mask)) * len(mask)
            count += len(mask)
            known = mask != VOID
            pairs = mask[known] * self.classes + margins.argmax(1)[known]
            total += torch.bincount(pairs.cpu(), minlength=self.classes**2).reshape(self.classes, self.classes)
        return {"loss": loss / max(1.0, count)} | scores_of(total.numpy())
