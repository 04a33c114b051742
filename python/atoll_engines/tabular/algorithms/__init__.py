"""The algorithms for tables, by name."""

from __future__ import annotations

from atoll_engines.errors import BadInput, what_exists
from atoll_engines.tabular.algorithms import (
    bagging,
    baseline,
    bayes,
    catboost_trees,
    factorization,
    forests,
    hist_boosting,
    lightgbm_trees,
    linear,
    neighbours,
    svm,
    xgboost_trees,
)
from atoll_engines.tabular.algorithms.model import Algorithm
from atoll_engines.tabular.ensembles import registry as ensembles
from atoll_engines.tabular.networks import mlp, pair, tab_transformer, tabm, tabnet

ALGORITHMS: dict[str, Algorithm] = {
    algorithm.name: algorithm
    for module in (
        baseline, linear, forests, hist_boosting, xgboost_trees, lightgbm_trees, catboost_trees, neighbours, svm, bayes,
        factorization, mlp, tabm, tab_transformer, tabnet, pair, bagging, ensembles,
    )
    for algorithm in module.ALGORITHMS
}

# In what order `auto` tries them: what has most often won on tables of that size comes first, and one of each kind early.
PROMISE = (
    "lightgbm", "logistic_regression", "ridge", "hist_gradient_boosting", "xgboost", "catboost", "random_forest",
    "extra_trees", "elastic_net", "svm",
)  # fmt: skip


def chosen_algorithms(names: list[str], task: str) -> list[Algorithm]:
    """The algorithms a job asks for, the baseline always first; `auto` stands for all that are worth trying."""
    chosen = [ALGORITHMS["baseline"]]
    for name in names or ["auto"]:
        if name == "auto":
            candidates = [ALGORITHMS[one] for one in PROMISE if one in ALGORITHMS and task in ALGORITHMS[one].tasks]
        else:
            candidates = [find_algorithm(name, task)]
        chosen.extend(one for one in candidates if one not in chosen)
    return chosen


def find_algorithm(name: str, task: str) -> Algorithm:
    algorithm = ALGORITHMS.get(name)
    if algorithm is None:
        raise BadInput(
            f'There is no algorithm "{name}". {what_exists(name, ["auto", *ALGORITHMS], "algorithms")}', algorithm=name
        )
    if task not in algorithm.tasks:
        fitting = ", ".join(one.name for one in ALGORITHMS.values() if task in one.tasks)
        raise BadInput(
            f"{algorithm.title} cannot do a {task} task; these can: {fitting}.", algorithm=name, task=task
        )
    return algorithm
