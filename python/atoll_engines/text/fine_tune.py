"""Texts as the training loop of all networks wants them: rows, an objective, and which layers may learn."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from atoll_engines.compression.lesson import Lesson, lesson_of, plain, teacher_of
from atoll_engines.neural.distillation import mixed, soft_losses
from atoll_engines.neural.forgetting import PROBES, Score, likeness, masked_words, with_source
from atoll_engines.neural.plan import TrainingPlan, read_plan
from atoll_engines.neural.protocols import Hooks
from atoll_engines.neural.trainer import fit
from atoll_engines.tabular.folds import inner_split
from atoll_engines.text.setting import TextSetting
from atoll_engines.text.tokens import encode, padded

# From so many rows on a tenth of them is watched, and the best epoch's weights are kept.
WATCH_FROM, WATCH_SHARE = 1000, 0.1
MARKS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "<pad>", "<unk>", "<s>", "</s>", "<mask>")


class TokenRows:
    """Texts as padded ids, with their targets; changed copies of them where that was asked for."""

    def __init__(
        self, tokenizer: Any, texts: np.ndarray, y: np.ndarray, weights: np.ndarray | None, limit: int, pad: int, setting: TextSetting
    ) -> None:
        self.tokenizer, self.texts, self.weights = tokenizer, texts, weights
        self.y, self.teacher = plain(y), teacher_of(y)
        self.limit, self.pad, self.setting = limit, pad, setting
        self.plain = encode(tokenizer, texts, limit)
        if setting.task in ("binary", "multiclass"):
            self.labels = self.y

    def __len__(self) -> int:
        return len(self.texts)

    def batch(self, rows: np.ndarray, generator: torch.Generator | None) -> dict[str, torch.Tensor]:
        augmentation = self.setting.augmentation
        if generator is not None and augmentation.is_used:
            random = np.random.default_rng(int(torch.randint(2**62, (1,), generator=generator)))
            tokens = encode(self.tokenizer, [augmentation.of(str(self.texts[row]), random) for row in rows], self.limit)
        else:
            tokens = [self.plain[row] for row in rows]
        ids, mask = padded(tokens, self.pad)
        kind = torch.int64 if self.setting.task in ("binary", "multiclass") else torch.float32
        made = {"input_ids": torch.from_numpy(ids), "attention_mask": torch.from_numpy(mask)}
        made["y"] = torch.as_tensor(self.y[rows], dtype=kind)
        if self.teacher is not None:
            made["teacher"] = torch.as_tensor(self.teacher[rows], dtype=torch.float32)
        if self.weights is not None:
            made["weights"] = torch.as_tensor(self.weights[rows], dtype=torch.float32)
        return made


class TextObjective:
    """Cross-entropy of classes, of each label, or squares of standardised numbers."""

    metric, higher_is_better = "loss", False

    def __init__(self, task: str, label_smoothing: float, lesson: Lesson | None = None) -> None:
        self.task, self.label_smoothing, self.lesson = task, label_smoothing, lesson

    def loss(self, module: nn.Module, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        losses = self.losses(module, batch, self.label_smoothing)
        return (losses * batch["weights"]).mean() if "weights" in batch else losses.mean()

    def losses(self, module: nn.Module, batch: dict[str, torch.Tensor], smoothing: float) -> torch.Tensor:
        """One loss for each row."""
        margins = module(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits.float()
        hard = self.of_labels(margins, batch["y"], smoothing)
        if self.lesson is None or not module.training:
            return hard
        return mixed(hard, soft_losses(margins, batch["teacher"], self.lesson.temperature, self.task), self.lesson.alpha)

    def of_labels(self, margins: torch.Tensor, y: torch.Tensor, smoothing: float) -> torch.Tensor:
        """One loss for each row, by its label alone."""
        if self.task == "regression":
            return functional.mse_loss(margins[:, 0], y, reduction="none")
        if self.task == "multilabel":
            return functional.binary_cross_entropy_with_logits(margins, y, reduction="none").mean(dim=1)
        return functional.cross_entropy(margins, y, reduction="none", label_smoothing=smoothing)

    def validate(self, module: nn.Module, batches: Iterable[dict[str, torch.Tensor]]) -> dict[str, float]:
        total, rows = 0.0, 0
        for batch in batches:
            losses = self.losses(module, batch, 0.0)
            total, rows = total + float(losses.sum()), rows + len(losses)
        return {"loss": total / max(1, rows)}


def fine_tune(
    network: nn.Module, tokenizer: Any, texts: np.ndarray, y: np.ndarray, weights: np.ndarray | None, plan: TrainingPlan, limit: int,
    pad: int, setting: TextSetting, folder: Path | None,
) -> dict[str, Any]:  # fmt: skip
    """Trains in place; what is worth telling of it."""
    watched = None
    fit_on = np.arange(len(texts))
    if len(texts) >= WATCH_FROM:
        kind = "regression" if setting.task == "multilabel" else setting.task
        fit_on, watched = inner_split(y, kind, setting.base.seed, WATCH_SHARE)

    def rows(places: np.ndarray) -> TokenRows:
        return TokenRows(tokenizer, texts[places], y[places], None if weights is None else weights[places], limit, pad, setting)

    freeze(network, setting.freeze)
    probe = source_score(network, tokenizer, texts[fit_on if watched is None else watched], limit, pad, setting)
    hooks = Hooks(groups=learning_groups, where={"algorithm": "text_transformer"}, **with_source(probe))
    objective = TextObjective(setting.task, plan.label_smoothing, lesson_of(y))
    valid = None if watched is None else rows(watched)
    fitted = fit(network, objective, rows(fit_on), valid, plan, report=setting.report, checkpoint=folder, hooks=hooks)
    network.to("cpu").eval()
    about = {"epochs": fitted.epochs, "bestEpoch": fitted.best_epoch, "rowsPerSecond": fitted.rows_per_second, "device": fitted.device}
    return about | {"watchedRows": 0 if watched is None else len(watched)}


def source_score(network: nn.Module, tokenizer: Any, texts: np.ndarray, limit: int, pad: int, setting: TextSetting) -> Score | None:
    """How well the network still does what it came for, of given weights: on rows that it does not learn from, where there are any."""
    if setting.weights is None:
        return None
    ids, mask = (torch.from_numpy(one) for one in padded(encode(tokenizer, texts[:PROBES], limit), pad))
    config = json.loads((setting.weights / "config.json").read_text("utf-8"))
    marks = {token: place for token, place in tokenizer.get_vocab(with_added_tokens=True).items() if token in MARKS}
    mask_id = next((marks[name] for name in ("[MASK]", "<mask>") if name in marks), config.get("mask_token_id"))
    asked = masked_words(setting.weights, ids, mask, mask_id, [pad, *marks.values()], setting.base.seed)

    def embed(module: nn.Module) -> torch.Tensor:
        device = next(module.parameters()).device
        body = getattr(module, module.base_model_prefix)
        states = body(input_ids=ids.to(device), attention_mask=mask.to(device)).last_hidden_state
        counted = mask.to(device).unsqueeze(-1).to(states.dtype)
        return (states * counted).sum(1) / counted.sum(1)

    return asked or likeness(network, embed)


def plan_of(params: dict[str, Any], setting: TextSetting) -> TrainingPlan:
    """The loop's plan: the algorithm's parameters, and the user's options over them."""
    return read_plan(setting.options, setting.base.seed, setting.base.threads, params=params)


def freeze(network: nn.Module, layers: int) -> None:
    """Leaves the embeddings and the first layers as they came; the rest learns."""
    if layers <= 0:
        return
    modules = dict(network.named_modules())
    blocks = next((one for name, one in modules.items() if name.endswith((".layer", ".layers")) and isinstance(one, nn.ModuleList)), [])
    frozen = [one for name, one in modules.items() if name.endswith(".embeddings")][:1] + list(blocks)[:layers]
    for module in frozen:
        for parameter in module.parameters():
            parameter.requires_grad_(False)


def learning_groups(network: nn.Module) -> list[dict[str, Any]]:
    """Weight decay on matrices alone: not on offsets and norms; frozen layers are in no group."""
    learning = [one for one in network.parameters() if one.requires_grad]
    groups = [
        {"params": [one for one in learning if one.ndim > 1], "decay": True},
        {"params": [one for one in learning if one.ndim <= 1], "decay": False},
    ]
    return [group for group in groups if group["params"]]
