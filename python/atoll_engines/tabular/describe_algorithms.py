"""The algorithms as the platform shows them: `python -m atoll_engines.tabular.describe_algorithms > …/algorithms.json`."""

from __future__ import annotations

import json
from typing import Any

from atoll_engines.tabular.algorithms import ALGORITHMS, PROMISE

ABOUT = {
    "baseline": "Always says the class shares, or the mean. What every other model has to beat.",
    "logistic_regression": "A weighted sum of the columns turned into probabilities. Fast, and its weights can be read.",
    "linear_regression": "A weighted sum of the columns. Fast, and its weights can be read.",
    "ridge": "Linear regression whose weights are kept small. Steady when columns resemble each other.",
    "lasso": "Linear regression that sets the weights of needless columns to zero.",
    "elastic_net": "Between ridge and lasso: small weights, and some of them zero.",
    "decision_tree": "One tree of questions. Easy to read, seldom the best.",
    "random_forest": "Many trees, each on a part of the rows and columns, averaged. Robust without much tuning.",
    "extra_trees": "Like a random forest with random cuts. Faster, often as good.",
    "hist_gradient_boosting": "Trees that correct each other, on binned values; missing values need no preparation.",
    "xgboost": "Trees that correct each other, with strong regularisation.",
    "lightgbm": "Trees that correct each other, grown leaf by leaf. Usually the best start on tables.",
    "catboost": "Symmetric trees that correct each other. Steady with little tuning.",
    "knn": "Asks the most similar rows, which it carries along; above 20,000 of them it finds them through an index.",
    "svm": "A boundary with the widest margin. Good on small tables with many columns.",
    "factorization_machine": "Pairs of columns interact through short learned vectors. For users and items, and categories of many values.",
    "mlp": "A network of dense layers over vectors of categories and numbers, plain or as waves.",
    "tabm": "Many small networks in one that share their weights: the strongest network on most tables.",
    "tab_transformer": "A network whose categories attend to one another before dense layers read all columns.",
    "tabnet": "A network that looks at a few columns at a time, picked for each row.",
    "pair_embeddings": "A vector for each of two objects (options.left: columns of the left), which a small network compares.",
    "bagging": "One algorithm (options.base, usually a deep tree) fitted on many samples of the rows, averaged.",
    "voting": "The mean of several models' probabilities or predictions. The members are options.members, or a usual set of six.",
    "blending": "A weighted mean of the search's models; the weights are chosen greedily on out-of-fold predictions.",
    "stacking": "A model (options.meta) that learns from other models' out-of-fold predictions how far to trust each of them.",
    "naive_bayes": "Treats columns as independent. Very fast, a rough first answer.",
}


def describe() -> dict[str, Any]:
    """Every algorithm: name, title, tasks, what it is, and the parameters that a search goes through."""
    return {
        "algorithms": [
            {
                "name": one.name,
                "title": one.title,
                "tasks": list(one.tasks),
                "about": ABOUT[one.name],
                "space": one.space,
                "served": "onnx",
                "family": "tabular",
                "runtime": one.runtime,
                "needs": [],
                "auto": one.name in PROMISE or one.name == "baseline",
            }
            for one in ALGORITHMS.values()
        ]
    }


if __name__ == "__main__":
    print(json.dumps(describe(), indent=1))
