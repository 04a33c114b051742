"""From a network to a text, token by token: the rule that the server follows too (src/ports/inference/texts/decode.ts)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from atoll_engines.sequences.vocabulary import plain_text

# A text is held to be one that goes round in circles only by its length; the signature says how long one may become.
BATCH = 16


@dataclass(frozen=True)
class Decoding:
    """What a text begins with, what ends it, what may not be in it, and how long it may be; in tokens."""

    start: tuple[int, ...]
    end: tuple[int, ...]
    most: int
    # Never said; never said first; and no token from this number on.
    suppress: tuple[int, ...] = ()
    suppress_first: tuple[int, ...] = ()
    below: int | None = None

    def as_json(self) -> dict[str, Any]:
        return {
            "start": list(self.start), "end": list(self.end), "maxTokens": self.most, "suppress": list(self.suppress),
            "suppressFirst": list(self.suppress_first), "below": self.below,
        }  # fmt: skip

    @staticmethod
    def from_json(value: dict[str, Any]) -> Decoding:
        return Decoding(
            tuple(value["start"]), tuple(value["end"]), int(value["maxTokens"]), tuple(value["suppress"]),
            tuple(value["suppressFirst"]), value["below"],
        )  # fmt: skip

    def allowed(self, logits: np.ndarray, is_first: bool) -> np.ndarray:
        """Logits [rows, tokens] without what may not be said here; changed in place."""
        if self.below is not None:
            logits[:, self.below :] = -np.inf
        logits[:, list(self.suppress)] = -np.inf
        if is_first:
            logits[:, list(self.suppress_first)] = -np.inf
        return logits


def greedy(network: Any, hidden: Any, mask: Any, decoding: Decoding) -> list[list[int]]:
    """The most probable next token each time, for rows of encoder states; the start and the end are not in the answer."""
    import torch
    from transformers.modeling_outputs import BaseModelOutput

    rows, device = len(hidden), hidden.device
    said: list[list[int]] = [[] for _ in range(rows)]
    live = np.ones(rows, bool)
    given = torch.tensor([decoding.start] * rows, dtype=torch.int64, device=device)
    cache = None
    masked = {} if mask is None else {"attention_mask": mask}
    with torch.inference_mode():
        for place in range(decoding.most):
            out = network(
                encoder_outputs=BaseModelOutput(last_hidden_state=hidden), decoder_input_ids=given, past_key_values=cache, use_cache=True,
                **masked,
            )  # fmt: skip
            cache = out.past_key_values
            logits = out.logits[:, -1].float().cpu().numpy().copy()
            chosen = decoding.allowed(logits, place == 0).argmax(axis=1)
            live &= ~np.isin(chosen, decoding.end)
            for row in np.flatnonzero(live):
                said[row].append(int(chosen[row]))
            if not live.any():
                break
            given = torch.as_tensor(chosen[:, None], device=device)
    return said


def texts_of(tokenizer: Any, rows: list[list[int]]) -> list[str]:
    """Token ids as text, special tokens left out."""
    return [plain_text(tokenizer, ids) for ids in rows]
