"""ProdLDA: a neural topic model whose encoder answers for a new text in one pass (Srivastava and Sutton 2017)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from atoll_engines.unsupervised.algorithms.model import Algorithm, Setting

if TYPE_CHECKING:
    from atoll_engines.recipes.graph import GraphBuilder


class ProdLda:
    """An autoencoder of counted words: two hidden layers, a softmax over topics, and a product of experts over words.

    After the fit only arrays are kept, so that answering needs no torch.
    """

    def __init__(self, params: dict[str, Any], setting: Setting) -> None:
        self.params, self.setting = params, setting

    def fit(self, x: np.ndarray) -> None:
        from atoll_engines.unsupervised.algorithms.prodlda_network import fit_network

        arrays = fit_network(x, self.params, self.setting)
        # The topics that most texts are about come first.
        order = np.argsort(-arrays["shares"], kind="stable")
        self.first, self.second = arrays["first"], arrays["second"]
        scale, shift = arrays["mean_scale"][order], arrays["mean_shift"][order]
        self.mean = (arrays["mean"][0][:, order] * scale, arrays["mean"][1][order] * scale + shift)
        self.beta = arrays["beta"][order]
        self.word_scale, self.word_shift = arrays["word_scale"], arrays["word_shift"]
        self.loss = float(arrays["loss"])

    def words(self) -> np.ndarray:
        """How strongly each topic asks for each word, as a share of the topic."""
        return softmax(self.beta * self.word_scale)

    def decode(self, topics: np.ndarray) -> np.ndarray:
        return softmax((topics.astype(np.float64) @ self.beta) * self.word_scale + self.word_shift)

    def answer(self, x: np.ndarray) -> dict[str, np.ndarray]:
        hidden = x.astype(np.float32)
        for weights, bias in (self.first, self.second):
            hidden = np.logaddexp(np.float32(0), hidden @ weights + bias)
        weights, bias = self.mean
        return {"topics": softmax(hidden @ weights + bias).astype(np.float32)}

    def emit(self, graph: GraphBuilder, features: str) -> dict[str, str]:
        hidden = features
        for weights, bias in (self.first, self.second):
            total = graph.node("Add", [graph.node("MatMul", [hidden, graph.constant(weights)]), graph.constant(bias)])
            hidden = graph.node("Softplus", [total])
        weights, bias = self.mean
        total = graph.node("Add", [graph.node("MatMul", [hidden, graph.constant(weights)]), graph.constant(bias)])
        return {"topics": graph.node("Softmax", [total], axis=1)}

    def facts(self) -> dict[str, Any]:
        return {"topics": len(self.beta), "words": self.beta.shape[1], "loss": self.loss}


def softmax(x: np.ndarray) -> np.ndarray:
    shifted = np.exp(x - x.max(axis=1, keepdims=True))
    return shifted / shifted.sum(axis=1, keepdims=True)


ALGORITHMS = (
    Algorithm(
        "prodlda", "Neural topics (ProdLDA)", "topics",
        "A neural topic model. Often finds more coherent topics than LDA, and answers for a new text in one pass.",
        ProdLda, {"topics": 10, "hidden": 100, "epochs": 80, "learning_rate": 0.002, "dropout": 0.2},
        {"topics": {"int": [3, 30]}, "learning_rate": {"float": [0.0005, 0.01], "log": True}},
        tries=lambda rows: [{"topics": count} for count in (5, 10, 20) if count <= max(5, rows // 20)],
        most_rows=50_000, runtime="deep",
    ),
)  # fmt: skip
