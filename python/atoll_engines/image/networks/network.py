"""What all image networks share: pixels in, an embedding, margins; parts that can be frozen."""

from __future__ import annotations

from typing import Any, Protocol

import torch
from torch import nn


class Backbone(Protocol):
    """Normalised float [N, C, H, W] to an embedding [N, width]."""

    width: int

    def blocks(self) -> list[nn.Module]:
        """Its parts from the input on, as they are frozen."""
        ...


class ImageNetwork(nn.Module):
    """A backbone with a head; `forward` takes float pixels between 0 and 1."""

    def __init__(self, backbone: Any, outputs: int, mean: list[float], std: list[float], dropout: float) -> None:
        super().__init__()
        self.backbone, self.outputs = backbone, outputs
        self.register_buffer("mean", torch.tensor(mean, dtype=torch.float32).reshape(1, -1, 1, 1))
        self.register_buffer("std", torch.tensor(std, dtype=torch.float32).reshape(1, -1, 1, 1))
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(backbone.width, outputs)
        nn.init.normal_(self.head.weight, std=0.01)
        nn.init.zeros_(self.head.bias)
        self.frozen: list[nn.Module] = []

    def prepared(self, images: torch.Tensor) -> torch.Tensor:
        """uint8 [N, H, W, C], as it is stored, to float [N, C, H, W] between 0 and 1, with its channels last in memory."""
        return images.permute(0, 3, 1, 2).float() / 255

    def embed(self, pixels: torch.Tensor) -> torch.Tensor:
        return self.backbone((pixels - self.mean) / self.std)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return self.head(self.dropout(self.embed(pixels)))

    def freeze(self, count: int) -> None:
        """Leave the first `count` blocks as they are, their running statistics too; the rest learns."""
        self.requires_grad_(True)
        blocks = self.backbone.blocks()
        self.frozen = blocks[:count]
        if count >= len(blocks):
            self.frozen = [self.backbone]
        for block in self.frozen:
            block.requires_grad_(False)
        self.train(self.training)

    def train(self, mode: bool = True) -> ImageNetwork:
        super().train(mode)
        for block in getattr(self, "frozen", []):
            block.eval()
        return self


class Served(nn.Module):
    """The graph that is served: bytes in; probabilities, and the embedding beside them."""

    def __init__(self, network: ImageNetwork, task: str) -> None:
        super().__init__()
        self.network, self.is_multilabel = network, task == "multilabel"

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        embedding = self.network.embed(self.network.prepared(image))
        margins = self.network.head(embedding)
        return (torch.sigmoid(margins) if self.is_multilabel else torch.softmax(margins, dim=1)), embedding
