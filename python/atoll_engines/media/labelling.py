"""What networks that label items minimise, and how they are scored while they learn."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from atoll_engines.compression.lesson import Lesson
from atoll_engines.neural.distillation import mixed, soft_losses
from atoll_engines.neural.protocols import Objective

MULTILABEL, ONE_LABEL = "f1_macro", "accuracy"


class Labelling(Objective, ABC):
    """Cross-entropy over classes, or over each label for itself. What a batch shows to the network is its family's."""

    higher_is_better = True
    # How a teacher is listened to, where there is one.
    lesson: Lesson | None = None

    def __init__(self, task: str, classes: int, smoothing: float, class_weights: torch.Tensor | None) -> None:
        self.is_multilabel = task == "multilabel"
        self.metric = MULTILABEL if self.is_multilabel else ONE_LABEL
        self.smoothing, self.class_weights = smoothing, class_weights
        self.chance_loss = math.log(2) if self.is_multilabel else math.log(max(2, classes))

    def loss(self, module: nn.Module, batch: dict[str, Any]) -> torch.Tensor:
        drawn = batch.get("drawn") or {}
        margins = self.margins(module, batch)
        losses = self.taught_losses(margins, batch, slice(None))
        if "share" in drawn:
            losses = losses * drawn["share"] + self.taught_losses(margins, batch, drawn["partner"]) * (1 - drawn["share"])
        if "weight" in batch:
            losses = losses * batch["weight"]
        return losses.mean()

    def taught_losses(self, margins: torch.Tensor, batch: dict[str, Any], rows: Any) -> torch.Tensor:
        """Of the labels of these rows, and of what a teacher said of them where there is one."""
        hard = self.losses(margins, batch["y"][rows])
        if self.lesson is None:
            return hard
        task = "multilabel" if self.is_multilabel else "multiclass"
        soft = soft_losses(margins.float(), batch["teacher"][rows], self.lesson.temperature, task)
        return mixed(hard, soft, self.lesson.alpha)

    @abstractmethod
    def margins(self, module: nn.Module, batch: dict[str, Any]) -> torch.Tensor:
        """What the network says of a batch, changed as was drawn for it where it is there to learn."""

    def losses(self, margins: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        margins = margins.float()
        if self.is_multilabel:
            wanted = y.float() * (1 - self.smoothing) + self.smoothing / 2
            return functional.binary_cross_entropy_with_logits(margins, wanted, reduction="none").mean(1)
        weights = None if self.class_weights is None else self.class_weights.to(margins.device)
        return functional.cross_entropy(margins, y, weight=weights, label_smoothing=self.smoothing, reduction="none")

    def validate(self, module: nn.Module, batches: Iterable[dict[str, Any]]) -> dict[str, float]:
        margins, actual = [], []
        for batch in batches:
            margins.append(self.margins(module, batch).float().cpu())
            actual.append(batch["y"].cpu())
        answered, y = torch.cat(margins), torch.cat(actual)
        if self.is_multilabel:
            said, real = (answered > 0).numpy(), y.numpy() > 0
            loss = float(functional.binary_cross_entropy_with_logits(answered, y.float()))
            return {"loss": loss, self.metric: f1_macro(real, said)}
        return {"loss": float(functional.cross_entropy(answered, y)), self.metric: float((answered.argmax(1) == y).float().mean())}


def f1_macro(real: np.ndarray, said: np.ndarray) -> float:
    both = (real & said).sum(0)
    return float(np.mean(2 * both / np.maximum(1, real.sum(0) + said.sum(0))))
