"""CatBoost, over numbers: categories are encoded by the recipe."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from atoll_engines.onnx_models import outputs
from atoll_engines.onnx_models.catboost_trees import catboost_ensemble
from atoll_engines.onnx_models.trees import emit_ensemble
from atoll_engines.tabular.algorithms.model import CLASSIFICATION, REGRESSION, Algorithm, Setting, Watch

if TYPE_CHECKING:
    from atoll_engines.recipes.graph import GraphBuilder

LOSSES = {"binary": "Logloss", "multiclass": "MultiClass", "regression": "RMSE"}


class CatBoost:
    def __init__(self, params: dict[str, Any], setting: Setting) -> None:
        self.params, self.setting = dict(params), setting
        self.rounds: int | None = None

    def fit(self, x: np.ndarray, y: np.ndarray, weights: np.ndarray | None = None, watch: Watch | None = None) -> None:
        import catboost

        self.model = catboost.CatBoost(self.library_params())
        train = catboost.Pool(x, y, weight=weights)
        watched = catboost.Pool(watch.features, watch.target) if watch else None
        callbacks = [Tell(watch)] if watch else None
        self.model.fit(
            train,
            eval_set=watched,
            early_stopping_rounds=watch.patience if watch else None,
            use_best_model=watch is not None,
            callbacks=callbacks,
        )
        self.rounds = int(self.model.tree_count_)

    def library_params(self) -> dict[str, Any]:
        fixed = {
            "loss_function": LOSSES[self.setting.task],
            "random_seed": self.setting.seed,
            "thread_count": self.setting.threads,
            "allow_writing_files": False,
            "logging_level": "Silent",
            "bootstrap_type": "Bernoulli",
        }
        if self.setting.task == "multiclass":
            fixed["classes_count"] = self.setting.classes
        return self.params | fixed

    def predict(self, x: np.ndarray) -> np.ndarray:
        kind = "Probability" if self.setting.classes else "RawFormulaVal"
        return self.model.predict(x, prediction_type=kind, thread_count=self.setting.threads).astype(np.float32)

    def emit(self, graph: GraphBuilder, features: str) -> str:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "model.json"
            self.model.save_model(str(file), format="json")
            ensemble = catboost_ensemble(json.loads(file.read_text("utf-8")))
        margins = emit_ensemble(graph, features, ensemble)
        if self.setting.task == "regression":
            return margins
        if self.setting.task == "binary":
            return outputs.sigmoid_classes(graph, margins)
        return outputs.softmax_classes(graph, margins)


class Tell:
    """Passes on the watched loss of each round, and ends the fit when its time is over."""

    def __init__(self, watch: Watch) -> None:
        self.watch = watch

    def after_iteration(self, info: Any) -> bool:
        if self.watch.on_round:
            losses = next(iter(info.metrics["validation"].values()))
            self.watch.on_round(info.iteration - 1, float(losses[-1]))
        return not self.watch.is_over


ALGORITHMS = (
    Algorithm(
        "catboost", "CatBoost", CLASSIFICATION + REGRESSION, "tree", CatBoost,
        defaults={
            "iterations": 1000, "learning_rate": 0.06, "depth": 6, "l2_leaf_reg": 3.0, "subsample": 0.8, "rsm": 0.8,
        },
        space={
            "learning_rate": {"float": [0.02, 0.2], "log": True}, "depth": {"int": [3, 8]},
            "l2_leaf_reg": {"float": [0.3, 30.0], "log": True}, "subsample": {"float": [0.5, 1.0]},
            "rsm": {"float": [0.3, 1.0]},
        },
        rounds="iterations",
    ),
)  # fmt: skip
