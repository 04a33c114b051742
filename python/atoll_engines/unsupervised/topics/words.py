"""Counted words of a text column, the same way in Python and in the graph."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from atoll_engines.errors import BadInput
from atoll_engines.recipes import GraphBuilder, InputColumn
from atoll_engines.recipes.columns import GraphColumns
from atoll_engines.recipes.maths import NumpyMaths
from atoll_engines.recipes.raw import column_values
from atoll_engines.recipes.words import TermCounter, Vocabulary, words

# Markup, addresses and the ends of contractions are no words of a text.
SCRAPS = frozenset(
    "br href http https www com nbsp amp quot gt lt ve ll re don didn doesn isn wasn won couldn wouldn shouldn".split()  # noqa: SIM905
)
MOST_WORDS, LEAST_WORDS = 2000, 5
# A word in fewer texts teaches nothing, one in a larger share of them sets no text apart.
FEWEST_TEXTS, LARGEST_SHARE = 3, 0.5


@dataclass
class WordCounts:
    """How often each word of the vocabulary occurs in a row's text."""

    column: InputColumn
    counter: TermCounter
    names: list[str]
    frequency: list[int]

    @property
    def inputs(self) -> list[InputColumn]:
        return [self.column]

    def transform(self, frame: pd.DataFrame) -> np.ndarray:
        texts = column_values(frame, self.column)[:, None]
        return self.counter.count(NumpyMaths(), texts).astype(np.float32)

    def emit(self, graph: GraphBuilder) -> str:
        columns = GraphColumns(graph, self.inputs)
        counts = self.counter.count(columns.maths, columns.strings([self.column.name]))
        return graph.node("Cast", [counts.name], to=1)


class ByWords:
    """Learns the vocabulary of one text column."""

    def __init__(self, column: InputColumn) -> None:
        self.column = InputColumn(column.name, column.type)

    def fit(self, frame: pd.DataFrame) -> tuple[WordCounts, np.ndarray]:
        texts = column_values(frame, self.column)
        found = [set(words(text)) for text in texts]
        vocabulary = Vocabulary(set().union(*found))
        frequency: Counter[str] = Counter()
        for seen in found:
            frequency.update({vocabulary.forms[word] for word in seen})
        chosen = self.chosen(frequency, len(texts))
        counter = TermCounter(vocabulary, [(word,) for word in chosen])
        counts = WordCounts(self.column, counter, chosen, [frequency[word] for word in chosen])
        return counts, counts.transform(frame)

    def chosen(self, frequency: Counter[str], rows: int) -> list[str]:
        """The most frequent words that are neither everywhere, nor rare, nor without a meaning of their own."""
        from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

        fewest = min(FEWEST_TEXTS, max(1, rows // 20))
        usable = [
            word
            for word, texts in frequency.items()
            if fewest <= texts <= LARGEST_SHARE * rows and word not in ENGLISH_STOP_WORDS and word not in SCRAPS and not word.isdigit()
        ]
        if len(usable) < LEAST_WORDS:
            raise BadInput(
                f'The column "{self.column.name}" has {len(usable)} words that occur in at least {fewest} texts and not in most of them; '
                "topics need longer texts, or more of them.",
                column=self.column.name,
            )
        # By frequency, then by spelling, so that the order of the rows has no say.
        return sorted(sorted(usable, key=lambda word: (-frequency[word], word))[:MOST_WORDS])

    def recipe(self, preparation: WordCounts) -> dict[str, Any]:
        reason = (
            f'The texts of "{self.column.name}" are counted by their {len(preparation.names)} most frequent words; '
            "words in more than half of the texts, in too few of them, and the usual English function words are left out."
        )
        return {"steps": [], "reasons": [reason], "fitted": []}
