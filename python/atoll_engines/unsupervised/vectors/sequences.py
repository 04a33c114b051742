"""Texts as their words in order, beside how often each occurs."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pandas as pd

from atoll_engines.errors import BadInput
from atoll_engines.recipes import InputColumn
from atoll_engines.recipes.raw import column_values
from atoll_engines.recipes.words import TermCounter, Vocabulary, words
from atoll_engines.unsupervised.topics.words import LEAST_WORDS, SCRAPS, WordCounts

MOST_WORDS, FEWEST_TIMES = 5000, 3


class WordRows(np.ndarray):
    """Counts of words by text, [texts, words]; `sequences` are the words of each text in order, as columns of the counts."""

    sequences: list[np.ndarray]
    names: list[str]

    @staticmethod
    def of(counts: np.ndarray, sequences: list[np.ndarray], names: list[str]) -> WordRows:
        rows = np.ascontiguousarray(counts, np.float32).view(WordRows)
        rows.sequences, rows.names = sequences, names
        return rows


class WordSequences(WordCounts):
    """Counted words that also remember their order."""

    def transform(self, frame: pd.DataFrame) -> WordRows:
        # The counter numbers the words by their spelling, which is the order of the names.
        spelled = self.counter.forms
        texts = column_values(frame, self.column)
        found = [np.array([spelled[word] for word in words(text) if word in spelled], np.int64) for text in texts]
        return WordRows.of(super().transform(frame), found, self.names)


class ByWordOrder:
    """Learns the vocabulary of one text column: every word but the rare ones, since common words keep company too."""

    def __init__(self, column: InputColumn) -> None:
        self.column = InputColumn(column.name, column.type)

    def fit(self, frame: pd.DataFrame) -> tuple[WordSequences, WordRows]:
        texts = [words(text) for text in column_values(frame, self.column)]
        vocabulary = Vocabulary({word for text in texts for word in text})
        frequency: Counter[str] = Counter(vocabulary.forms[word] for text in texts for word in text)
        usable = [word for word, times in frequency.items() if times >= FEWEST_TIMES and word not in SCRAPS]
        if len(usable) < LEAST_WORDS:
            raise BadInput(
                f'The column "{self.column.name}" has {len(usable)} words that occur {FEWEST_TIMES} times or more; '
                "vectors of words need longer texts, or more of them.",
                column=self.column.name,
            )
        # By frequency, then by spelling, so that the order of the rows has no say.
        names = sorted(sorted(usable, key=lambda word: (-frequency[word], word))[:MOST_WORDS])
        counter = TermCounter(vocabulary, [(word,) for word in names])
        preparation = WordSequences(self.column, counter, names, [frequency[word] for word in names])
        return preparation, preparation.transform(frame)

    def recipe(self, preparation: WordSequences) -> dict[str, Any]:
        reason = (
            f'The texts of "{self.column.name}" are read as their {len(preparation.names)} most frequent words; '
            f"those that occur fewer than {FEWEST_TIMES} times are left out."
        )
        return {"steps": [], "reasons": [reason], "fitted": []}
