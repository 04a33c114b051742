"""Vectors of words by skip-grams (Mikolov et al. 2013), with pieces of words as in fastText (Bojanowski et al. 2017)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from atoll_engines.unsupervised.algorithms.model import Algorithm, Setting

if TYPE_CHECKING:
    from atoll_engines.recipes.graph import GraphBuilder


class WordVectors:
    """A vector for each word; a text is the mean of its words'. After the fit only arrays are kept, so that answering needs no torch."""

    def __init__(self, params: dict[str, Any], setting: Setting) -> None:
        self.params, self.setting = params, setting

    def fit(self, x: Any) -> None:
        from atoll_engines.unsupervised.vectors.skip_gram import fit_skip_gram

        self.vectors, self.contexts, self.loss = fit_skip_gram(x, self.params, self.setting)

    def affinity(self, centre: np.ndarray, context: np.ndarray) -> np.ndarray:
        """How much a word expects another beside it: the product that skip-grams are fitted by, float64 [pairs]."""
        return np.einsum("ij,ij->i", self.vectors[centre].astype(np.float64), self.contexts[context].astype(np.float64))

    def answer(self, x: np.ndarray) -> dict[str, np.ndarray]:
        counts = np.asarray(x, np.float32)
        return {"vector": (counts @ self.vectors) / np.maximum(counts.sum(axis=1, keepdims=True), np.float32(1))}

    def emit(self, graph: GraphBuilder, features: str) -> dict[str, str]:
        total = graph.node("ReduceSum", [features, graph.constant([1], np.int64)], keepdims=1)
        least = graph.node("Max", [total, graph.constant(np.array([1.0], np.float32))])
        return {"vector": graph.node("Div", [graph.node("MatMul", [features, graph.constant(self.vectors)]), least])}

    def facts(self) -> dict[str, Any]:
        return {"words": len(self.vectors), "components": self.vectors.shape[1], "loss": self.loss}


ALGORITHMS = (
    Algorithm(
        "word_vectors", "Vectors of words (skip-gram)", "embedding",
        "Words that stand in the same company lie near one another; a text is the mean of its words. Pieces of words are shared, so that "
        "rare words learn from their relatives.",
        WordVectors, {"components": 64, "epochs": 10, "window": 5, "negatives": 5, "learning_rate": 0.01, "subwords": True},
        {"components": {"choice": [32, 64, 128]}, "window": {"int": [2, 8]}, "epochs": {"int": [5, 30]}},
        most_rows=10**9, runtime="deep", needs=("text",),
    ),
)  # fmt: skip
