"""Histogram gradient boosting of scikit-learn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from atoll_engines.onnx_models import outputs
from atoll_engines.onnx_models.sklearn_trees import hist_boosting_ensemble
from atoll_engines.onnx_models.trees import emit_ensemble
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


class HistBoosting:
    def __init__(self, params: dict[str, Any], setting: Setting) -> None:
        self.params, self.setting = dict(params), setting
        self.rounds: int | None = None

    def fit(self, x: np.ndarray, y: np.ndarray, weights: np.ndarray | None = None, watch: Watch | None = None) -> None:
        from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

        make = HistGradientBoostingClassifier if self.setting.classes else HistGradientBoostingRegressor
        self.model = make(
            random_state=self.setting.seed,
            early_stopping=watch is not None,
            n_iter_no_change=watch.patience if watch else 10,
            scoring="loss",
            # The features are numbers by now: nothing is to be guessed from their type.
            categorical_features=None,
            **self.params,
        )
        if watch:
            self.model.fit(x, y, sample_weight=weights, X_val=watch.features, y_val=watch.target)
            self.rounds = self._best_round()
            # The rounds after the best one are taken off, as the other boosters do.
            self.model._predictors = self.model._predictors[: self.rounds]
        else:
            self.model.fit(x, y, sample_weight=weights)
            self.rounds = self.model.n_iter_

    def _best_round(self) -> int:
        scores = np.asarray(self.model.validation_score_)
        return max(1, int(np.argmax(scores)))

    def predict(self, x: np.ndarray) -> np.ndarray:
        if not self.setting.classes:
            return self.model.predict(x).astype(np.float32)
        return spread_over_classes(self.model.predict_proba(x), self.model.classes_, self.setting.classes)

    def emit(self, graph: GraphBuilder, features: str) -> str:
        margins = emit_ensemble(graph, features, hist_boosting_ensemble(self.model))
        if self.setting.task == "regression":
            return margins
        if self.setting.task == "binary":
            return outputs.sigmoid_classes(graph, margins)
        return outputs.softmax_classes(graph, margins)


ALGORITHMS = (
    Algorithm(
        "hist_gradient_boosting", "Histogram gradient boosting", CLASSIFICATION + REGRESSION, "tree", HistBoosting,
        defaults={
            "max_iter": 600, "learning_rate": 0.06, "max_leaf_nodes": 15, "min_samples_leaf": 15,
            "l2_regularization": 1.0, "max_features": 0.7,
        },
        space={
            "learning_rate": {"float": [0.02, 0.2], "log": True}, "max_leaf_nodes": {"int": [4, 63], "log": True},
            "min_samples_leaf": {"int": [3, 100], "log": True},
            "l2_regularization": {"float": [1e-3, 30.0], "log": True}, "max_features": {"float": [0.3, 1.0]},
        },
        rounds="max_iter",
        # It works on a float64 copy.
        most_rows=2_000_000,
    ),
)  # fmt: skip
