"""Which terms of the training texts are worth counting, and what each weighs."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .words import NumberedWords, TermCounter, Vocabulary


@dataclass(frozen=True)
class Terms:
    """Chosen terms in alphabetical order, the inverse document frequency of each, and what counts them."""

    terms: list[tuple[str, ...]]
    weights: np.ndarray
    counter: TermCounter


def choose_terms(texts: Sequence[str], longest: int, most: int, least_rows: int) -> Terms:
    """The most frequent terms (sequences of up to `longest` words) that are in at least so many rows."""
    numbered = NumberedWords(texts)
    vocabulary = Vocabulary(numbered.numbers)
    # Spellings of one word get one number: that of the word.
    known = sorted(set(vocabulary.forms.values()))
    place = {word: number for number, word in enumerate(known)}
    canonical = np.array([place[vocabulary.forms[spelling]] for spelling in numbered.numbers], dtype=np.int64)
    numbered.values = canonical[numbered.values]
    found: list[tuple[int, tuple[str, ...]]] = []
    for length in range(1, longest + 1):
        codes, frequency = document_frequency(*numbered.sequences(length, len(known)), rows=len(texts))
        enough = frequency >= least_rows
        codes, frequency = codes[enough], frequency[enough]
        if len(frequency) > most:
            # Rarer ones than the last that fits cannot be chosen; those as rare as it are told apart by spelling.
            edge = frequency >= np.partition(frequency, -most)[-most]
            codes, frequency = codes[edge], frequency[edge]
        found.extend((int(rows), words_of(int(code), length, known)) for code, rows in zip(codes, frequency, strict=True))
    # By frequency, then by spelling, so that the order of the rows has no say.
    chosen = sorted(sorted(found, key=lambda one: (-one[0], one[1]))[:most], key=lambda one: one[1])
    terms = [term for _, term in chosen]
    rows = np.array([count for count, _ in chosen], dtype=np.float64)
    weights = np.log((1.0 + len(texts)) / (1.0 + rows)) + 1.0
    return Terms(terms, weights, TermCounter(vocabulary, terms))


def document_frequency(codes: np.ndarray, rows_of: np.ndarray, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Each different sequence and in how many rows it is."""
    different, which = np.unique(codes, return_inverse=True)
    pairs = np.unique(which * rows + rows_of)
    return different, np.bincount(pairs // max(1, rows), minlength=len(different))


def words_of(code: int, length: int, known: list[str]) -> tuple[str, ...]:
    """The words that a sequence's number stands for."""
    words = []
    for _ in range(length):
        code, digit = divmod(code, len(known))
        words.append(known[digit])
    return tuple(reversed(words))
