"""Tokenizers of texts that are written: learned from the training texts, or those of given weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

PAD, START, END = "<|pad|>", "<|startoftranscript|>", "<|endoftext|>"
# What stands around a text is not part of it; the server takes off the same four signs.
BLANKS = " \t\n\r"


def learn_vocabulary(texts: Sequence[str], size: int, ends: bool) -> Any:
    """Byte-pair encoding over bytes (Sennrich et al. 2016, as GPT-2 does it): every text can be written with it.

    `ends`: an encoded text is followed by the end token, as an encoder of texts wants it.
    """
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size, min_frequency=2, special_tokens=[PAD, START, END], initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )  # fmt: skip
    tokenizer.train_from_iterator([str(text) for text in texts], trainer)
    end = tokenizer.token_to_id(END)
    if ends:
        tokenizer.post_processor = processors.TemplateProcessing(single=f"$A {END}", pair=None, special_tokens=[(END, end)])
    return tokenizer


def bare_ids(tokenizer: Any, text: str) -> list[int]:
    """The tokens of a text alone."""
    return tokenizer.encode(text, add_special_tokens=False).ids


def plain_text(tokenizer: Any, ids: Sequence[int]) -> str:
    """Tokens as text, without special ones and without blanks around it."""
    return tokenizer.decode(list(ids), skip_special_tokens=True).strip(BLANKS)
