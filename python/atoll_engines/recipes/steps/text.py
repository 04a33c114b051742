"""Text as numbers: TF-IDF."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..columns import Columns, ValueColumns
from ..step import FitContext, Step
from ..terms import choose_terms
from ..words import TermCounter


class Tfidf(Step):
    """Term counts times ln((1 + rows) / (1 + rows with the term)) + 1, each row scaled to length 1 (Salton and Buckley 1988).

    With `sublinear` a count n enters as 1 + ln(n).
    """

    step = "tfidf"
    accepts = frozenset({"text", "category"})

    def fit(self, columns: ValueColumns, context: FitContext) -> None:
        super().fit(columns, context)
        self.counters: dict[str, TermCounter] = {}
        self.weights: dict[str, np.ndarray] = {}
        self.features: dict[str, str] = {}
        for name in self.columns:
            self._learn(columns, name)
        self.refuse_taken(columns, list(self.features))

    def apply(self, columns: Columns, wanted: set[str] | None) -> None:
        maths = columns.maths
        for name in self.here(columns):
            features = [feature for feature, origin in self.features.items() if origin == name]
            if features and (wanted is None or not wanted.isdisjoint(features)):
                counts = self.counters[name].count(maths, columns.strings([name]))
                if self.parameters["sublinear"]:
                    # An absent term stays 0: of it the logarithm of 1 is taken, and the 1 is not added.
                    absent = maths.is_equal(counts, 0.0)
                    counts = maths.log(maths.where(absent, 1.0, counts)) + maths.where(absent, 0.0, 1.0)
                weighted = counts * self.weights[name]
                length = maths.sqrt(maths.row_sum(weighted * weighted))
                columns.put(features, "number", weighted / maths.where(maths.is_equal(length, 0.0), 1.0, length))
        columns.drop(self.here(columns))

    def origins(self, output: str) -> Sequence[str]:
        return [self.features[output]] if output in self.features else [output]

    def summary(self) -> dict[str, Any]:
        return {"terms": {name: len(weights) for name, weights in self.weights.items()}}

    def _learn(self, columns: ValueColumns, name: str) -> None:
        texts = columns.values[name]
        chosen = choose_terms(
            texts, int(self.parameters["ngrams"]), int(self.parameters["maxFeatures"]), int(self.parameters["minDocuments"])
        )
        self.counters[name] = chosen.counter
        self.weights[name] = chosen.weights
        self.features |= {f"{name}:{' '.join(term)}": name for term in chosen.terms}
