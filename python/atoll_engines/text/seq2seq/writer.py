"""An encoder and decoder for texts: given weights of the T5 or BART kind, or a small T5 (Raffel et al. 2020) learned from the start."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from atoll_engines.errors import BadInput
from atoll_engines.sequences.decoding import Decoding
from atoll_engines.sequences.vocabulary import END, PAD, START, learn_vocabulary
from atoll_engines.sequences.writer import Said, Writer, open_network
from atoll_engines.text.tokens import encode, padded, read_tokenizer
from atoll_engines.text.weights import refuse_incomplete

SHORTEST_TEXT, LONGEST_TEXT = 24, 512


class RewritingWriter(Writer):
    """Items are texts; what is longer than `limit` tokens is cut at its end, as serving cuts it."""

    is_masked = True

    def __init__(self, network: Any, tokenizer: Any, decoding: Decoding, made_from: dict[str, Any], limit: int, prefix: str) -> None:
        super().__init__(network, tokenizer, decoding, made_from)
        self.limit, self.prefix = limit, prefix

    def tokens(self, items: Sequence[str]) -> dict[str, np.ndarray]:
        ids, mask = padded(encode(self.tokenizer, [self.prefix + item for item in items], self.limit), self.pad)
        return {"input_ids": ids, "attention_mask": mask}

    def inputs(self, items: Sequence[str], generator: Any = None) -> dict[str, torch.Tensor]:
        return {name: torch.from_numpy(values) for name, values in self.tokens(items).items()}

    def encoded(self, items: Sequence[str]) -> tuple[torch.Tensor, torch.Tensor]:
        given = {name: value.to(self.device) for name, value in self.inputs(items).items()}
        with torch.inference_mode():
            return self.network.get_encoder()(**given).last_hidden_state, given["attention_mask"]

    def say(self, items: Sequence[str]) -> list[Said]:
        # Texts of about one length together, so that little is padding.
        order = np.argsort([len(item) for item in items], kind="stable")
        said: list[Said] = [Said("")] * len(items)
        for place, text in zip(order, self.written([items[place] for place in order]), strict=True):
            said[place] = Said(text)
        return said

    def encoder_module(self) -> tuple[Any, dict[str, Any], dict[str, Any]]:
        example = {"input_ids": torch.ones((2, 7), dtype=torch.int64), "attention_mask": torch.ones((2, 7), dtype=torch.int64)}
        example["attention_mask"][1, 4:] = 0
        free = {0: torch.export.Dim.DYNAMIC, 1: torch.export.Dim.DYNAMIC}
        return Reads(self.network.get_encoder()), example, {"input_ids": free, "attention_mask": free}

    def graph_inputs(self, item: str) -> dict[str, np.ndarray]:
        return self.tokens([item])

    def examples(self) -> list[str]:
        return ["the quick brown fox", "a b c d e f g h i j k l m", "x", "ÉCOLE ñandú 漢字 " * 20]

    def signature_part(self) -> dict[str, Any]:
        told = {"type": "text", "tensor": "tokens", "nullable": True, "maxLength": self.limit, "pad": self.pad}
        return told | ({"prefix": self.prefix} if self.prefix else {})

    def about(self) -> dict[str, Any]:
        return {"limit": self.limit, "prefix": self.prefix}


class Reads(torch.nn.Module):
    """Token ids → encoder states."""

    def __init__(self, encoder: Any) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, input_ids: Any, attention_mask: Any) -> Any:
        return self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state


def from_scratch(inputs: Sequence[str], texts: Sequence[str], params: dict[str, Any], seed: int, prefix: str) -> RewritingWriter:
    """A small network with one vocabulary for both sides."""
    from transformers import T5Config, T5ForConditionalGeneration

    tokenizer = learn_vocabulary([*inputs, *texts], int(params["vocabulary"]), ends=True)
    start, end, pad = (tokenizer.token_to_id(name) for name in (START, END, PAD))
    most = max((len(tokenizer.encode(text, add_special_tokens=False).ids) for text in texts), default=0)
    most = min(LONGEST_TEXT, max(SHORTEST_TEXT, most + most // 2))
    width, layers, heads = int(params["width"]), int(params["layers"]), int(params["heads"])
    torch.manual_seed(seed)
    config = T5Config(
        vocab_size=tokenizer.get_vocab_size(), d_model=width, d_kv=width // heads, d_ff=4 * width, num_layers=layers, num_heads=heads,
        dropout_rate=params["dropout"], feed_forward_proj="gated-gelu", decoder_start_token_id=start, eos_token_id=end, pad_token_id=pad,
        attn_implementation="eager",
    )  # fmt: skip
    decoding = Decoding((start,), (end,), most, suppress=(pad, start))
    made = {"from": "random numbers: no weights were given, so the network knows only these texts", "architecture": "t5"}
    return RewritingWriter(T5ForConditionalGeneration(config), tokenizer, decoding, made, int(params["max_length"]), prefix)


def from_weights(folder: Path, params: dict[str, Any], prefix: str) -> RewritingWriter:
    """Given weights, their vocabulary and what their texts begin and end with."""
    from transformers import AutoModelForSeq2SeqLM

    config = refuse_incomplete(folder)
    try:
        network = AutoModelForSeq2SeqLM.from_pretrained(
            folder, local_files_only=True, use_safetensors=True, trust_remote_code=False, attn_implementation="eager"
        )
    except (ValueError, OSError, KeyError) as error:
        kind = config.get("model_type")
        raise BadInput(
            f"The weights ({kind}) could not be read as an encoder and decoder of texts: {str(error).splitlines()[0]}.", file="config.json"
        ) from error
    limit = int(params["max_length"])
    positions = config.get("max_position_embeddings")
    if positions and limit > int(positions):
        raise BadInput(f"options.maxLength is {limit}, but these weights read at most {positions} tokens.", parameter="options.maxLength")
    tokenizer = read_tokenizer((folder / "tokenizer.json").read_text("utf-8"))
    decoding = decoding_of(network.config, tokenizer, int(positions) if positions else LONGEST_TEXT)
    made = {"from": "given weights", "architecture": config.get("model_type"), "name": config.get("_name_or_path")}
    return RewritingWriter(network.float(), tokenizer, decoding, made, limit, prefix)


def decoding_of(config: Any, tokenizer: Any, positions: int) -> Decoding:
    """The decoder's start token, and what the tokenizer puts before a text; the end token, and never padding."""
    ends = config.eos_token_id
    end = [int(one) for one in (ends if isinstance(ends, list) else [ends])]
    bare, whole = tokenizer.encode("a b", add_special_tokens=False).ids, tokenizer.encode("a b").ids
    at = next((place for place in range(len(whole)) if whole[place : place + len(bare)] == bare), 0)
    begin = config.decoder_start_token_id if config.decoder_start_token_id is not None else config.pad_token_id
    start = [int(begin), *whole[:at]]
    below = tokenizer.get_vocab_size()
    # A decoder whose start is its padding (T5) must not write it either.
    never = {int(config.pad_token_id), int(begin)} - set(end)
    most = min(positions, LONGEST_TEXT) - len(start) - 1
    return Decoding(tuple(start), tuple(end), most, tuple(sorted(never)), (), below if below < config.vocab_size else None)


def open_writer(folder: Path) -> RewritingWriter:
    """The writer that training left in `native/`."""
    from transformers import AutoConfig, AutoModelForSeq2SeqLM

    kind = AutoModelForSeq2SeqLM._model_mapping[type(AutoConfig.from_pretrained(folder, local_files_only=True))]
    network, tokenizer, decoding, about = open_network(folder, kind)
    return RewritingWriter(network, tokenizer, decoding, about["madeFrom"], about["limit"], about["prefix"])
