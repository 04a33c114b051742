"""A trained tagger: texts in, marked places out; kept in `native/` without a pickle."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from atoll_engines.contract import write_json
from atoll_engines.text.tagging.spans import Span, spans_of, tag_names
from atoll_engines.text.tagging.words import WordTokens
from atoll_engines.text.tokens import batches_by_length, padded, read_tokenizer

BATCH = 64


@dataclass(frozen=True)
class Answers:
    """The tag of each token and how probable it is: [texts, max_length], 0 behind the end."""

    tags: np.ndarray
    confidence: np.ndarray


@dataclass(frozen=True)
class Found:
    """A span with the mean probability of its words' tags."""

    span: Span
    score: float


class Tagger:
    """A network over tokens, and the words that they are of."""

    def __init__(self, network: Any, tokenizer: Any, labels: list[str], params: dict[str, Any], pad: int, made: dict[str, Any]) -> None:
        self.network, self.tokenizer, self.labels, self.params, self.pad, self.made = network, tokenizer, labels, params, pad, made
        self.limit = int(params["max_length"])
        self.words = WordTokens(tokenizer, self.limit)

    def answer(self, texts: Sequence[str]) -> Answers:
        import torch

        from atoll_engines.text.tagging.network import Answering

        served = Answering(self.network, self.limit).eval()
        rows = [self.words.of(text)[0] for text in texts]
        tags, confidence = (np.zeros((len(rows), self.limit), np.float32) for _ in range(2))
        with torch.inference_mode():
            for places in batches_by_length(np.array([len(row) for row in rows]), BATCH):
                ids, mask = padded([rows[place] for place in places], self.pad)
                found, surest = served(torch.from_numpy(ids), torch.from_numpy(mask))
                tags[places], confidence[places] = found.numpy(), surest.numpy()
        return Answers(tags, confidence)

    def spans(self, texts: Sequence[str], answers: Answers) -> list[list[Found]]:
        """The spans of each text."""
        result = []
        for text, tags, confidence in zip(texts, answers.tags, answers.confidence, strict=True):
            _, firsts, words = self.words.of(text)
            found = spans_of(tags[firsts].astype(int), words, self.labels)
            sure = confidence[firsts]
            result.append([
                Found(span, float(np.mean([p for p, (start, _) in zip(sure, words, strict=True) if span.start <= start < span.end])))
                for span in found
            ])  # fmt: skip
        return result

    def facts(self) -> dict[str, Any]:
        return {
            **self.made, "parameters": int(sum(one.numel() for one in self.network.parameters())),
            "tokens": int(self.tokenizer.get_vocab_size()), "maxLength": self.limit, "tags": tag_names(self.labels),
        }  # fmt: skip

    def save(self, folder: Path, column: str) -> None:
        from safetensors.torch import save_file

        state = {name: value.detach().cpu().clone().contiguous() for name, value in self.network.state_dict().items()}
        save_file(state, folder / "weights.safetensors")
        if hasattr(self.network, "network"):
            self.network.network.config.to_json_file(folder / "config.json")
        (folder / "tokenizer.json").write_text(self.tokenizer.to_str(), "utf-8")
        about = {"labels": self.labels, "params": self.params, "pad": self.pad, "made": self.made, "column": column}
        write_json(folder / "tagger.json", about)


def load_tagger(folder: Path) -> tuple[Tagger, str]:
    """A tagger from `native/`, and the column of texts that it reads."""
    from safetensors.torch import load_file

    from atoll_engines.text.tagging.network import Convolutions, Encoder

    about = json.loads((folder / "tagger.json").read_text("utf-8"))
    tokenizer = read_tokenizer((folder / "tokenizer.json").read_text("utf-8"))
    tags, params = len(tag_names(about["labels"])), about["params"]
    if (folder / "config.json").is_file():
        from transformers import AutoConfig, AutoModelForTokenClassification

        config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        network: Any = Encoder(AutoModelForTokenClassification.from_config(config, attn_implementation="eager"))
    else:
        network = Convolutions(tokenizer.get_vocab_size(), tags, int(params["width"]), float(params["dropout"]), about["pad"])
    network.load_state_dict(load_file(folder / "weights.safetensors"))
    network.eval()
    return Tagger(network, tokenizer, about["labels"], params, about["pad"], about["made"]), about["column"]
