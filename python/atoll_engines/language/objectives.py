"""What is minimised: the surprise at the next token, or that a preferred answer is not preferred."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from atoll_engines.language.sequences import IGNORED, TokenSequence, padded


class SequenceRows:
    """Sequences as padded batches."""

    def __init__(self, sequences: Sequence[TokenSequence], pad: int) -> None:
        self.sequences, self.pad = sequences, pad

    def __len__(self) -> int:
        return len(self.sequences)

    def batch(self, rows: np.ndarray, generator: torch.Generator | None) -> dict[str, torch.Tensor]:
        return padded([self.sequences[row] for row in rows], self.pad)


class PairRows:
    """Pairs of answers to the same prompt: the preferred ones first, then the others, with what the reference says of each."""

    def __init__(self, chosen: Sequence[TokenSequence], rejected: Sequence[TokenSequence], reference: np.ndarray, pad: int) -> None:
        self.chosen, self.rejected, self.reference, self.pad = chosen, rejected, reference, pad

    def __len__(self) -> int:
        return len(self.chosen)

    def batch(self, rows: np.ndarray, generator: torch.Generator | None) -> dict[str, torch.Tensor]:
        made = padded([*(self.chosen[row] for row in rows), *(self.rejected[row] for row in rows)], self.pad)
        return made | {"reference": torch.from_numpy(self.reference[rows].astype(np.float32))}


def token_losses(module: nn.Module, batch: dict[str, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
    """The negative log-likelihood of each learned token, and the row of the batch that it is in."""
    margins = module(batch["input_ids"], batch["attention_mask"])[:, :-1]
    wanted = batch["labels"][:, 1:]
    places = wanted != IGNORED
    # Only the margins that are asked for are widened: those of all places are the largest tensor of a step.
    losses = functional.cross_entropy(margins[places].float(), wanted[places], reduction="none")
    return losses, places.nonzero()[:, 0]


def by_row(losses: torch.Tensor, rows: torch.Tensor, count: int) -> torch.Tensor:
    return torch.zeros(count, dtype=losses.dtype, device=losses.device).index_add(0, rows, losses)


class CausalObjective:
    """Cross-entropy of the next token.

    A batch's sum is divided by the tokens that its rows have on average over the training, not by its own: so every token
    weighs the same, in long and short rows and however a step is divided into pieces.
    """

    metric, higher_is_better = "perplexity", False

    def __init__(self, tokens_per_row: float, vocabulary: int) -> None:
        self.tokens_per_row = max(1.0, tokens_per_row)
        self.chance_loss = float(np.log(vocabulary))

    def loss(self, module: nn.Module, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        losses, _ = token_losses(module, batch)
        return losses.sum() / (self.tokens_per_row * len(batch["input_ids"]))

    def validate(self, module: nn.Module, batches: Iterable[dict[str, torch.Tensor]]) -> dict[str, float]:
        total, tokens = 0.0, 0
        for batch in batches:
            losses, _ = token_losses(module, batch)
            total, tokens = total + float(losses.double().sum()), tokens + len(losses)
        loss = total / max(1, tokens)
        return {"loss": loss, "perplexity": float(np.exp(min(loss, 700.0)))}


class PreferenceObjective:
    """Direct preference optimisation (Rafailov et al. 2023, equation 7); with label smoothing its conservative form (Mitchell 2023).

    -log σ(β · ((log π(chosen) - log π(rejected)) - (log ref(chosen) - log ref(rejected))))
    """

    metric, higher_is_better = "loss", False
    chance_loss = float(np.log(2))

    def __init__(self, beta: float, label_smoothing: float) -> None:
        self.beta, self.label_smoothing = beta, label_smoothing

    def loss(self, module: nn.Module, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        return preference_loss(self.margins(module, batch), self.label_smoothing).mean()

    def margins(self, module: nn.Module, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        """β times by how much more the model prefers the chosen answer than the reference does, one for each pair."""
        losses, rows = token_losses(module, {name: batch[name] for name in ("input_ids", "attention_mask", "labels")})
        said = -by_row(losses, rows, len(batch["input_ids"]))
        chosen, rejected = said.chunk(2)
        return self.beta * ((chosen - rejected) - (batch["reference"][:, 0] - batch["reference"][:, 1]))

    def validate(self, module: nn.Module, batches: Iterable[dict[str, torch.Tensor]]) -> dict[str, float]:
        margins = torch.cat([self.margins(module, batch).double().cpu() for batch in batches])
        return {
            "loss": float(preference_loss(margins, 0.0).mean()),
            "preference_accuracy": float(preferred(margins.numpy()).mean()),
            "preference_margin": float(margins.mean()),
        }


def preferred(margins: np.ndarray) -> np.ndarray:
    """1 where the chosen answer is preferred more than the reference does, a half where neither is."""
    return (margins > 0) + 0.5 * (margins == 0)


def preference_loss(margins: torch.Tensor, label_smoothing: float) -> torch.Tensor:
    return -(1 - label_smoothing) * functional.logsigmoid(margins) - label_smoothing * functional.logsigmoid(-margins)


def sums_of(module: nn.Module, sequences: Sequence[TokenSequence], pad: int, batch_size: int = 16) -> dict[str, Any]:
    """Of each sequence: the negative log-likelihood of what is learned, how many tokens that is, and whether each is the likeliest."""
    device = next(module.parameters()).device
    sums, counts, first = np.zeros(len(sequences)), np.zeros(len(sequences), np.int64), np.zeros(len(sequences), bool)
    order = np.argsort([len(one) for one in sequences], kind="stable")
    was_training = module.training
    module.eval()
    with torch.no_grad():
        for start in range(0, len(order), batch_size):
            places = order[start : start + batch_size]
            batch = {name: one.to(device) for name, one in padded([sequences[at] for at in places], pad).items()}
            margins = module(batch["input_ids"], batch["attention_mask"])[:, :-1]
            wanted = batch["labels"][:, 1:]
            learned = wanted != IGNORED
            chosen = margins[learned].float()
            losses = functional.cross_entropy(chosen, wanted[learned], reduction="none").double()
            rows = learned.nonzero()[:, 0]
            missed = by_row((chosen.argmax(dim=1) != wanted[learned]).double(), rows, len(places))
            sums[places] = by_row(losses, rows, len(places)).cpu().numpy()
            counts[places] = learned.sum(dim=1).cpu().numpy()
            first[places] = missed.cpu().numpy() == 0
    module.train(was_training)
    return {"sums": sums, "counts": counts, "likeliest": first}
