"""Decision trees, forests and histogram boosting of scikit-learn as tree ensembles."""

from __future__ import annotations

from typing import Any

import numpy as np

from atoll_engines.errors import EngineError
from atoll_engines.onnx_models.trees import Ensemble, Tree, at_most


def forest_ensemble(estimators: list[Any], classes: int) -> Ensemble:
    """Trees that vote with their leaves: the outputs are sums, to be divided by the number of trees.

    With two classes only the positive one is summed. Leaves keep their own probabilities, and the division comes
    last, so that even votes stay even.
    """
    outputs = 1 if classes <= 2 else classes
    ensemble = Ensemble(outputs, np.zeros(outputs))
    for estimator in estimators:
        ensemble.trees.append(grown_tree(estimator.tree_, classes))
    return ensemble


def grown_tree(tree: Any, classes: int) -> Tree:
    """One `tree_` of scikit-learn; its values are class shares, or the mean for a regression."""
    value = tree.value[:, 0, :]
    if classes:
        value = value / value.sum(axis=1, keepdims=True)
    if classes == 2:
        value = value[:, 1:]
    return Tree(
        feature=tree.feature,
        threshold=at_most(tree.threshold),
        left=tree.children_left,
        right=tree.children_right,
        missing_left=tree.missing_go_to_left.astype(bool),
        is_leaf=tree.children_left == -1,
        value=value,
        cover=np.asarray(tree.weighted_n_node_samples, np.float64),
    )


def hist_boosting_ensemble(estimator: Any) -> Ensemble:
    """HistGradientBoosting: margins, with the base prediction added."""
    if getattr(estimator, "is_categorical_", None) is not None and np.any(estimator.is_categorical_):
        raise EngineError("Histogram boosting with categorical_features has no faithful ONNX form; encode them first.")
    base = np.ravel(estimator._baseline_prediction)
    ensemble = Ensemble(len(base), base)
    for round_trees in estimator._predictors:
        for target, predictor in enumerate(round_trees):
            nodes = predictor.nodes
            if nodes["is_categorical"].any():
                raise EngineError("Histogram boosting with categorical splits has no faithful ONNX form.")
            ensemble.trees.append(
                Tree(
                    feature=nodes["feature_idx"].astype(np.int64),
                    threshold=at_most(nodes["num_threshold"]),
                    left=nodes["left"].astype(np.int64),
                    right=nodes["right"].astype(np.int64),
                    missing_left=nodes["missing_go_to_left"].astype(bool),
                    is_leaf=nodes["is_leaf"].astype(bool),
                    value=nodes["value"][:, None],
                    target=target,
                    cover=nodes["count"].astype(np.float64),
                )
            )
    return ensemble
