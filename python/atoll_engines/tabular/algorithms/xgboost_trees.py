"""XGBoost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from atoll_engines.onnx_models import outputs
from atoll_engines.onnx_models.trees import emit_ensemble
from atoll_engines.onnx_models.xgboost_trees import xgboost_ensemble
from atoll_engines.tabular.algorithms.model import CLASSIFICATION, REGRESSION, Algorithm, Setting, Watch

if TYPE_CHECKING:
    from atoll_engines.recipes.graph import GraphBuilder

OBJECTIVES = {"binary": "binary:logistic", "multiclass": "multi:softprob", "regression": "reg:squarederror"}


class XgBoost:
    def __init__(self, params: dict[str, Any], setting: Setting) -> None:
        self.params, self.setting = dict(params), setting
        self.rounds: int | None = None

    def fit(self, x: np.ndarray, y: np.ndarray, weights: np.ndarray | None = None, watch: Watch | None = None) -> None:
        import xgboost

        params = self.library_params()
        bins = params.get("max_bin", 256)
        train = xgboost.QuantileDMatrix(x, y, weight=weights, max_bin=bins, nthread=self.setting.threads)
        callbacks, watched = [], []
        if watch:
            seen = xgboost.QuantileDMatrix(watch.features, watch.target, ref=train, nthread=self.setting.threads)
            watched = [(seen, "watched")]
            callbacks.append(xgboost.callback.EarlyStopping(rounds=watch.patience, save_best=True))
            callbacks.append(told(watch))
        self.booster = xgboost.train(
            params,
            train,
            num_boost_round=int(self.params["n_estimators"]),
            evals=watched,
            callbacks=callbacks,
            verbose_eval=False,
        )
        self.rounds = self.booster.num_boosted_rounds()

    def library_params(self) -> dict[str, Any]:
        own = {name: value for name, value in self.params.items() if name != "n_estimators"}
        fixed = {
            "objective": OBJECTIVES[self.setting.task],
            "seed": self.setting.seed,
            "nthread": self.setting.threads,
            "tree_method": "hist",
            "verbosity": 0,
        }
        if self.setting.task == "multiclass":
            fixed["num_class"] = self.setting.classes
        return own | fixed

    def predict(self, x: np.ndarray) -> np.ndarray:
        raw = self.booster.inplace_predict(np.ascontiguousarray(x, np.float32)).astype(np.float32)
        return np.column_stack([1 - raw, raw]) if self.setting.task == "binary" else raw

    def emit(self, graph: GraphBuilder, features: str) -> str:
        ensemble = xgboost_ensemble(bytes(self.booster.save_raw("json")))
        margins = emit_ensemble(graph, features, ensemble)
        if self.setting.task == "regression":
            return margins
        if self.setting.task == "binary":
            return outputs.sigmoid_classes(graph, margins)
        return outputs.softmax_classes(graph, margins)


def told(watch: Watch) -> Any:
    """A callback that passes on the watched loss of each round, and ends the fit when its time is over."""
    import xgboost

    class Tell(xgboost.callback.TrainingCallback):
        def after_iteration(self, model: Any, epoch: int, evals_log: dict) -> bool:
            if watch.on_round:
                watch.on_round(epoch, float(next(iter(evals_log["watched"].values()))[-1]))
            return watch.is_over

    return Tell()


ALGORITHMS = (
    Algorithm(
        "xgboost", "XGBoost", CLASSIFICATION + REGRESSION, "tree", XgBoost,
        defaults={
            "n_estimators": 1000, "learning_rate": 0.06, "max_depth": 5, "min_child_weight": 2.0, "subsample": 0.8,
            "colsample_bytree": 0.8, "reg_lambda": 1.0,
        },
        starts=({"max_depth": 3, "learning_rate": 0.08},),
        space={
            "learning_rate": {"float": [0.02, 0.2], "log": True}, "max_depth": {"int": [2, 9]},
            "min_child_weight": {"float": [0.5, 30.0], "log": True}, "subsample": {"float": [0.5, 1.0]},
            "colsample_bytree": {"float": [0.3, 1.0]}, "reg_lambda": {"float": [1e-2, 30.0], "log": True},
            "gamma": {"float": [1e-4, 5.0], "log": True},
        },
        rounds="n_estimators",
    ),
)  # fmt: skip
