"""Tokenizers: learned from the training texts, or those of given weights; texts as padded ids."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

# Rarer signs than so many of them are unknown.
MOST_SIGNS = 1000
PAD, UNKNOWN, START, END, MASK = "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"


def learn_tokenizer(texts: Sequence[str], vocabulary: int, is_marked_at_end: bool = True) -> object:
    """A WordPiece tokenizer (Schuster and Nakajima 2012) with BERT's rules for words, learned from these texts.

    The library numbers signs inside words in the order of a hash table, another one each time; with their numbers given, the
    same texts make the same tokenizer.
    """
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

    learner = Tokenizer(models.WordPiece(unk_token=UNKNOWN, max_input_chars_per_word=100))
    learner.normalizer = normalizers.BertNormalizer(lowercase=True)
    learner.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(learner.normalizer.normalize_str(str(text)))
    signs = sorted(sorted((one for one in counts if not one.isspace()), key=lambda one: (-counts[one], one))[:MOST_SIGNS])
    names = [PAD, UNKNOWN, START, END, MASK]
    numbered = [*names, *(f"##{sign}" for sign in signs)]
    trainer = trainers.WordPieceTrainer(
        vocab_size=max(vocabulary, len(numbered) + len(signs)), min_frequency=2, special_tokens=numbered, initial_alphabet=signs,
        limit_alphabet=len(signs), show_progress=False,
    )  # fmt: skip
    learner.train_from_iterator([str(text) for text in texts], trainer)
    # Anew, so that only the five names, not the signs, are taken out of a text before it is divided.
    tokenizer = Tokenizer(models.WordPiece(learner.get_vocab(), unk_token=UNKNOWN, max_input_chars_per_word=100))
    tokenizer.normalizer, tokenizer.pre_tokenizer = learner.normalizer, learner.pre_tokenizer
    tokenizer.add_special_tokens(names)
    start, end = tokenizer.token_to_id(START), tokenizer.token_to_id(END)
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{START} $A {END}" if is_marked_at_end else f"{START} $A",
        pair=f"{START} $A {END} $B {END}" if is_marked_at_end else f"{START} $A $B",
        special_tokens=[(START, start), (END, end)],
    )
    return tokenizer


def read_tokenizer(json: str) -> object:
    """A tokenizer from `tokenizer.json`; what it says of truncation and padding is left aside."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_str(json)
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def encode(tokenizer: object, texts: Sequence[str], max_length: int) -> list[np.ndarray]:
    """The ids of each text, special tokens included, cut at the end to so many."""
    tokenizer.enable_truncation(max_length)
    try:
        return [np.array(one.ids, dtype=np.int64) for one in tokenizer.encode_batch([str(text) for text in texts])]
    finally:
        tokenizer.no_truncation()


def padded(rows: Sequence[np.ndarray], pad: int) -> tuple[np.ndarray, np.ndarray]:
    """`input_ids` and `attention_mask` [N, L], as long as the longest row."""
    longest = max((len(row) for row in rows), default=0)
    ids = np.full((len(rows), longest), pad, dtype=np.int64)
    mask = np.zeros((len(rows), longest), dtype=np.int64)
    for place, row in enumerate(rows):
        ids[place, : len(row)] = row
        mask[place, : len(row)] = 1
    return ids, mask


def batches_by_length(lengths: np.ndarray, size: int) -> list[np.ndarray]:
    """Positions in batches of rows about as long as one another, so that little is padding."""
    order = np.argsort(lengths, kind="stable")
    return [order[start : start + size] for start in range(0, len(order), size)]
