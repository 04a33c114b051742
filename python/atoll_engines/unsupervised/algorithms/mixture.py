"""Gaussian mixture: groups with a shape of their own, and a probability for each."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from atoll_engines.unsupervised.algorithms.centres import numbers_of_clusters
from atoll_engines.unsupervised.algorithms.distances import emit_double, emit_float32, in_blocks, number
from atoll_engines.unsupervised.algorithms.model import Algorithm, Setting

if TYPE_CHECKING:
    from atoll_engines.recipes.graph import GraphBuilder

# Full covariances of so many columns have more parameters than most tables have rows.
MOST_FULL = 40


class Mixture:
    """Expectation-maximisation (Dempster, Laird and Rubin 1977) from k-means starts."""

    def __init__(self, params: dict[str, Any], setting: Setting) -> None:
        self.params, self.setting = params, setting

    def fit(self, x: np.ndarray) -> None:
        from sklearn.mixture import GaussianMixture

        kind = self.params["covariance"]
        model = GaussianMixture(
            int(self.params["clusters"]), covariance_type=kind, n_init=3, max_iter=300, reg_covar=1e-4,
            random_state=self.setting.seed,
        )  # fmt: skip
        points = x.astype(np.float64)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.fit(points)
        order = np.argsort(-model.weights_, kind="stable")
        self.bic, self.aic = float(model.bic(points)), float(model.aic(points))
        self.centres = model.means_[order]
        # Each group whitens the rows by its own matrix, after which its density depends on the length alone.
        whitening = whitening_matrices(model, kind, points.shape[1])[order]
        self.whiten = np.concatenate(list(whitening), axis=1)
        self.shift = np.concatenate([centre @ matrix for centre, matrix in zip(self.centres, whitening, strict=True)])
        determinants = np.array([np.sum(np.log(np.abs(np.diag(matrix)))) for matrix in whitening])
        self.constant = np.log(model.weights_[order]) + determinants

    def answer(self, x: np.ndarray) -> dict[str, np.ndarray]:
        logs = in_blocks(x, self._logs)
        logs = logs - logs.max(axis=1, keepdims=True)
        shares = np.exp(logs)
        return {
            "cluster": logs.argmax(axis=1),
            "probabilities": (shares / shares.sum(axis=1, keepdims=True)).astype(np.float32),
        }

    def _logs(self, rows: np.ndarray) -> np.ndarray:
        """The logarithm of each group's weighted density, up to what all groups share."""
        white = rows.astype(np.float64) @ self.whiten - self.shift
        lengths = np.sum(white.reshape(len(rows), len(self.centres), -1) ** 2, axis=2)
        return self.constant - 0.5 * lengths

    def emit(self, graph: GraphBuilder, features: str) -> dict[str, str]:
        groups, width = self.centres.shape
        white = graph.node("MatMul", [emit_double(graph, features), number(graph, self.whiten)])
        white = graph.node("Sub", [white, number(graph, self.shift[None, :])])
        cube = graph.node("Reshape", [white, graph.constant([-1, groups, width], np.int64)])
        lengths = graph.node("ReduceSumSquare", [cube, graph.constant([2], np.int64)], keepdims=0)
        half = graph.node("Mul", [lengths, number(graph, 0.5)])
        logs = graph.node("Sub", [number(graph, self.constant[None, :]), half])
        top = graph.node("ReduceMax", [logs, graph.constant([1], np.int64)], keepdims=1)
        logs = graph.node("Sub", [logs, top])
        shares = graph.node("Exp", [logs])
        total = graph.node("ReduceSum", [shares, graph.constant([1], np.int64)], keepdims=1)
        return {
            "cluster": graph.node("ArgMax", [logs], axis=1, keepdims=0, select_last_index=0),
            "probabilities": emit_float32(graph, graph.node("Div", [shares, total])),
        }

    def facts(self) -> dict[str, Any]:
        return {
            "clusters": len(self.centres), "covariance": self.params["covariance"], "bic": self.bic, "aic": self.aic,
        }  # fmt: skip


def whitening_matrices(model: Any, kind: str, width: int) -> np.ndarray:
    """The Cholesky factor of each group's precision, [groups, features, features]."""
    factors = model.precisions_cholesky_
    groups = len(model.weights_)
    if kind == "full":
        return factors
    if kind == "tied":
        return np.repeat(factors[None], groups, axis=0)
    if kind == "diag":
        return np.array([np.diag(one) for one in factors])
    return np.array([np.eye(width) * one for one in factors])


def tries(rows: int) -> list[dict[str, Any]]:
    return [
        {"clusters": k, "covariance": kind} for kind in ("full", "diag", "tied", "spherical") for k in numbers_of_clusters(rows)
    ]


ALGORITHMS = (
    Algorithm(
        "gaussian_mixture", "Gaussian mixture", "clustering",
        "Groups of different size and shape that may overlap; says how probable each group is for a row.",
        Mixture, {"clusters": 4, "covariance": "full"},
        {"clusters": {"int": [2, 10]}, "covariance": {"choice": ["full", "diag", "tied", "spherical"]}},
        tries=tries, most_rows=30_000,
    ),
)  # fmt: skip
