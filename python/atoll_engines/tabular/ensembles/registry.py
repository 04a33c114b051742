"""The ensembles by name, and of whom they are made when nobody says."""

from __future__ import annotations

from typing import Any

from atoll_engines.errors import EngineError
from atoll_engines.tabular.algorithms.model import CLASSIFICATION, REGRESSION, Algorithm, Model, Setting


def made_elsewhere(params: dict[str, Any], setting: Setting) -> Model:
    raise EngineError("An ensemble is made of the search's models; it cannot be fitted on features alone.")


ALGORITHMS = tuple(
    Algorithm(name, title, CLASSIFICATION + REGRESSION, None, made_elsewhere, is_ensemble=True)
    for name, title in (("voting", "Voting"), ("blending", "Blending"), ("stacking", "Stacking"))
)
ENSEMBLES = {one.name: one for one in ALGORITHMS}

# Strong ones that err in different ways: three kinds of boosting, two of forests, and a line.
USUAL_MEMBERS = {
    "binary": ("lightgbm", "xgboost", "catboost", "random_forest", "extra_trees", "logistic_regression"),
    "multiclass": ("lightgbm", "xgboost", "catboost", "random_forest", "extra_trees", "logistic_regression"),
    "regression": ("lightgbm", "xgboost", "catboost", "random_forest", "extra_trees", "ridge"),
}
