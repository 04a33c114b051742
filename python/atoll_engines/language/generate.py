"""Greedy continuation of prompts: at each step the likeliest token, until an end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import nn

BATCH = 16


@dataclass
class Continuation:
    """The ids without the end, and at each step by how much the first candidate was ahead of the second, in logits."""

    ids: list[int] = field(default_factory=list)
    leads: list[float] = field(default_factory=list)
    is_ended: bool = False

    def firm(self, tolerance: float) -> list[int]:
        """The ids before the first that so small a difference could change."""
        unsure = next((at for at, lead in enumerate(self.leads[: len(self.ids)]) if lead <= tolerance), len(self.ids))
        return self.ids[:unsure]


def continued(network: nn.Module, prompts: Sequence[Sequence[int]], ends: Sequence[int], most: int, context: int) -> list[Continuation]:
    """At most `most` tokens for each prompt, and no more than the context has room for; the beginning of too long a prompt is left out."""
    kept = [list(prompt)[-(context - 1) :] for prompt in prompts]
    order = np.argsort([len(one) for one in kept], kind="stable")
    found = [Continuation() for _ in kept]
    for start in range(0, len(order), BATCH):
        places = order[start : start + BATCH]
        for place, made in zip(places, together(network, [kept[at] for at in places], ends, most, context), strict=True):
            found[place] = made
    return found


def together(network: nn.Module, prompts: list[list[int]], ends: Sequence[int], most: int, context: int) -> list[Continuation]:
    """Some prompts at once, filled in front; positions are counted from each prompt's own beginning."""
    device = next(network.parameters()).device
    longest = max(len(one) for one in prompts)
    ids = torch.tensor([[ends[0]] * (longest - len(one)) + one for one in prompts], device=device)
    mask = torch.tensor([[0] * (longest - len(one)) + [1] * len(one) for one in prompts], device=device)
    positions = (mask.cumsum(dim=1) - 1).clamp(min=0)
    found = [Continuation() for _ in prompts]
    rooms = [min(most, context - len(one)) for one in prompts]
    past: Any = None
    with torch.inference_mode():
        for step in range(max(rooms)):
            answer = network(input_ids=ids, attention_mask=mask, position_ids=positions, past_key_values=past, use_cache=True)
            past = answer.past_key_values
            best = torch.topk(answer.logits[:, -1].float(), 2)
            chosen, leads = best.indices[:, 0].tolist(), (best.values[:, 0] - best.values[:, 1]).tolist()
            for one, token, lead, room in zip(found, chosen, leads, rooms, strict=True):
                if one.is_ended or step >= room:
                    continue
                one.leads.append(lead)
                one.is_ended = token in ends
                if not one.is_ended:
                    one.ids.append(token)
            if all(one.is_ended or step + 1 >= room for one, room in zip(found, rooms, strict=True)):
                break
            ids = best.indices[:, :1]
            mask = torch.cat([mask, torch.ones_like(ids)], dim=1)
            positions = positions[:, -1:] + 1
    return found
