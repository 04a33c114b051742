"""A bag of embeddings: the mean of the vectors of tokens and hashed token pairs, then one linear layer (Joulin et al. 2017)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from atoll_engines.text.bag_graph import HASH, bag_graph
from atoll_engines.text.setting import TextSetting
from atoll_engines.text.tokens import PAD, encode, learn_tokenizer, padded, read_tokenizer

PREDICT_BATCH = 256
# Few texts are gone through more often, or the vectors hardly leave the place where they began.
LEAST_STEPS = 600


class Bag:
    """Fast: an epoch over 4,000 e-mails takes seconds on one core."""

    rounds = None

    def __init__(self, params: dict[str, Any], setting: TextSetting) -> None:
        self.params, self.setting = params, setting

    def fit(self, x: np.ndarray, y: np.ndarray, weights: np.ndarray | None = None, watch: Any = None) -> None:
        import torch

        torch.manual_seed(self.setting.base.seed)
        torch.set_num_threads(self.setting.base.threads)
        random = np.random.default_rng(self.setting.base.seed)
        self.tokenizer = learn_tokenizer(x, int(self.params["vocabulary"]), is_marked_at_end=False)
        self.pad = self.tokenizer.token_to_id(PAD)
        words, buckets, width = self.tokenizer.get_vocab_size(), int(self.params["pair_buckets"]), int(self.params["width"])
        embedding = torch.nn.EmbeddingBag(words + buckets, width, mode="mean", sparse=True)
        torch.nn.init.uniform_(embedding.weight, -1 / width, 1 / width)
        linear = torch.nn.Linear(width, self.setting.outputs)
        torch.nn.init.zeros_(linear.weight)
        self.middle, self.spread = (float(y.mean()), float(y.std()) or 1.0) if self.setting.task == "regression" else (0.0, 1.0)
        slow = torch.optim.SparseAdam(embedding.parameters(), lr=self.params["learning_rate"])
        fast = torch.optim.Adam(linear.parameters(), lr=self.params["learning_rate"])
        size = int(self.params["batch_size"])
        per_epoch = -(-len(x) // size)
        epochs = max(int(self.params["epochs"]), -(-LEAST_STEPS // per_epoch))
        steps = epochs * per_epoch
        schedules = [torch.optim.lr_scheduler.LinearLR(one, 1.0, 0.02, steps) for one in (slow, fast)]
        rows = self.encoded(x, buckets, words)
        targets, shares = self.targets(y), None if weights is None else torch.tensor(weights, dtype=torch.float32)
        augmentation = self.setting.augmentation
        for epoch in range(epochs):
            if augmentation.is_used:
                rows = self.encoded(np.array([augmentation.of(text, random) for text in x], dtype=object), buckets, words)
            total = 0.0
            order = random.permutation(len(rows))
            for start in range(0, len(order), size):
                chosen = order[start : start + size]
                flat = torch.from_numpy(np.concatenate([rows[k] for k in chosen]))
                offsets = torch.from_numpy(np.cumsum([0, *(len(rows[k]) for k in chosen[:-1])]))
                hidden = torch.nn.functional.dropout(embedding(flat, offsets), self.params["dropout"])
                losses = self.losses(linear(hidden), targets[chosen])
                loss = losses.mean() if shares is None else (losses * shares[chosen]).mean()
                slow.zero_grad(), fast.zero_grad()
                loss.backward()
                slow.step(), fast.step()
                for one in schedules:
                    one.step()
                total += float(loss.detach()) * len(chosen)
            if self.setting.report:
                self.setting.report.metric("loss", total / len(rows), epoch, algorithm="text_bag")
        self.embedding = embedding.weight.detach().numpy().astype(np.float32)
        self.weight = linear.weight.detach().numpy().astype(np.float32).T.copy()
        self.bias = linear.bias.detach().numpy().astype(np.float32)

    def targets(self, y: np.ndarray) -> Any:
        import torch

        if self.setting.task == "regression":
            return torch.tensor((y - self.middle) / self.spread, dtype=torch.float32)
        return torch.tensor(y, dtype=torch.float32 if self.setting.task == "multilabel" else torch.int64)

    def losses(self, margins: Any, y: Any) -> Any:
        """One loss for each row."""
        from torch.nn import functional

        if self.setting.task == "regression":
            return functional.mse_loss(margins[:, 0], y, reduction="none")
        if self.setting.task == "multilabel":
            return functional.binary_cross_entropy_with_logits(margins, y, reduction="none").mean(dim=1)
        return functional.cross_entropy(margins, y, reduction="none")

    def encoded(self, texts: np.ndarray, buckets: int, words: int) -> list[np.ndarray]:
        """Token ids followed by the places of hashed pairs of neighbours."""
        rows = encode(self.tokenizer, texts, int(self.params["max_length"]))
        if not buckets:
            return rows
        return [np.concatenate([ids, words + (ids[:-1] * HASH + ids[1:]) % buckets]) for ids in rows]

    def predict(self, x: np.ndarray) -> np.ndarray:
        words, buckets = len(self.embedding) - int(self.params["pair_buckets"]), int(self.params["pair_buckets"])
        rows = self.encoded(x, buckets, words)
        margins = np.empty((len(rows), self.setting.outputs), np.float32)
        for start in range(0, len(rows), PREDICT_BATCH):
            part = rows[start : start + PREDICT_BATCH]
            means = np.stack([self.embedding[ids].sum(axis=0) / max(1, len(ids)) for ids in part])
            margins[start : start + len(part)] = means @ self.weight + self.bias
        return answered(margins, self.setting.task, self.middle, self.spread)

    def to_onnx(self) -> bytes:
        return bag_graph(
            self.embedding, self.weight, self.bias, int(self.params["pair_buckets"]), self.setting.task, self.middle, self.spread
        )

    def tensors(self, texts: np.ndarray) -> dict[str, np.ndarray]:
        ids, mask = padded(encode(self.tokenizer, texts, int(self.params["max_length"])), self.pad)
        return {"input_ids": ids, "attention_mask": mask}

    def save(self, folder: Path) -> None:
        from safetensors.numpy import save_file

        scale = np.array([self.middle, self.spread], np.float64)
        arrays = {"embedding": self.embedding, "weight": self.weight, "bias": self.bias, "scale": scale}
        save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, folder / "weights.safetensors")
        (folder / "tokenizer.json").write_text(self.tokenizer.to_str(), "utf-8")

    @staticmethod
    def load(folder: Path, params: dict[str, Any], setting: TextSetting) -> Bag:
        from safetensors.numpy import load_file

        model, arrays = Bag(params, setting), load_file(folder / "weights.safetensors")
        model.tokenizer = read_tokenizer((folder / "tokenizer.json").read_text("utf-8"))
        model.pad = model.tokenizer.token_to_id(PAD)
        model.embedding, model.weight, model.bias = arrays["embedding"], arrays["weight"], arrays["bias"]
        model.middle, model.spread = (float(value) for value in arrays["scale"])
        return model

    def facts(self) -> dict[str, Any]:
        return {
            "tokens": int(self.tokenizer.get_vocab_size()), "parameters": int(self.embedding.size + self.weight.size + self.bias.size),
            "from": "random numbers; tokenizer and vectors were learned from the training texts",
        }  # fmt: skip


def answered(margins: np.ndarray, task: str, middle: float, spread: float) -> np.ndarray:
    """Margins as probabilities, or as predictions in the target's unit."""
    if task == "regression":
        return (margins[:, 0] * np.float32(spread) + np.float32(middle)).astype(np.float32)
    if task == "multilabel":
        return (1 / (1 + np.exp(-np.clip(margins, -80, 80)))).astype(np.float32)
    odds = np.exp(margins - margins.max(axis=1, keepdims=True))
    return (odds / odds.sum(axis=1, keepdims=True)).astype(np.float32)
