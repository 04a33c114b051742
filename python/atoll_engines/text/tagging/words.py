"""Texts as words with their places, the same in both languages (`src/ports/inference/tokens/words.ts`)."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import Any

import numpy as np

Word = tuple[int, int]


def split_words(text: str) -> list[Word]:
    """Where each word begins and ends, in characters (Unicode code points).

    Letters, digits, marks and "_" that follow one another are a word, separators and control characters are between words, and
    every other sign is a word of its own.
    """
    words: list[Word] = []
    start = None
    for at, sign in enumerate(text):
        kind = unicodedata.category(sign)
        if kind[0] in "LNM" or sign == "_":
            start = at if start is None else start
            continue
        if start is not None:
            words.append((start, at))
            start = None
        if kind[0] != "Z" and kind != "Cc":
            words.append((at, at + 1))
    if start is not None:
        words.append((start, len(text)))
    return words


class WordTokens:
    """The tokens of a text word by word, so that each word has a first token, and special tokens around them."""

    def __init__(self, tokenizer: Any, limit: int) -> None:
        self.tokenizer = tokenizer
        self.before, self.after = specials(tokenizer)
        self.room = limit - len(self.before) - len(self.after)
        self.known: dict[str, list[int]] = {}

    def of(self, text: str) -> tuple[np.ndarray, np.ndarray, list[Word]]:
        """The ids, the place of each word's first token, and the words that fit; what is longer is cut between words."""
        ids: list[int] = []
        firsts: list[int] = []
        kept: list[Word] = []
        for start, end in split_words(text):
            pieces = self.pieces(text[start:end], bool(kept))
            if len(ids) + len(pieces) > self.room:
                break
            if pieces:
                firsts.append(len(self.before) + len(ids))
                kept.append((start, end))
                ids += pieces
        return np.array([*self.before, *ids, *self.after], np.int64), np.array(firsts, np.int64), kept

    def pieces(self, word: str, is_later: bool) -> list[int]:
        """A later word has a blank before it, which byte-level vocabularies make part of it."""
        asked = f" {word}" if is_later else word
        if asked not in self.known:
            self.known[asked] = self.tokenizer.encode(asked, add_special_tokens=False).ids
        return self.known[asked]


def specials(tokenizer: Any) -> tuple[list[int], list[int]]:
    """The special tokens before and after a text."""
    bare = tokenizer.encode("a", add_special_tokens=False).ids
    whole = tokenizer.encode("a").ids
    at = next(place for place in range(len(whole)) if whole[place : place + len(bare)] == bare)
    return whole[:at], whole[at + len(bare) :]


def learn_cased_tokenizer(texts: Sequence[str], vocabulary: int) -> Any:
    """A byte-level BPE vocabulary (Sennrich et al. 2016) that keeps capitals, which say much of names."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

    tokenizer = Tokenizer(models.BPE(unk_token=None))
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    names = ["<s>", "<pad>", "</s>"]
    trainer = trainers.BpeTrainer(
        vocab_size=max(vocabulary, 256 + len(names)), min_frequency=2, special_tokens=names, show_progress=False,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
    )  # fmt: skip
    words = (f" {text[start:end]}" for text in map(str, texts) for start, end in split_words(text))
    tokenizer.train_from_iterator(words, trainer)
    start, end = tokenizer.token_to_id("<s>"), tokenizer.token_to_id("</s>")
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A </s>", special_tokens=[("<s>", start), ("</s>", end)])
    return tokenizer
