"""What a network that came with weights could do before: scores on a fixed probe, for the rule `forgetting`.

An encoder whose weights still hold the head that it learned language with is asked for masked words, as then. Any other
network is asked how much its embeddings of the probe are still like those that it came with.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn

PROBES = 64
MASKED_SHARE = 0.15
Score = tuple[Callable[[nn.Module], float], str]


def masked_words(folder: Path, ids: torch.Tensor, mask: torch.Tensor, mask_id: int | None, special: list[int], seed: int) -> Score | None:
    """The probability given to masked words of a probe (geometric mean), by the head that the weights came with; None without one."""
    from transformers import AutoModelForMaskedLM

    if mask_id is None:
        return None
    try:
        whole, told = AutoModelForMaskedLM.from_pretrained(
            folder, local_files_only=True, use_safetensors=True, trust_remote_code=False, attn_implementation="eager",
            output_loading_info=True,
        )  # fmt: skip
    except (ValueError, OSError, KeyError):
        return None
    if told["missing_keys"] or told["mismatched_keys"]:
        return None
    # Never the special tokens, nor what only fills a row.
    drawn = torch.rand(ids.shape, generator=torch.Generator().manual_seed(seed))
    can_be = mask.bool() & ~torch.isin(ids, torch.tensor(special))
    hidden = (drawn < MASKED_SHARE) & can_be
    if not hidden.any():
        return None
    asked = ids.masked_fill(hidden, mask_id)
    whole = whole.float().eval()

    def score(network: nn.Module) -> float:
        device = next(network.parameters()).device
        own, prefix = getattr(whole, whole.base_model_prefix), whole.base_model_prefix
        setattr(whole, prefix, getattr(network, prefix))
        try:
            # The body may be on a GPU; the head goes with it.
            answered = whole.to(device)(input_ids=asked.to(device), attention_mask=mask.to(device)).logits.float().cpu()
        finally:
            setattr(whole, prefix, own)
        return float(torch.exp(-nn.functional.cross_entropy(answered[hidden], ids[hidden])))

    return score, "probability of masked words"


def likeness(network: nn.Module, embed: Callable[[nn.Module], torch.Tensor]) -> Score:
    """How alike the embeddings of the probe are to those that the network came with."""
    was_training = network.training
    network.eval()
    with torch.no_grad():
        before = embed(network).float().cpu()
    network.train(was_training)
    what = "likeness of the embeddings to those that the network came with (CKA)"
    return lambda now: kernel_alignment(before, embed(now).float().cpu()), what


def kernel_alignment(x: torch.Tensor, y: torch.Tensor) -> float:
    """Linear centred kernel alignment (Kornblith et al. 2019) from the unbiased estimate of HSIC (Song et al. 2012): 1 is alike."""
    if len(x) < 4:
        return 1.0
    k, m = (rows.double() @ rows.double().T for rows in (x, y))
    own = independence(k, k) * independence(m, m)
    return float(min(1.0, independence(k, m) / own**0.5)) if own > 0 else 0.0


def independence(k: torch.Tensor, m: torch.Tensor) -> float:
    n = len(k)
    k, m = (kernel - torch.diag(torch.diag(kernel)) for kernel in (k, m))
    together = (k * m.T).sum() + k.sum() * m.sum() / ((n - 1) * (n - 2)) - 2 * (k.sum(0) @ m.sum(0)) / (n - 2)
    return float(together / (n * (n - 3)))


def with_source(score: Score | None) -> dict[str, Any]:
    """As the loop's hooks take it."""
    return {} if score is None else {"source_score": score[0], "source_what": score[1]}
