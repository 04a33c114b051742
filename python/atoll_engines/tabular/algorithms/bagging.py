"""Bagging: one algorithm fitted on many bootstrap samples of the rows, and averaged (Breiman 1996)."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from atoll_engines.onnx_models import outputs
from atoll_engines.tabular.algorithms import forests
from atoll_engines.tabular.algorithms.model import Algorithm, Model, Setting, Watch

if TYPE_CHECKING:
    from atoll_engines.recipes.graph import GraphBuilder


class Bagging:
    """`bags` models of the base algorithm; of a classification every bag holds each class."""

    def __init__(self, base: Algorithm, params: dict[str, Any], setting: Setting) -> None:
        self.base, self.setting = base, setting
        self.bags, self.share = int(params["bags"]), float(params["share"])
        self.params = {name: value for name, value in params.items() if name not in ("bags", "share")}
        self.rounds: int | None = None

    def fit(self, x: np.ndarray, y: np.ndarray, weights: np.ndarray | None = None, watch: Watch | None = None) -> None:
        random = np.random.default_rng(self.setting.seed)
        self.models: list[Model] = []
        for bag in range(self.bags):
            rows = self._drawn(y, random)
            model = self.base.build(dict(self.params), replace(self.setting, seed=self.setting.seed + bag))
            model.fit(x[rows], y[rows], None if weights is None else weights[rows], watch)
            self.models.append(model)
        rounds = [model.rounds for model in self.models if model.rounds]
        self.rounds = round(float(np.mean(rounds))) if rounds else None

    def _drawn(self, y: np.ndarray, random: np.random.Generator) -> np.ndarray:
        groups = [np.flatnonzero(y == label) for label in np.unique(y)] if self.setting.classes else [np.arange(len(y))]
        return np.concatenate([random.choice(group, max(1, round(self.share * len(group)))) for group in groups])

    def predict(self, x: np.ndarray) -> np.ndarray:
        total = sum(model.predict(x).astype(np.float64) for model in self.models)
        return (total / len(self.models)).astype(np.float32)

    def emit(self, graph: GraphBuilder, features: str) -> str:
        total = None
        for model in self.models:
            answer = outputs.to_double(graph, model.emit(graph, features))
            total = answer if total is None else graph.node("Add", [total, answer])
        return outputs.to_float(graph, graph.node("Div", [total, graph.constant(float(len(self.models)), np.float64)]))


def bagging_of(base: Algorithm) -> Algorithm:
    """Bagging of any single algorithm; what the base may vary, bagging of it may vary."""
    return Algorithm(
        "bagging", "Bagging", base.tasks, base.family, partial(Bagging, base),
        defaults=base.defaults | {"bags": 20, "share": 1.0},
        space=base.space | {"bags": {"int": [10, 60], "log": True}, "share": {"float": [0.4, 1.0]}},
        rounds=base.rounds, weighted=base.weighted, most_rows=base.most_rows, runtime=base.runtime,
    )  # fmt: skip


# Deep trees differ most from one bag to the next, and so gain most.
BASE = replace(
    next(one for one in forests.ALGORITHMS if one.name == "decision_tree"), defaults={"max_depth": 14, "min_samples_leaf": 2}
)
ALGORITHMS = (bagging_of(BASE),)
