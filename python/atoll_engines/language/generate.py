"""Greedy continuation of a prompt: at each step the likeliest token, until an end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn


@dataclass(frozen=True)
class Continuation:
    """The ids without the end, and at each step by how much the first candidate was ahead of the second, in logits."""

    ids: list[int]
    leads: list[float]
    is_ended: bool

    def firm(self, tolerance: float) -> list[int]:
        """The ids before the first that so small a difference could change."""
        unsure = next((at for at, lead in enumerate(self.leads[: len(self.ids)]) if lead <= tolerance), len(self.ids))
        return self.ids[:unsure]


def continued(network: nn.Module, prompt: Sequence[int], ends: Sequence[int], most: int, context: int) -> Continuation:
    """At most `most` tokens, and no more than the context has room for; the beginning of too long a prompt is left out."""
    device = next(network.parameters()).device
    ids = torch.tensor([list(prompt)[-(context - 1) :]], device=device)
    most = min(most, context - ids.shape[1])
    past: Any = None
    found: list[int] = []
    leads: list[float] = []
    with torch.inference_mode():
        for _ in range(most):
            answer = network(input_ids=ids, past_key_values=past, use_cache=True)
            past = answer.past_key_values
            best = torch.topk(answer.logits[0, -1].float(), 2)
            token, lead = int(best.indices[0]), float(best.values[0] - best.values[1])
            leads.append(lead)
            if token in ends:
                return Continuation(found, leads, True)
            found.append(token)
            ids = torch.tensor([[token]], device=device)
    return Continuation(found, leads, False)
