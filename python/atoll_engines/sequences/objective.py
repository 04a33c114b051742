"""Teacher forcing: the loss of each wanted token after those before it, as the loop of all networks wants it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from atoll_engines.sequences.decoding import Decoding

IGNORED = -100


class WriterObjective:
    """Cross-entropy by token; each token of a batch counts the same."""

    metric, higher_is_better = "loss", False

    def __init__(self, smoothing: float) -> None:
        self.smoothing = smoothing

    def loss(self, module: nn.Module, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        return token_losses(module, batch, self.smoothing)[0].sum() / (batch["labels"] != IGNORED).sum().clamp(min=1)

    def validate(self, module: nn.Module, batches: Iterable[dict[str, torch.Tensor]]) -> dict[str, float]:
        total, tokens = 0.0, 0
        for batch in batches:
            losses, counted = token_losses(module, batch, 0.0)
            total, tokens = total + float(losses.sum()), tokens + int(counted.sum())
        return {"loss": total / max(1, tokens)}


def token_losses(module: nn.Module, batch: dict[str, torch.Tensor], smoothing: float) -> tuple[torch.Tensor, torch.Tensor]:
    """By row the sum of its tokens' losses, and how many tokens there are."""
    inputs = {name: value for name, value in batch.items() if name != "labels"}
    logits, labels = module(**inputs, use_cache=False).logits.float(), batch["labels"]
    losses = functional.cross_entropy(
        logits.reshape(-1, logits.shape[-1]), labels.reshape(-1), reduction="none", ignore_index=IGNORED, label_smoothing=smoothing
    )
    return losses.reshape(labels.shape).sum(dim=1), (labels != IGNORED).sum(dim=1)


def targets(texts: Sequence[Sequence[int]], decoding: Decoding, pad: int) -> dict[str, torch.Tensor]:
    """What the decoder is given, [rows, L], and what it should say next; what the text begins with is given, not asked."""
    start, end = list(decoding.start), decoding.end[0]
    longest = max(len(ids) for ids in texts) + len(start)
    given = np.full((len(texts), longest), pad, np.int64)
    wanted = np.full((len(texts), longest), IGNORED, np.int64)
    for row, ids in enumerate(texts):
        whole = [*start, *ids]
        given[row, : len(whole)] = whole
        wanted[row, len(start) - 1 : len(whole)] = [*ids, end]
    return {"decoder_input_ids": torch.from_numpy(given), "labels": torch.from_numpy(wanted)}


class WriterRows:
    """Rows to learn from: what goes in, and the tokens of the text that should come out."""

    def __init__(self, writer: Any, items: Sequence[Any], ids: Sequence[Sequence[int]]) -> None:
        self.writer, self.items, self.ids = writer, items, ids

    def __len__(self) -> int:
        return len(self.items)

    def batch(self, rows: np.ndarray, generator: torch.Generator | None) -> dict[str, torch.Tensor]:
        writer = self.writer
        made = writer.inputs([self.items[row] for row in rows], generator)
        return made | targets([self.ids[row] for row in rows], writer.decoding, writer.pad)
