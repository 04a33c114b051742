"""A tokenizer.json as GGUF tells it: its tokens, what kind each is, and how pieces are joined."""

from __future__ import annotations

import json
import re
from typing import Any

from atoll_engines.errors import EngineError
from atoll_engines.language.gguf.file import FLOAT32, INT32, Value, list_of, truth, whole, words
from atoll_engines.language.tokens import Tokens

NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = 1, 2, 3, 4, 5, 6
BLANK = "\u2581"
# How a text is divided before pairs are joined, as the patterns of tokenizer.json say it, and the name that readers know it by.
GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
LLAMA3 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
QWEN2 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
DIVISIONS = {(GPT2,): "gpt-2", (LLAMA3,): "llama-bpe", (QWEN2,): "qwen2", ("digits", GPT2): "smollm"}


class Unwritable(EngineError):
    """What has no place in a GGUF file; the model is then served from Python."""


def vocabulary(tokens: Tokens, size: int) -> dict[str, Value]:
    """The `tokenizer.ggml.*` values for a network of so many rows of embeddings."""
    told = json.loads(tokens.tokenizer.to_str())
    model = told["model"]
    if model.get("type") != "BPE":
        raise Unwritable(f"A tokenizer of the kind {model.get('type')} cannot be written as GGUF; BPE and SentencePiece BPE can.")
    names, kinds = listed(tokens, told, size)
    is_sentences = bool(model.get("byte_fallback")) or BLANK in json.dumps(told.get("normalizer"), ensure_ascii=False)
    found = sentence_pieces(told, names, kinds) if is_sentences else byte_pairs(told)
    found |= {
        "tokenizer.ggml.tokens": words(names),
        "tokenizer.ggml.token_type": list_of(INT32, kinds),
        "tokenizer.ggml.eos_token_id": whole(tokens.ends[0]),
        "tokenizer.ggml.padding_token_id": whole(tokens.pad),
        "tokenizer.ggml.add_bos_token": truth(tokens.adds_begin),
        "tokenizer.ggml.add_eos_token": truth(False),
    }
    if tokens.begin is not None:
        found["tokenizer.ggml.bos_token_id"] = whole(tokens.begin)
    if len(tokens.ends) > 1:
        found["tokenizer.ggml.eot_token_id"] = whole(tokens.ends[1])
    if tokens.template:
        found["tokenizer.chat_template"] = words(tokens.template.source)
    return found


def listed(tokens: Tokens, told: dict[str, Any], size: int) -> tuple[list[str], list[int]]:
    """Every row of the embeddings with its token and kind; rows without a token are unused."""
    names, kinds = [f"[PAD{number}]" for number in range(size)], [UNUSED] * size
    for name, number in told["model"]["vocab"].items():
        names[number] = name
        kinds[number] = BYTE if re.fullmatch(r"<0x[0-9A-F]{2}>", name) and told["model"].get("byte_fallback") else NORMAL
    for added in told.get("added_tokens", []):
        names[added["id"]] = added["content"]
        kinds[added["id"]] = CONTROL if added["special"] else USER_DEFINED
    unknown = told["model"].get("unk_token")
    if unknown and tokens.tokenizer.token_to_id(unknown) is not None:
        kinds[tokens.tokenizer.token_to_id(unknown)] = UNKNOWN
    return names, kinds


def byte_pairs(told: dict[str, Any]) -> dict[str, Value]:
    """Byte-level BPE: the merges in their order, and the division of texts by its name."""
    if told.get("normalizer") not in (None, {"type": "NFC"}):
        raise Unwritable(f"The tokenizer changes texts first ({told['normalizer'].get('type')}), which GGUF cannot say.")
    merges = [one if isinstance(one, str) else " ".join(one) for one in told["model"]["merges"]]
    return {"tokenizer.ggml.model": words("gpt2"), "tokenizer.ggml.pre": words(division(told)), "tokenizer.ggml.merges": words(merges)}


def division(told: dict[str, Any]) -> str:
    steps = told.get("pre_tokenizer") or {}
    steps = steps.get("pretokenizers", [steps]) if steps.get("type") == "Sequence" else [steps]
    said: list[str] = []
    for step in steps:
        if step.get("type") == "ByteLevel":
            if step.get("add_prefix_space"):
                raise Unwritable("The tokenizer puts a blank before each text, which GGUF cannot say of byte-level BPE.")
            if step.get("use_regex", True):
                said.append(GPT2)
        elif step.get("type") == "Split":
            said.append(str(step.get("pattern", {}).get("Regex")))
        elif step.get("type") == "Digits" and step.get("individual_digits"):
            said.append("digits")
        else:
            said.append(str(step.get("type")))
    name = DIVISIONS.get(tuple(said))
    if name is None:
        raise Unwritable(f"The tokenizer divides texts in a way that has no name in GGUF ({', '.join(said)[:120]}).")
    return name


def sentence_pieces(told: dict[str, Any], names: list[str], kinds: list[int]) -> dict[str, Value]:
    """SentencePiece BPE: a piece's score is the place of the merge that makes it, so that what is joined first scores highest."""
    ranks: dict[str, int] = {}
    for rank, pair in enumerate(told["model"]["merges"]):
        left, right = pair.split(" ", 1) if isinstance(pair, str) else pair
        ranks.setdefault(left + right, rank)
    never = -float(len(ranks) + 1)
    scores = [-float(ranks[name]) if name in ranks else (never if kind == NORMAL else 0.0) for name, kind in zip(names, kinds, strict=True)]
    unknown = next((at for at, kind in enumerate(kinds) if kind == UNKNOWN), 0)
    steps = json.dumps([told.get("normalizer"), told.get("pre_tokenizer")])
    has_prefix = '"Prepend"' in steps or '"prepend_scheme": "always"' in steps or '"prepend_scheme": "first"' in steps
    return {
        "tokenizer.ggml.model": words("llama"), "tokenizer.ggml.pre": words("default"), "tokenizer.ggml.scores": list_of(FLOAT32, scores),
        "tokenizer.ggml.unknown_token_id": whole(unknown), "tokenizer.ggml.add_space_prefix": truth(has_prefix),
    }  # fmt: skip
