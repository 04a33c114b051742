"""Decision tree, random forest and extra trees."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from atoll_engines.onnx_models import outputs
from atoll_engines.onnx_models.sklearn_trees import forest_ensemble
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

# All leaves of a forest together, so that its graph stays within some tens of megabytes however many rows there are.
MOST_LEAVES = 400_000
MOST_ROWS = 300_000


class Forest:
    """Trees that vote; `make` gives the library's estimator."""

    rounds = None

    def __init__(self, make: Any, params: dict[str, Any], setting: Setting) -> None:
        self.make, self.params, self.setting = make, params, setting

    def fit(self, x: np.ndarray, y: np.ndarray, weights: np.ndarray | None = None, watch: Watch | None = None) -> None:
        params = dict(self.params)
        trees = params.get("n_estimators", 1)
        if len(y) * trees / max(1, params.get("min_samples_leaf", 1)) > 2 * MOST_LEAVES:
            params["max_leaf_nodes"] = MOST_LEAVES // trees
        self.model = self.make(params, self.setting)
        self.model.fit(x, y, sample_weight=weights)

    def predict(self, x: np.ndarray) -> np.ndarray:
        if not self.setting.classes:
            return self.model.predict(x).astype(np.float32)
        return spread_over_classes(self.model.predict_proba(x), self.model.classes_, self.setting.classes)

    def emit(self, graph: GraphBuilder, features: str) -> str:
        trees = getattr(self.model, "estimators_", [self.model])
        sums = emit_ensemble(graph, features, forest_ensemble(list(trees), self.setting.classes))
        means = graph.node("Div", [sums, graph.constant(float(len(trees)), np.float32)])
        return outputs.two_classes(graph, means) if self.setting.classes == 2 else means


def tree(params: dict[str, Any], setting: Setting) -> Any:
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    make = DecisionTreeClassifier if setting.classes else DecisionTreeRegressor
    return make(random_state=setting.seed, **params)


def random_forest(params: dict[str, Any], setting: Setting) -> Any:
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

    make = RandomForestClassifier if setting.classes else RandomForestRegressor
    return make(random_state=setting.seed, n_jobs=setting.threads, **params)


def extra_trees(params: dict[str, Any], setting: Setting) -> Any:
    from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor

    make = ExtraTreesClassifier if setting.classes else ExtraTreesRegressor
    return make(random_state=setting.seed, n_jobs=setting.threads, **params)


def build_tree(params: dict[str, Any], setting: Setting) -> Forest:
    return Forest(tree, params, setting)


def build_random_forest(params: dict[str, Any], setting: Setting) -> Forest:
    return Forest(random_forest, params, setting)


def build_extra_trees(params: dict[str, Any], setting: Setting) -> Forest:
    return Forest(extra_trees, params, setting)


FOREST_SPACE = {
    "n_estimators": {"int": [100, 400], "log": True},
    "min_samples_leaf": {"int": [1, 20], "log": True},
    "max_features": {"float": [0.1, 1.0]},
}

ALGORITHMS = (
    Algorithm(
        "decision_tree", "Decision tree", CLASSIFICATION + REGRESSION, "tree", build_tree,
        defaults={"max_depth": 6, "min_samples_leaf": 10},
        space={"max_depth": {"int": [2, 15]}, "min_samples_leaf": {"int": [1, 60], "log": True}},
        most_rows=MOST_ROWS,
    ),
    Algorithm(
        "random_forest", "Random forest", CLASSIFICATION + REGRESSION, "tree", build_random_forest,
        defaults={"n_estimators": 200, "min_samples_leaf": 2, "max_features": 0.4}, space=FOREST_SPACE,
        most_rows=MOST_ROWS,
    ),
    Algorithm(
        "extra_trees", "Extra trees", CLASSIFICATION + REGRESSION, "tree", build_extra_trees,
        defaults={"n_estimators": 200, "min_samples_leaf": 2, "max_features": 0.6}, space=FOREST_SPACE,
        most_rows=MOST_ROWS,
    ),
)  # fmt: skip
