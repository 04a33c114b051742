"""Gradient boosting over lags, seasonal values, the calendar and what is known of the future: one model for all steps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from atoll_engines.forecast.algorithms.model import Algorithm, Setting
from atoll_engines.forecast.formulas import Arrays, boosting_features, filled, level_and_scale
from atoll_engines.forecast.windows import Windows
from atoll_engines.onnx_models.lightgbm_trees import lightgbm_ensemble
from atoll_engines.onnx_models.trees import emit_ensemble

if TYPE_CHECKING:
    from atoll_engines.forecast.formulas import Nodes

# Rows (window and step) that a model is fitted on; more would cost time and change little.
MOST_ROWS = 150_000


class Boosting:
    """LightGBM on the values as they differ from the window's level, in units of its scale."""

    is_probabilistic = False

    def __init__(self, parameters: dict[str, Any], setting: Setting) -> None:
        self.parameters, self.setting = parameters, setting
        self.text = ""

    def fit(self, windows: Windows) -> None:
        import lightgbm

        frame = self.setting.frame
        every = max(1, len(windows) * frame.horizon // MOST_ROWS)
        some = windows.take(np.arange(0, len(windows), every))
        of = Arrays(some)
        level, scale = level_and_scale(of, filled(of), frame)
        x = np.concatenate([boosting_features(of, frame, step) for step in range(1, frame.horizon + 1)]).astype(np.float32)
        y = ((some.actual - level) / scale).T.ravel()
        parameters = dict(self.parameters)
        rounds = int(parameters.pop("n_estimators"))
        booster = lightgbm.train(
            {
                "objective": "l1", "verbosity": -1, "num_threads": self.setting.threads, "seed": self.setting.seed,
                "deterministic": True, "force_row_wise": True, **parameters,
            },
            lightgbm.Dataset(x, y),
            rounds,
        )  # fmt: skip
        self.text = booster.model_to_string()

    def point(self, windows: Windows) -> np.ndarray:
        import lightgbm

        frame = self.setting.frame
        booster = lightgbm.Booster(model_str=self.text)
        of = Arrays(windows)
        level, scale = level_and_scale(of, filled(of), frame)
        steps = [
            booster.predict(boosting_features(of, frame, step).astype(np.float32), num_threads=self.setting.threads)
            for step in range(1, frame.horizon + 1)
        ]
        return level + scale * np.stack(steps, axis=1)

    def emit(self, nodes: Nodes) -> str:
        frame, graph = self.setting.frame, nodes.graph
        level, scale = level_and_scale(nodes, filled(nodes), frame)
        features = [boosting_features(nodes, frame, step).name for step in range(1, frame.horizon + 1)]
        rows = features[0] if len(features) == 1 else graph.node("Concat", features, axis=0)
        rows = graph.node("Cast", [rows], to=1)
        answer = emit_ensemble(graph, rows, lightgbm_ensemble(self.text))
        by_step = graph.node("Reshape", [answer, graph.constant(np.array([frame.horizon, -1], np.int64))])
        wide = graph.node("Cast", [graph.node("Transpose", [by_step], perm=[1, 0])], to=11)
        return graph.node("Add", [level.name, graph.node("Mul", [scale.name, wide])])


ALGORITHMS = (
    Algorithm(
        "forecast_boosting",
        "Gradient boosting on lags",
        Boosting,
        defaults={"n_estimators": 300, "learning_rate": 0.05, "num_leaves": 31, "min_data_in_leaf": 40, "feature_fraction": 0.8},
        space={
            "n_estimators": {"int": [50, 800], "log": True},
            "learning_rate": {"float": [0.01, 0.2], "log": True},
            "num_leaves": {"int": [4, 127], "log": True},
            "min_data_in_leaf": {"int": [5, 200], "log": True},
            "feature_fraction": {"float": [0.3, 1.0]},
        },
    ),
)
