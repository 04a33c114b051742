"""Words of a text, found the same way in Python and in the graph.

Only ASCII letters are lower-cased by rule: runtimes disagree on the rest of Unicode. Other letters are folded by a table of
the forms seen in training and their usual spellings (lower, UPPER, Title).
"""

import re
from collections.abc import Sequence
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


class Vocabulary:
    """Which spellings mean which word, learned from training texts."""

    def __init__(self, texts: Sequence[str]):
        self.forms: dict[str, str] = {}
        seen = {word for text in texts for word in words(text)}
        for word in sorted(seen):
            self.forms[word] = word.lower()
        for word in sorted(set(self.forms.values())):
            for form in (word, word.upper(), word.capitalize()):
                spelled = form.translate(_LOWER)
                if not spelled.isascii() and _WORD.fullmatch(spelled):
                    self.forms.setdefault(spelled, word)

    def read(self, text: str) -> list[str | None]:
        """The words of a text; None for those not known."""
        return [self.forms.get(word) for word in words(text)]


class TermCounter:
    """Counts the terms (sequences of one to three words) that were chosen in training."""

    def __init__(self, vocabulary: Vocabulary, terms: Sequence[tuple[str, ...]]):
        used = sorted({word for term in terms for word in term})
        self.numbers = {word: number for number, word in enumerate(used)}
        self.forms = {form: self.numbers[word] for form, word in vocabulary.forms.items() if word in self.numbers}
        self.terms = [tuple(self.numbers[word] for word in term) for term in terms]
        self.places = {term: place for place, term in enumerate(self.terms)}
        self.longest = max(map(len, terms), default=1)

    def count(self, maths: Any, strings: Any) -> Any:
        """Term counts [N, terms] of one column of texts [N, 1]."""
        return self._in_graph(maths, strings) if isinstance(maths, GraphMaths) else self._in_arrays(strings)

    def _in_arrays(self, strings: np.ndarray) -> np.ndarray:
        codes, texts = pd.factorize(strings[:, 0])
        counts = np.zeros((len(texts), len(self.terms)))
        for row, text in enumerate(texts):
            numbers = [self.forms.get(word, -1) for word in words(text)]
            for length in range(1, self.longest + 1):
                for start in range(len(numbers) - length + 1):
                    place = self.places.get(tuple(numbers[start : start + length]))
                    if place is not None:
                        counts[row, place] += 1.0
        return counts if len(texts) == len(codes) else counts[codes]

    def _in_graph(self, maths: GraphMaths, strings: GraphTensor) -> GraphTensor:
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
        counts = graph.node(
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
        return maths.number(GraphTensor(graph, counts))
