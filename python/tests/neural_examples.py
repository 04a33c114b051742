"""A small network, its rows and its objective, for tests of the training loop."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional


class Points:
    """Two noisy classes in a plane, with chance in every batch."""

    def __init__(self, rows: int = 192, seed: int = 0) -> None:
        drawn = np.random.default_rng(seed)
        self.labels = (np.arange(rows) % 2).astype(np.int64)
        self.x = torch.tensor(drawn.normal(size=(rows, 4)) + self.labels[:, None], dtype=torch.float32)
        self.asked: list[list[int]] = []

    def __len__(self) -> int:
        return len(self.labels)

    def batch(self, rows: np.ndarray, generator: torch.Generator | None) -> tuple[torch.Tensor, torch.Tensor]:
        self.asked.append([int(row) for row in rows])
        x = self.x[torch.from_numpy(rows)]
        if generator is not None:
            x = x + 0.1 * torch.randn(x.shape, generator=generator)
        return x, torch.from_numpy(self.labels[rows])


class Classify:
    """Cross-entropy and accuracy."""

    metric, higher_is_better = "accuracy", True

    def loss(self, module: nn.Module, batch: Any) -> torch.Tensor:
        return functional.cross_entropy(module(batch[0]), batch[1])

    def validate(self, module: nn.Module, batches: Any) -> dict[str, float]:
        rows, hits, loss = 0, 0, 0.0
        for x, y in batches:
            answer = module(x)
            rows, hits = rows + len(y), hits + int((answer.argmax(1) == y).sum())
            loss += float(functional.cross_entropy(answer, y, reduction="sum"))
        return {"loss": loss / rows, "accuracy": hits / rows}


def network(seed: int = 3, width: int = 16, activation: type[nn.Module] = nn.ReLU) -> nn.Module:
    torch.manual_seed(seed)
    layers = [nn.Linear(4, width), nn.BatchNorm1d(width), activation(), nn.Dropout(0.2), nn.Linear(width, 2)]
    return nn.Sequential(*layers)


class Told:
    """Keeps what a training says."""

    def __init__(self) -> None:
        self.metrics: list[tuple[str, float, int]] = []
        self.warnings: list[tuple[str, str, dict[str, Any]]] = []
        self.logs: list[str] = []
        self.events: list[dict[str, Any]] = []

    def metric(self, name: str, value: float, step: int = 0, **where: Any) -> None:
        self.metrics.append((name, value, step))

    def warning(self, code: str, message: str, **facts: Any) -> None:
        self.warnings.append((code, message, facts))

    def log(self, message: str, level: str = "info") -> None:
        self.logs.append(message)

    def event(self, type: str, **fields: Any) -> None:
        self.events.append({"type": type, **fields})

    def progress(self, *_: Any, **__: Any) -> None: ...

    def checkpoint(self, *_: Any, **__: Any) -> None: ...

    def codes(self) -> list[str]:
        return [code for code, _, _ in self.warnings]
