"""A network that writes texts, with its tokenizer and its rule of decoding: what training fits and evaluation asks."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from atoll_engines.contract import write_json
from atoll_engines.sequences.decoding import Decoding, greedy
from atoll_engines.sequences.vocabulary import bare_ids, plain_text


@dataclass(frozen=True)
class Said:
    """What was written for one row; with its parts in seconds where it is of a recording."""

    text: str
    segments: list[dict[str, Any]] = field(default_factory=list)


class Writer(ABC):
    """An encoder and a decoder of the transformers library."""

    # Inputs of the encoder that the decoder needs too.
    is_masked: bool
    batch_rows = 16

    def __init__(self, network: Any, tokenizer: Any, decoding: Decoding, made_from: dict[str, Any]) -> None:
        self.network, self.tokenizer, self.decoding, self.made_from = network, tokenizer, decoding, made_from

    @property
    def pad(self) -> int:
        known = self.network.config.pad_token_id
        return int(known if known is not None else 0)

    @property
    def device(self) -> Any:
        return next(self.network.parameters()).device

    def ids(self, text: str) -> list[int]:
        """A wanted text as the decoder should say it."""
        return bare_ids(self.tokenizer, text)

    @abstractmethod
    def inputs(self, items: Sequence[Any], generator: Any = None) -> dict[str, Any]:
        """A batch as the network takes it; with a generator, changed as training changes it."""

    @abstractmethod
    def encoded(self, items: Sequence[Any]) -> tuple[Any, Any]:
        """Encoder states [rows, places, width], and which places are there (None: all)."""

    @abstractmethod
    def say(self, items: Sequence[Any]) -> list[Said]:
        """What the network writes for each item."""

    @abstractmethod
    def encoder_module(self) -> tuple[Any, dict[str, Any], dict[str, Any]]:
        """The encoder with all that prepares its input, an example of its inputs by name, and which of their sizes vary."""

    @abstractmethod
    def graph_inputs(self, item: Any) -> dict[str, np.ndarray]:
        """What the encoder's graph takes of one item."""

    @abstractmethod
    def signature_part(self) -> dict[str, Any]:
        """What the signature says of the input."""

    @abstractmethod
    def examples(self) -> list[Any]:
        """Inputs on which the graphs are compared with the network."""

    def fits(self, item: Any) -> bool:
        """Whether the network takes the item whole."""
        return True

    def too_long(self, item: Any) -> str:
        """Why an item does not fit, in words."""
        return "its input is longer than the network takes"

    def written(self, items: Sequence[Any]) -> list[str]:
        """The bare texts of items that the network takes whole, in batches."""
        found: list[str] = []
        for at in range(0, len(items), self.batch_rows):
            hidden, mask = self.encoded(items[at : at + self.batch_rows])
            found += [plain_text(self.tokenizer, ids) for ids in greedy(self.network, hidden, mask, self.decoding)]
        return found

    def surprise(self, items: Sequence[Any], texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """The loss of the wanted tokens of each row, and their number; NaN where an item or its text is too long."""
        import torch

        from atoll_engines.sequences.objective import targets, token_losses

        losses, tokens = np.full(len(items), np.nan), np.zeros(len(items), np.int64)
        ids = [self.ids(text) for text in texts]
        whole = [row for row, item in enumerate(items) if self.fits(item) and len(ids[row]) < self.decoding.most]
        with torch.inference_mode():
            for at in range(0, len(whole), self.batch_rows):
                rows = whole[at : at + self.batch_rows]
                batch = self.inputs([items[row] for row in rows]) | targets([ids[row] for row in rows], self.decoding, self.pad)
                batch = {name: value.to(self.device) for name, value in batch.items()}
                lost, counted = token_losses(self.network, batch, 0.0)
                losses[rows], tokens[rows] = lost.double().cpu().numpy(), counted.cpu().numpy()
        return losses, tokens

    def save(self, folder: Path) -> None:
        from safetensors.torch import save_model

        save_model(self.network.to("cpu"), str(folder / "weights.safetensors"))
        self.network.config.to_json_file(folder / "config.json")
        (folder / "tokenizer.json").write_text(self.tokenizer.to_str(), "utf-8")
        write_json(folder / "writer.json", {"decoding": self.decoding.as_json(), "madeFrom": self.made_from} | self.about())

    def about(self) -> dict[str, Any]:
        """What else the writer must know when it is opened again."""
        return {}

    def facts(self) -> dict[str, Any]:
        """What training.json says of the network."""
        return {
            **self.made_from, "parameters": int(sum(one.numel() for one in self.network.parameters())),
            "tokens": int(self.tokenizer.get_vocab_size()), "mostTokens": self.decoding.most,
        }  # fmt: skip


def open_network(folder: Path, kind: Any) -> tuple[Any, Any, Decoding, dict[str, Any]]:
    """The network of a package's `native/`, its tokenizer, its decoding and what else was kept."""
    from safetensors.torch import load_model
    from transformers import AutoConfig

    from atoll_engines.text.tokens import read_tokenizer

    config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    config._attn_implementation = "eager"
    network = kind(config)
    load_model(network, str(folder / "weights.safetensors"))
    about = json.loads((folder / "writer.json").read_text("utf-8"))
    return network.eval(), read_tokenizer((folder / "tokenizer.json").read_text("utf-8")), Decoding.from_json(about["decoding"]), about
