"""XGBoost boosters as tree ensembles, read from the library's own JSON form."""

from __future__ import annotations

import json
import math

import numpy as np

from atoll_engines.errors import EngineError
from atoll_engines.onnx_models.trees import LESS, Ensemble, Tree

LOG_ODDS = ("binary:logistic", "reg:logistic", "binary:logitraw")


def xgboost_ensemble(raw: bytes) -> Ensemble:
    """A booster's `save_raw("json")` as margins; XGBoost compares `x < t` in float32."""
    learner = json.loads(raw)["learner"]
    booster = learner["gradient_booster"]
    if booster.get("name") != "gbtree":
        raise EngineError(f'The XGBoost booster "{booster.get("name")}" has no faithful ONNX form here; use gbtree.')
    about = learner["learner_model_param"]
    outputs = max(1, int(about.get("num_class", "0")))
    base = base_margins(about["base_score"], outputs, learner["objective"]["name"])
    ensemble = Ensemble(outputs, base, LESS)
    model = booster["model"]
    for tree, target in zip(model["trees"], model["tree_info"], strict=True):
        ensemble.trees.append(read_tree(tree, target))
    return ensemble


def base_margins(text: str, outputs: int, objective: str) -> np.ndarray:
    """The base score as margins: one number for all outputs, or since 3.1 a list with one for each."""
    values = json.loads(text) if text.lstrip().startswith("[") else [float(text)]
    base = np.array(values, np.float64)
    if base.size == 1:
        base = np.repeat(base, outputs)
    if base.size != outputs:
        raise EngineError(f"XGBoost gives {base.size} base scores for {outputs} outputs.")
    if objective in LOG_ODDS:
        return np.array([math.log(p / (1 - p)) for p in base])
    return base


def read_tree(tree: dict, target: int) -> Tree:
    if any(tree.get("split_type", [])):
        raise EngineError("XGBoost's categorical splits have no faithful ONNX form here; encode the categories first.")
    left = np.array(tree["left_children"], np.int64)
    conditions = np.array(tree["split_conditions"], np.float32)
    return Tree(
        feature=np.array(tree["split_indices"], np.int64),
        threshold=conditions,
        left=left,
        right=np.array(tree["right_children"], np.int64),
        missing_left=np.array(tree["default_left"]).astype(bool),
        is_leaf=left == -1,
        # A leaf keeps its value where an inner node keeps its condition.
        value=conditions[:, None],
        target=target,
        cover=np.array(tree["sum_hessian"], np.float64) if "sum_hessian" in tree else None,
    )
