"""Words of a text, found the same way in Python and in the graph.

Only ASCII letters are lower-cased by rule: runtimes disagree on the rest of Unicode. Other letters are folded by a table of
the forms seen in training and their usual spellings (lower, UPPER, Title).
"""

import re
from array import array
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from .graph_maths import GraphMaths, GraphTensor

# Letters and digits by range, because regular expression libraries know different editions of Unicode.
_LETTERS = (
    "0-9A-Za-z_\u00aa\u00b5\u00ba\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u02c1\u0300-\u036f\u0370-\u0373\u0376-\u0377\u037b-\u037d\u037f\u0386"
    "\u0388-\u0481\u0483-\u0556\u0561-\u0587\u0591-\u05bd\u05d0-\u05ea\u0610-\u061a\u0620-\u0669\u066e-\u06d3\u06d5-\u06dc\u06df-\u06e8"
    "\u06ea-\u06fc\u0710-\u1fff\u2c00-\u2dff\ua640-\uabff\uac00-\ud7a3\ufb00-\ufdff\ufe70-\ufefc\uff10-\uff19\uff21-\uff3a\uff41-\uff5a"
    "\U00010000-\U0001efff"
)
# Chinese and Japanese characters and pictographs: each is a word.
_SIGNS = (
    "\u2600-\u27bf\u3005\u3007\u3041-\u30fa\u30fc-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\U0001f300-\U0001faff\U00020000-\U0002fa1f"
)
WORD_PATTERN = f"[{_SIGNS}]|[{_LETTERS}]{{2,}}"
_WORD = re.compile(WORD_PATTERN)
_LOWER = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}


def words(text: str) -> list[str]:
    """The words of a text in order, ASCII lower-cased."""
    return _WORD.findall(text.translate(_LOWER))


class NumberedWords:
    """The words of many texts as numbers, one after the other, so that sequences of them are found by arithmetic."""

    def __init__(self, texts: Sequence[str], numbers: dict[str, int] | None = None):
        """With `numbers` given a word not among them is -1; else every word gets the next number."""
        self.numbers: dict[str, int] = {} if numbers is None else numbers
        flat, lengths = array("q"), np.empty(len(texts), dtype=np.int64)
        for row, text in enumerate(texts):
            found = words(text)
            if numbers is None:
                flat.extend([self.numbers.setdefault(word, len(self.numbers)) for word in found])
            else:
                flat.extend([numbers.get(word, -1) for word in found])
            lengths[row] = len(found)
        self.values = np.array(flat, dtype=np.int64)
        self.rows = np.repeat(np.arange(len(texts)), lengths)

    def sequences(self, length: int, base: int) -> tuple[np.ndarray, np.ndarray]:
        """Every sequence of so many known words as one number (its digits to `base` are the words), and its row."""
        starts = max(0, len(self.values) - length + 1)
        whole = self.rows[:starts] == self.rows[length - 1 :][:starts]
        code = np.zeros(starts, dtype=np.int64)
        for place in range(length):
            digit = self.values[place : place + starts]
            whole &= digit >= 0
            code = code * base + digit
        return code[whole], self.rows[:starts][whole]


class Vocabulary:
    """Which spellings mean which word, learned from the words of training texts."""

    def __init__(self, seen: Iterable[str]):
        self.forms: dict[str, str] = {}
        for word in sorted(seen):
            self.forms[word] = word.lower()
        for word in sorted(set(self.forms.values())):
            for form in (word, word.upper(), word.capitalize()):
                spelled = form.translate(_LOWER)
                if not spelled.isascii() and _WORD.fullmatch(spelled):
                    self.forms.setdefault(spelled, word)


class TermCounter:
    """Counts the terms (sequences of one to three words) that were chosen in training."""

    def __init__(self, vocabulary: Vocabulary, terms: Sequence[tuple[str, ...]]):
        used = sorted({word for term in terms for word in term})
        self.numbers = {word: number for number, word in enumerate(used)}
        self.forms = {form: self.numbers[word] for form, word in vocabulary.forms.items() if word in self.numbers}
        self.terms = [tuple(self.numbers[word] for word in term) for term in terms]
        self.longest = max(map(len, terms), default=1)

    @classmethod
    def restored(cls, forms: dict[str, int], numbers: dict[str, int], terms: Sequence[tuple[str, ...]]) -> "TermCounter":
        """A counter as it was stored: the spellings it knows, and the words of its terms by number."""
        counter = cls.__new__(cls)
        counter.numbers, counter.forms = numbers, forms
        counter.terms = [tuple(numbers[word] for word in term) for term in terms]
        counter.longest = max(map(len, terms), default=1)
        return counter

    def count(self, maths: Any, strings: Any) -> Any:
        """Term counts [N, terms] of one column of texts [N, 1]."""
        return self._in_graph(maths, strings) if isinstance(maths, GraphMaths) else self._in_arrays(strings)

    def _in_arrays(self, strings: np.ndarray) -> np.ndarray:
        codes, texts = pd.factorize(strings[:, 0])
        counts = np.zeros((len(texts), len(self.terms)))
        rows, places, how_many = self.counted(texts)
        counts[rows, places] = how_many
        return counts if len(texts) == len(codes) else counts[codes]

    def counted(self, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Row, term and number of times of each term that is in a text."""
        numbered = NumberedWords(texts, self.forms)
        base = len(self.numbers)
        cells = [np.empty(0, dtype=np.int64)]
        for length in range(1, self.longest + 1):
            places = np.array([place for place, term in enumerate(self.terms) if len(term) == length], dtype=np.int64)
            if not len(places):
                continue
            known = np.array([code_of(self.terms[place], base) for place in places], dtype=np.int64)
            order = np.argsort(known)
            codes, rows = numbered.sequences(length, base)
            at = np.minimum(np.searchsorted(known, codes, sorter=order), len(known) - 1)
            hit = known[order[at]] == codes
            cells.append(rows[hit] * len(self.terms) + places[order[at[hit]]])
        cell, how_many = np.unique(np.concatenate(cells), return_counts=True)
        width = max(1, len(self.terms))
        return cell // width, cell % width, how_many.astype(np.float64)

    def _in_graph(self, maths: GraphMaths, strings: GraphTensor) -> GraphTensor:
        return maths.number(GraphTensor(maths.graph, self.count_node(maths, strings)))

    def count_node(self, maths: GraphMaths, strings: GraphTensor) -> str:
        """The name of float32 term counts [N, terms]."""
        graph = maths.graph
        flat = maths._node("Reshape", strings, np.array([-1], dtype=np.int64))
        lowered = maths._node("StringNormalizer", flat, case_change_action="LOWER", is_case_sensitive=1, locale="C")
        tokens = graph.node("Tokenizer", [lowered.name], domain="com.microsoft", mark=0, mincharnum=1, pad_value="#", tokenexp=WORD_PATTERN)
        keys = sorted(self.forms) or ["#"]
        numbers = graph.node(
            "LabelEncoder",
            [tokens],
            domain="ai.onnx.ml",
            keys_strings=[key.encode("utf-8") for key in keys],
            values_int64s=[self.forms.get(key, -1) for key in keys],
            default_int64=-1,
        )
        # Texts without a word give a tensor without columns, which the counter refuses.
        widened = graph.node("Pad", [numbers, graph.constant([0, 0, 0, 1], np.int64), graph.constant(-1, np.int64)])
        by_length = [[place for place, term in enumerate(self.terms) if len(term) == length] for length in range(1, self.longest + 1)]
        pool, starts, order = [], [], []
        for places in by_length:
            starts.append(len(pool))
            for place in places:
                pool.extend(self.terms[place])
                order.append(place)
        return graph.node(
            "TfIdfVectorizer",
            [widened],
            mode="TF",
            min_gram_length=1,
            max_gram_length=self.longest,
            max_skip_count=0,
            ngram_counts=starts,
            ngram_indexes=order,
            pool_int64s=pool,
        )


def code_of(term: Sequence[int], base: int) -> int:
    """A sequence of word numbers as one number."""
    code = 0
    for number in term:
        code = code * base + number
    return code
