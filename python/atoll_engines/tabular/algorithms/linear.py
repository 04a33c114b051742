"""Logistic regression, linear regression, ridge, lasso and elastic net."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from atoll_engines.onnx_models import outputs
from atoll_engines.tabular.algorithms.model import (
    CLASSIFICATION,
    REGRESSION,
    Algorithm,
    Setting,
    Watch,
    spread_over_classes,
)

if TYPE_CHECKING:
    from atoll_engines.recipes.graph import GraphBuilder


# The coefficients of so few columns hardly move with more rows, while the float64 copies would fill the memory.
MOST_ROWS = 1_000_000
# So many features that hardly ever differ from zero are a bag of words.
LEAST_WORDS, RARE = 100, 0.1


class Linear:
    """A linear model in float64.

    It standardises the features it is given and then folds that into its coefficients, so that its penalty means
    the same on every recipe; and it fills a missing feature with the training median, so that it always answers.
    The words of a text keep their own proportions: they share one scale, or the rarest would rule; and they are
    fitted as a sparse matrix.
    """

    rounds = None

    def __init__(self, make: Any, params: dict[str, Any], setting: Setting) -> None:
        self.make, self.params, self.setting = make, params, setting

    def fit(self, x: np.ndarray, y: np.ndarray, weights: np.ndarray | None = None, watch: Watch | None = None) -> None:
        bag = bag_of_words(x)
        self.fill = np.zeros(x.shape[1], np.float32)
        self.fill[~bag] = medians(x[:, ~bag])
        filled = np.where(np.isnan(x[:, ~bag]), self.fill[~bag], x[:, ~bag]).astype(np.float64)
        mean, scale = np.zeros(x.shape[1]), np.ones(x.shape[1])
        mean[~bag], scale[~bag] = filled.mean(axis=0), filled.std(axis=0)
        scale[scale < 1e-12] = 1.0
        standard = (filled - mean[~bag]) / scale[~bag]
        if bag.any():
            standard = self.with_words(x, bag, standard, scale)
        if self.setting.classes:
            model = self.make(self.params, standard.shape[1])
            model.fit(standard, y, sample_weight=weights)
            self.seen, coefficients, offset = model.classes_, model.coef_, model.intercept_
        else:
            middle, spread = y.mean(), y.std() or 1.0
            model = self.make(self.params, standard.shape[1])
            model.fit(standard, (y - middle) / spread, sample_weight=weights)
            coefficients, offset = np.atleast_2d(model.coef_) * spread, np.atleast_1d(model.intercept_) * spread + middle
        self.coefficients = (coefficients / scale).T
        self.offset = offset - mean @ self.coefficients

    def with_words(self, x: np.ndarray, bag: np.ndarray, standard: np.ndarray, scale: np.ndarray) -> Any:
        """The words of the bag, divided by their common scale, among the other features in their places."""
        from scipy import sparse

        words = sparse.csr_matrix(x[:, bag], dtype=np.float64)
        words.data[np.isnan(words.data)] = 0.0
        mean = np.asarray(words.mean(axis=0)).ravel()
        spread = np.asarray(words.multiply(words).mean(axis=0)).ravel() - mean**2
        scale[bag] = np.sqrt(max(float(spread.mean()), 1e-24))
        words.data /= scale[bag][0]
        order = np.argsort(np.concatenate([np.flatnonzero(~bag), np.flatnonzero(bag)]))
        return sparse.hstack([sparse.csr_matrix(standard), words]).tocsc()[:, order].tocsr()

    def predict(self, x: np.ndarray) -> np.ndarray:
        margins = self.filled(x) @ self.coefficients + self.offset
        if not self.setting.classes:
            return margins[:, 0].astype(np.float32)
        if margins.shape[1] == 1:
            p = 1 / (1 + np.exp(-np.clip(margins, -700, 700)))
            return spread_over_classes(np.hstack([1 - p, p]), self.seen, self.setting.classes)
        odds = np.exp(margins - margins.max(axis=1, keepdims=True))
        return spread_over_classes(odds / odds.sum(axis=1, keepdims=True), self.seen, self.setting.classes)

    def emit(self, graph: GraphBuilder, features: str) -> str:
        filled = outputs.fill_missing(graph, features, self.fill)
        product = graph.node("MatMul", [outputs.to_double(graph, filled), graph.constant(self.coefficients, np.float64)])
        margins = graph.node("Add", [product, graph.constant(self.offset[None, :], np.float64)])
        if not self.setting.classes:
            return outputs.to_float(graph, margins)
        if len(self.offset) == 1:
            return outputs.to_float(graph, outputs.sigmoid_classes(graph, margins, np.float64))
        return outputs.to_float(graph, outputs.softmax_classes(graph, margins))

    def filled(self, x: np.ndarray) -> np.ndarray:
        return np.where(np.isnan(x), self.fill, x).astype(np.float64)


def bag_of_words(x: np.ndarray) -> np.ndarray:
    """Marks the features that are the words of a text: a hundred or more, each nearly always zero."""
    bag = np.array([np.count_nonzero(x[:, place]) <= RARE * len(x) for place in range(x.shape[1])], dtype=bool)
    return bag if bag.sum() >= LEAST_WORDS else np.zeros_like(bag)


def medians(x: np.ndarray) -> np.ndarray:
    """The median of each float32 feature, 0 for one that is always missing."""
    if not x.shape[1]:
        return np.empty(0, np.float32)
    if not np.isnan(x).any():
        return np.median(x, axis=0).astype(np.float32)
    empty = np.isnan(x).all(axis=0)
    safe = np.where(empty, np.float32(0), x)
    return np.nanmedian(safe, axis=0).astype(np.float32)


def logistic(params: dict[str, Any], features: int) -> Any:
    """Above 20 features C is shared between them, so that the same C means the same on words as on a few numbers."""
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=params["C"] * min(1.0, 20 / features), max_iter=1000, tol=1e-5)


def ordinary(params: dict[str, Any], features: int) -> Any:
    from sklearn.linear_model import LinearRegression

    return LinearRegression()


def ridge(params: dict[str, Any], features: int) -> Any:
    from sklearn.linear_model import Ridge

    return Ridge(alpha=params["alpha"])


def lasso(params: dict[str, Any], features: int) -> Any:
    from sklearn.linear_model import Lasso

    return Lasso(alpha=params["alpha"], max_iter=5000)


def elastic_net(params: dict[str, Any], features: int) -> Any:
    from sklearn.linear_model import ElasticNet

    return ElasticNet(alpha=params["alpha"], l1_ratio=params["l1_ratio"], max_iter=5000)


def linear(make: Any) -> Any:
    return partial(Linear, make)


ALGORITHMS = (
    Algorithm(
        "logistic_regression", "Logistic regression", CLASSIFICATION, "linear", linear(logistic),
        defaults={"C": 0.3}, space={"C": {"float": [1e-3, 100.0], "log": True}},
        starts=({"C": 3.0}, {"C": 0.03}), most_rows=MOST_ROWS,
    ),
    Algorithm("linear_regression", "Linear regression", REGRESSION, "linear", linear(ordinary), most_rows=MOST_ROWS),
    Algorithm(
        "ridge", "Ridge regression", REGRESSION, "linear", linear(ridge),
        defaults={"alpha": 1.0}, space={"alpha": {"float": [1e-3, 1e4], "log": True}}, most_rows=MOST_ROWS,
    ),
    Algorithm(
        "lasso", "Lasso", REGRESSION, "linear", linear(lasso),
        defaults={"alpha": 0.01}, space={"alpha": {"float": [1e-5, 1.0], "log": True}}, most_rows=MOST_ROWS,
    ),
    Algorithm(
        "elastic_net", "Elastic net", REGRESSION, "linear", linear(elastic_net),
        defaults={"alpha": 0.01, "l1_ratio": 0.5},
        space={"alpha": {"float": [1e-5, 1.0], "log": True}, "l1_ratio": {"float": [0.05, 0.95]}},
        most_rows=MOST_ROWS,
    ),
)  # fmt: skip
