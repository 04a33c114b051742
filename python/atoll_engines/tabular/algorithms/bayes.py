"""Naive Bayes with a normal distribution for each feature and class."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from atoll_engines.onnx_models import outputs
from atoll_engines.tabular.algorithms.linear import medians
from atoll_engines.tabular.algorithms.model import CLASSIFICATION, Algorithm, Setting, Watch, spread_over_classes

if TYPE_CHECKING:
    from atoll_engines.recipes.graph import GraphBuilder


class NaiveBayes:
    """Features are standardised first, so that squares in the log likelihood lose no digits."""

    rounds = None

    def __init__(self, params: dict[str, Any], setting: Setting) -> None:
        self.params, self.setting = params, setting

    def fit(self, x: np.ndarray, y: np.ndarray, weights: np.ndarray | None = None, watch: Watch | None = None) -> None:
        from sklearn.naive_bayes import GaussianNB

        self.fill = medians(x)
        filled = np.where(np.isnan(x), self.fill, x).astype(np.float64)
        self.mean, self.scale = filled.mean(axis=0), filled.std(axis=0)
        self.scale[self.scale < 1e-12] = 1.0
        self.model = GaussianNB(var_smoothing=self.params["smoothing"])
        self.model.fit((filled - self.mean) / self.scale, y, sample_weight=weights)

    def predict(self, x: np.ndarray) -> np.ndarray:
        filled = np.where(np.isnan(x), self.fill, x).astype(np.float64)
        p = self.model.predict_proba((filled - self.mean) / self.scale)
        return spread_over_classes(p, self.model.classes_, self.setting.classes)

    def emit(self, graph: GraphBuilder, features: str) -> str:
        def number(value: Any) -> str:
            return graph.constant(value, np.float64)

        rows = outputs.to_double(graph, outputs.fill_missing(graph, features, self.fill))
        standard = graph.node("Div", [graph.node("Sub", [rows, number(self.mean[None, :])]), number(self.scale[None, :])])
        mean, variance = self.model.theta_, self.model.var_
        constant = np.log(self.model.class_prior_) - 0.5 * np.sum(np.log(2 * np.pi * variance) + mean**2 / variance, axis=1)
        square = graph.node("MatMul", [graph.node("Mul", [standard, standard]), number(-0.5 / variance.T)])
        linear = graph.node("MatMul", [standard, number((mean / variance).T)])
        joint = graph.node("Add", [graph.node("Add", [square, linear]), number(constant[None, :])])
        return outputs.to_float(graph, outputs.softmax_classes(graph, joint))


ALGORITHMS = (
    Algorithm(
        "naive_bayes", "Naive Bayes", CLASSIFICATION, "linear", NaiveBayes,
        defaults={"smoothing": 1e-2}, space={"smoothing": {"float": [1e-6, 1.0], "log": True}},
        most_rows=1_000_000,
    ),
)  # fmt: skip
