"""What image networks see of a batch while they learn."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from atoll_engines.image.augment import change
from atoll_engines.media.labelling import Labelling


class ImageLabelling(Labelling):
    """Labels for images that are changed where they are."""

    def margins(self, module: nn.Module, batch: dict[str, Any]) -> torch.Tensor:
        return module(change(module.prepared(batch["image"]), batch.get("drawn") or {}))
