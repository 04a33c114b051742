"""The files of a language model's package."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import torch
from torch import nn

from atoll_engines.contract import Job, Report, write_json
from atoll_engines.language.gguf.llama import as_served, write_gguf
from atoll_engines.language.gguf.vocabulary import Unwritable
from atoll_engines.language.networks import Learner, parameters_of
from atoll_engines.language.objectives import sums_of
from atoll_engines.language.options import LanguageOptions
from atoll_engines.language.records import Records
from atoll_engines.language.sequences import TokenSequence, padded
from atoll_engines.language.tokens import Tokens

# Larger networks are served in half precision unless asked otherwise: four bytes a weight are then too many.
HALF_FROM = 200_000_000
# What the reader's own arithmetic adds: it keeps keys and values in half precision, and rounds activations to bytes for quantised weights.
RUNTIME_SLACK = {"f32": 0.02, "f16": 0.02, "q8_0": 0.1, "q4_0": 0.2}
CHECKED = 24


def write_packaged(
    job: Job, report: Report, network: nn.Module, tokens: Tokens, records: Records, held: list[TokenSequence], options: LanguageOptions,
    length: int, name: str,
) -> dict[str, Any]:  # fmt: skip
    """Signature and GGUF; what the export came to, as training.json tells it."""
    level = options.gguf or ("f16" if parameters_of(network) > HALF_FROM else "f32")
    exported: dict[str, Any] = {"ok": True, "path": "gguf", "reason": None, "maxDifference": None, "rows": 0, "level": level}
    tolerance = RUNTIME_SLACK["f32"]
    try:
        write_gguf(network, tokens, job.model / "model.gguf", level, name)
        rounding = rounding_of(network, held, tokens.pad, level)
        tolerance = 2 * rounding["maxDifference"] + RUNTIME_SLACK[level]
        exported |= rounding
        report.artifact("model/model.gguf", "model", f"The model as GGUF, {level}")
    except Unwritable as error:
        (job.model / "model.gguf").unlink(missing_ok=True)
        exported |= {"ok": False, "path": "python", "reason": error.message, "level": None}
        report.warning("export_failed", f"{error.message} The model will be served from Python.")
    write_json(job.model / "signature.json", signature(tokens, records, options, length, tolerance, exported["level"]))
    write_json(job.model / "recipe.json", {"steps": []})
    return exported


def signature(
    tokens: Tokens, records: Records, options: LanguageOptions, length: int, tolerance: float, level: str | None
) -> dict[str, Any]:
    """What clients send and how an answer is made."""
    first = records.rows[0]
    example: Any = list(first.prompt) if isinstance(first.prompt, tuple) else (first.prompt or (first.text or "")[:80])
    return {
        "task": "generation", "target": None, "classes": None, "positive": None, "threshold": None, "tolerance": tolerance,
        "inputs": [
            {
                "name": "prompt", "type": "text", "tensor": "tokens", "index": 0, "nullable": False, "maxLength": length, "pad": tokens.pad,
                "example": example if isinstance(example, str) else str(example[-1]["content"]),
            }
        ],
        "outputs": [{"name": "text", "width": 1}],
        "generation": {
            "contextLength": length, "maxNewTokens": min(options.max_new_tokens, length // 2), "chat": records.is_chat, "bos": tokens.begin,
            "addBos": tokens.adds_begin, "eos": list(tokens.ends), "stop": tokens.stops(), "gguf": level,
        },
    }  # fmt: skip


def rounding_of(network: nn.Module, held: list[TokenSequence], pad: int, level: str) -> dict[str, Any]:
    """What the number format changes on held-out sequences: the largest difference of a likely token's logit, and the loss per token."""
    if level == "f32" or not held:
        return {"maxDifference": 0.0, "rows": min(len(held), CHECKED), "lossDifference": 0.0}
    other = copy.deepcopy(network)
    other.load_state_dict(as_served(network, level))
    some = held[:CHECKED]
    worst = 0.0
    with torch.no_grad():
        for one in some:
            batch = padded([one], pad)
            left, right = (
                which(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits[0].float() for which in (network, other)
            )
            likely = torch.topk(left, min(5, left.shape[-1]), dim=-1).indices
            worst = max(worst, float((left.gather(-1, likely) - right.gather(-1, likely)).abs().max()))
    before, after = (sums_of(Learner(which), some, pad) for which in (network, other))
    change = float((after["sums"].sum() - before["sums"].sum()) / max(1, before["counts"].sum()))
    return {"maxDifference": worst, "rows": len(some), "lossDifference": change if np.isfinite(change) else None}
