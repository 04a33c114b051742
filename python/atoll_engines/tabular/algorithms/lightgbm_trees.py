"""LightGBM."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from atoll_engines.onnx_models import outputs
from atoll_engines.onnx_models.lightgbm_trees import lightgbm_ensemble
from atoll_engines.onnx_models.trees import emit_ensemble
from atoll_engines.tabular.algorithms.model import CLASSIFICATION, REGRESSION, Algorithm, Setting, Watch

if TYPE_CHECKING:
    from atoll_engines.recipes.graph import GraphBuilder

OBJECTIVES = {"binary": "binary", "multiclass": "multiclass", "regression": "regression"}


class LightGbm:
    def __init__(self, params: dict[str, Any], setting: Setting) -> None:
        self.params, self.setting = dict(params), setting
        self.rounds: int | None = None

    def fit(self, x: np.ndarray, y: np.ndarray, weights: np.ndarray | None = None, watch: Watch | None = None) -> None:
        import lightgbm

        params = self.library_params()
        train = lightgbm.Dataset(x, y, weight=weights, params=params, free_raw_data=True)
        callbacks, watched = [], []
        if watch:
            watched = [lightgbm.Dataset(watch.features, watch.target, reference=train, params=params)]
            callbacks.append(lightgbm.early_stopping(watch.patience, verbose=False))
            callbacks.append(told(watch))
        self.booster = lightgbm.train(
            params, train, num_boost_round=int(self.params["n_estimators"]), valid_sets=watched, callbacks=callbacks
        )
        self.rounds = self.booster.best_iteration if watch else self.booster.current_iteration()

    def library_params(self) -> dict[str, Any]:
        own = {name: value for name, value in self.params.items() if name != "n_estimators"}
        fixed = {
            "objective": OBJECTIVES[self.setting.task],
            "seed": self.setting.seed,
            "num_threads": self.setting.threads,
            "deterministic": True,
            "force_row_wise": True,
            "verbosity": -1,
            "bagging_freq": 1 if own.get("bagging_fraction", 1.0) < 1 else 0,
        }
        if self.setting.task == "multiclass":
            fixed["num_class"] = self.setting.classes
        return own | fixed

    def predict(self, x: np.ndarray) -> np.ndarray:
        raw = self.booster.predict(x, num_iteration=self.rounds, num_threads=self.setting.threads)
        raw = raw.astype(np.float32)
        return np.column_stack([1 - raw, raw]) if self.setting.task == "binary" else raw

    def emit(self, graph: GraphBuilder, features: str) -> str:
        ensemble = lightgbm_ensemble(self.booster.model_to_string(num_iteration=self.rounds))
        margins = emit_ensemble(graph, features, ensemble)
        if self.setting.task == "regression":
            return margins
        if self.setting.task == "binary":
            return outputs.sigmoid_classes(graph, margins)
        return outputs.softmax_classes(graph, margins)


def told(watch: Watch) -> Any:
    """A callback that passes on the watched loss of each round, and ends the fit when its time is over."""
    import lightgbm

    def tell(env: Any) -> None:
        if watch.on_round:
            watch.on_round(env.iteration, env.evaluation_result_list[0][2])
        if watch.is_over:
            raise lightgbm.callback.EarlyStopException(env.iteration, env.evaluation_result_list)

    return tell


ALGORITHMS = (
    Algorithm(
        "lightgbm", "LightGBM", CLASSIFICATION + REGRESSION, "tree", LightGbm,
        defaults={
            "n_estimators": 1000, "learning_rate": 0.05, "num_leaves": 31, "min_data_in_leaf": 20,
            "feature_fraction": 0.8, "bagging_fraction": 0.8, "lambda_l2": 1.0,
        },
        starts=(
            {"num_leaves": 15, "min_data_in_leaf": 10, "feature_fraction": 0.6},
            {"num_leaves": 7, "min_data_in_leaf": 30, "learning_rate": 0.05},
        ),
        space={
            "learning_rate": {"float": [0.02, 0.2], "log": True}, "num_leaves": {"int": [4, 127], "log": True},
            "min_data_in_leaf": {"int": [3, 100], "log": True}, "feature_fraction": {"float": [0.3, 1.0]},
            "bagging_fraction": {"float": [0.5, 1.0]}, "lambda_l2": {"float": [1e-3, 30.0], "log": True},
            "min_gain_to_split": {"float": [1e-4, 1.0], "log": True},
        },
        rounds="n_estimators",
    ),
)  # fmt: skip
