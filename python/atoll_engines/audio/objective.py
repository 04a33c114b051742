"""What networks over sounds hear of a batch while they learn."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn import functional

from atoll_engines.audio.augment import masked
from atoll_engines.media.labelling import Labelling


class AudioLabelling(Labelling):
    """Labels for sounds whose spectrograms lose bands and moments while it learns."""

    def features(self, module: nn.Module, batch: dict[str, Any]) -> tuple[torch.Tensor, torch.Tensor]:
        features, is_sound = module.prepared(batch["audio"])
        drawn = batch.get("drawn") or {}
        return (masked(features, drawn["masks"]) if "masks" in drawn else features), is_sound

    def margins(self, module: nn.Module, batch: dict[str, Any]) -> torch.Tensor:
        return module(*self.features(module, batch))


class SpeakerLabelling(AudioLabelling):
    """Speakers told apart by the angle, with a margin (Deng et al. 2019)."""

    def __init__(self, *given: Any, margin: float) -> None:
        super().__init__(*given)
        self.margin = margin
        # Scaled cosines begin far above the loss of guessing.
        self.chance_loss = None

    def loss(self, module: nn.Module, batch: dict[str, Any]) -> torch.Tensor:
        embedding = module.dropout(module.embed(*self.features(module, batch)))
        margins = module.head.with_margin(embedding, batch["y"], self.margin)
        weights = None if self.class_weights is None else self.class_weights.to(margins.device)
        losses = functional.cross_entropy(margins, batch["y"], weight=weights, label_smoothing=self.smoothing, reduction="none")
        return (losses * batch["weight"] if "weight" in batch else losses).mean()
