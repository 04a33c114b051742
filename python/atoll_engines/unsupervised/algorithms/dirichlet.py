"""Latent Dirichlet allocation, with the inference for a new text as a fixed number of steps that a graph can hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from atoll_engines.unsupervised.algorithms.distances import emit_double, emit_float32, in_blocks, number
from atoll_engines.unsupervised.algorithms.model import Algorithm, Setting

if TYPE_CHECKING:
    from atoll_engines.recipes.graph import GraphBuilder

# After so many steps a text's topics hardly move; the library stops when they do, at most after a hundred.
STEPS = 40
STARTS, FEW_TEXTS = 4, 500
SMALLEST = float(np.finfo(np.float64).eps)
SHIFT = 6


class Dirichlet:
    """Blei, Ng and Jordan 2003, fitted by online variational Bayes (Hoffman, Blei and Bach 2010), which scikit-learn has."""

    def __init__(self, params: dict[str, Any], setting: Setting) -> None:
        self.params, self.setting = params, setting

    def fit(self, x: np.ndarray) -> None:
        from scipy.sparse import csr_matrix
        from sklearn.decomposition import LatentDirichletAllocation

        count, counts = int(self.params["topics"]), csr_matrix(x.astype(np.float64))
        # Two topics that start alike may stay one; on few texts there is time to start again.
        models = [
            LatentDirichletAllocation(
                count, learning_method="batch" if len(x) < 1500 else "online", max_iter=int(self.params["passes"]), batch_size=256,
                doc_topic_prior=1 / count, random_state=self.setting.seed + start, n_jobs=1,
            ).fit(counts)
            for start in range(STARTS if len(x) <= FEW_TEXTS else 1)
        ]  # fmt: skip
        model = min(models, key=lambda one: one.bound_)
        order = np.argsort(-model.components_.sum(axis=1), kind="stable")
        self.prior = float(model.doc_topic_prior_)
        self.weights = model.exp_dirichlet_component_[order]
        self.chances = model.components_[order] / model.components_[order].sum(axis=1, keepdims=True)

    def words(self) -> np.ndarray:
        """The probability of each word in each topic, [topics, words]."""
        return self.chances

    def decode(self, topics: np.ndarray) -> np.ndarray:
        """The probability of each word in texts of these topics."""
        return topics.astype(np.float64) @ self.chances

    def answer(self, x: np.ndarray) -> dict[str, np.ndarray]:
        return {"topics": in_blocks(x, self._topics, 256)}

    def _topics(self, counts: np.ndarray) -> np.ndarray:
        counts = counts.astype(np.float64)
        share = np.ones((len(counts), len(self.weights)))
        pull = np.exp(digamma(share) - digamma(share.sum(axis=1, keepdims=True)))
        for _ in range(STEPS):
            foreseen = pull @ self.weights + SMALLEST
            share = pull * ((counts / foreseen) @ self.weights.T) + self.prior
            pull = np.exp(digamma(share) - digamma(share.sum(axis=1, keepdims=True)))
        return (share / share.sum(axis=1, keepdims=True)).astype(np.float32)

    def emit(self, graph: GraphBuilder, features: str) -> dict[str, str]:
        one = graph.constant([1], np.int64)
        counts = emit_double(graph, features)
        forward, back = number(graph, self.weights), number(graph, np.ascontiguousarray(self.weights.T))
        smallest, prior = number(graph, SMALLEST), number(graph, self.prior)
        start = np.ones((1, len(self.weights)))
        pull = number(graph, np.exp(digamma(start) - digamma(start.sum(axis=1, keepdims=True))))
        share, total = "", ""
        for _ in range(STEPS):
            foreseen = graph.node("Add", [graph.node("MatMul", [pull, forward]), smallest])
            seen = graph.node("MatMul", [graph.node("Div", [counts, foreseen]), back])
            share = graph.node("Add", [graph.node("Mul", [pull, seen]), prior])
            total = graph.node("ReduceSum", [share, one], keepdims=1)
            gap = graph.node("Sub", [emit_digamma(graph, share), emit_digamma(graph, total)])
            pull = graph.node("Exp", [gap])
        return {"topics": emit_float32(graph, graph.node("Div", [share, total]))}

    def facts(self) -> dict[str, Any]:
        return {"topics": len(self.weights), "words": self.weights.shape[1], "steps": STEPS}


def digamma(x: np.ndarray) -> np.ndarray:
    """The derivative of the logarithm of the gamma function: its series (Abramowitz and Stegun 6.3.18) at x + 6, brought back to x."""
    result = np.zeros_like(x)
    for step in range(SHIFT):
        result = result - 1 / (x + step)
    far = x + SHIFT
    square = 1 / (far * far)
    series = square * (1 / 12 - square * (1 / 120 - square * (1 / 252 - square / 240)))
    return result + (np.log(far) - 0.5 / far - series)


def emit_digamma(graph: GraphBuilder, x: str) -> str:
    """The same as nodes."""

    def value(constant: float) -> str:
        return number(graph, constant)

    back = value(0.0)
    for step in range(SHIFT):
        back = graph.node("Sub", [back, graph.node("Div", [value(1.0), graph.node("Add", [x, value(float(step))])])])
    far = graph.node("Add", [x, value(float(SHIFT))])
    square = graph.node("Div", [value(1.0), graph.node("Mul", [far, far])])
    series = graph.node("Mul", [square, value(1 / 240)])
    for coefficient in (1 / 252, 1 / 120, 1 / 12):
        series = graph.node("Mul", [square, graph.node("Sub", [value(coefficient), series])])
    half = graph.node("Div", [value(0.5), far])
    rest = graph.node("Sub", [graph.node("Sub", [graph.node("Log", [far]), half]), series])
    return graph.node("Add", [back, rest])


ALGORITHMS = (
    Algorithm(
        "lda", "Latent Dirichlet allocation", "topics",
        "Each text is a mixture of topics, each topic a mixture of words. The usual way to see what a pile of texts is about.",
        Dirichlet, {"topics": 10, "passes": 10}, {"topics": {"int": [3, 30]}},
        tries=lambda rows: [{"topics": count} for count in (5, 10, 15, 20) if count <= max(5, rows // 20)],
        most_rows=50_000,
    ),
)  # fmt: skip
