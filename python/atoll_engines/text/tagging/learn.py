"""Tagged texts as the training loop of all networks wants them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from atoll_engines.contract import Job, Report
from atoll_engines.neural.plan import read_plan
from atoll_engines.neural.protocols import Hooks
from atoll_engines.neural.trainer import Fitted, fit
from atoll_engines.text.fine_tune import freeze, learning_groups
from atoll_engines.text.tagging.metrics import counts_of, score
from atoll_engines.text.tagging.model import Tagger
from atoll_engines.text.tagging.network import Convolutions, from_weights
from atoll_engines.text.tagging.spans import Span, tag_names, tags_of
from atoll_engines.text.tagging.words import learn_cased_tokenizer
from atoll_engines.text.tokens import padded, read_tokenizer
from atoll_engines.text.weights import weights_folder

# Tokens that are not the first of a word are not judged.
IGNORED = -100


@dataclass(frozen=True)
class Tagged:
    """Texts and their spans; `spans` in the order of the texts."""

    texts: Sequence[str]
    spans: Sequence[Sequence[Span]]

    def take(self, places: np.ndarray) -> Tagged:
        return Tagged([self.texts[place] for place in places], [self.spans[place] for place in places])


class TagRows:
    """Rows of ids, with a tag on the first token of each word."""

    def __init__(self, tagger: Tagger, data: Tagged) -> None:
        self.pad, self.rows = tagger.pad, []
        for text, spans in zip(data.texts, data.spans, strict=True):
            ids, firsts, words = tagger.words.of(text)
            tags = np.full(len(ids), IGNORED, np.int64)
            tags[firsts] = tags_of(spans, words, tagger.labels)
            self.rows.append((ids, tags))

    def __len__(self) -> int:
        return len(self.rows)

    def batch(self, rows: np.ndarray, generator: torch.Generator | None) -> dict[str, torch.Tensor]:
        ids, mask = padded([self.rows[row][0] for row in rows], self.pad)
        tags, _ = padded([self.rows[row][1] for row in rows], IGNORED)
        return {"input_ids": torch.from_numpy(ids), "attention_mask": torch.from_numpy(mask), "y": torch.from_numpy(tags)}


class TagObjective:
    """Cross-entropy of the tags, averaged over words."""

    metric, higher_is_better = "loss", False

    def __init__(self, smoothing: float) -> None:
        self.smoothing = smoothing

    def loss(self, module: nn.Module, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        margins = module(batch["input_ids"], batch["attention_mask"]).float()
        # A text may hold no word at all.
        total = functional.cross_entropy(
            margins.flatten(0, 1), batch["y"].flatten(), ignore_index=IGNORED, label_smoothing=self.smoothing, reduction="sum"
        )
        return total / (batch["y"] != IGNORED).sum().clamp(min=1)

    def validate(self, module: nn.Module, batches: Iterable[dict[str, torch.Tensor]]) -> dict[str, float]:
        total, words = 0.0, 0
        for batch in batches:
            margins = module(batch["input_ids"], batch["attention_mask"]).float()
            total += float(functional.cross_entropy(margins.flatten(0, 1), batch["y"].flatten(), ignore_index=IGNORED, reduction="sum"))
            words += int((batch["y"] != IGNORED).sum())
        return {"loss": total / max(1, words)}


def learn(
    job: Job, report: Report, params: dict[str, Any], labels: Sequence[str], train: Tagged, valid: Tagged, trial: int
) -> tuple[Tagger, Fitted]:
    """A tagger fitted on some texts and watched on others; taken up where a stopped job left it."""
    torch.manual_seed(job.seed)
    torch.set_num_threads(job.threads)
    options = job.parameters.get("options") or {}
    tagger = begin(job, params, labels, train)
    freeze(tagger.network, int(options.get("freeze") or 0))
    plan = read_plan(options, job.seed, job.threads, params=params)
    hooks = Hooks(groups=learning_groups, where={"algorithm": "text_tagger", "trial": trial})
    objective = TagObjective(plan.label_smoothing)
    fitted = fit(
        tagger.network, objective, TagRows(tagger, train), TagRows(tagger, valid), plan, report=report,
        checkpoint=kept_fit(job, params, train), hooks=hooks,
    )  # fmt: skip
    tagger.network.to("cpu").eval()
    return tagger, fitted


def begin(job: Job, params: dict[str, Any], labels: Sequence[str], train: Tagged) -> Tagger:
    """The network before training."""
    folder, limit, tags = weights_folder(job), int(params["max_length"]), len(tag_names(labels))
    if folder:
        network, made = from_weights(folder, tags, limit)
        tokenizer = read_tokenizer((folder / "tokenizer.json").read_text("utf-8"))
        pad = int(network.network.config.pad_token_id or 0)
    else:
        tokenizer = learn_cased_tokenizer(train.texts, int(params["vocabulary"]))
        pad = tokenizer.token_to_id("<pad>")
        network = Convolutions(tokenizer.get_vocab_size(), tags, int(params["width"]), float(params["dropout"]), pad)
        made = {
            "from": "random numbers: no weights were given, so the network knows only the training texts",
            "architecture": "dilated convolutions",
        }
    return Tagger(network, tokenizer, list(labels), params, pad, made)


def kept_fit(job: Job, params: dict[str, Any], train: Tagged) -> Path:
    told = [params, job.parameters.get("options") or {}, job.seed]
    digest = hashlib.sha256(json.dumps(told, sort_keys=True).encode())
    for text, spans in zip(train.texts, train.spans, strict=True):
        digest.update(text.encode())
        digest.update(repr(spans).encode())
    return job.checkpoints / f"tagger-{digest.hexdigest()[:16]}"


def judged(tagger: Tagger, data: Tagged) -> tuple[np.ndarray, np.ndarray, list[list[Span]]]:
    """Counts of spans [texts, labels, 3], of words [texts, 2], and the spans that were found."""
    answers = tagger.answer(data.texts)
    found = [[one.span for one in spans] for spans in tagger.spans(data.texts, answers)]
    words = np.zeros((len(data.texts), 2), np.int64)
    for row, (text, spans) in enumerate(zip(data.texts, data.spans, strict=True)):
        _, firsts, places = tagger.words.of(text)
        right = answers.tags[row, firsts] == tags_of(spans, places, tagger.labels)
        words[row] = int(right.sum()), len(places)
    return counts_of(data.spans, found, tagger.labels), words, found


def score_of(tagger: Tagger, data: Tagged) -> dict[str, float]:
    counts, words, _ = judged(tagger, data)
    return score(counts, words)
