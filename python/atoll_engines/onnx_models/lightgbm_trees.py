"""LightGBM boosters as tree ensembles, read from the library's own text form."""

from __future__ import annotations

import numpy as np

from atoll_engines.errors import EngineError
from atoll_engines.onnx_models.trees import Ensemble, Tree, at_most

CATEGORICAL, DEFAULT_LEFT = 1, 2
MISSING_NONE, MISSING_ZERO, MISSING_NAN = 0, 1, 2


def lightgbm_ensemble(text: str) -> Ensemble:
    """A booster's `model_to_string()` as margins."""
    head, *blocks = text.split("\nTree=")
    facts = fields(head)
    outputs = int(facts.get("num_tree_per_iteration", "1"))
    if "average_output" in head.splitlines():
        raise EngineError("LightGBM in random-forest mode has no faithful ONNX form here; use boosting.")
    ensemble = Ensemble(outputs, np.zeros(outputs))
    for number, block in enumerate(blocks):
        ensemble.trees.append(read_tree(fields(block.split("\n\n", 1)[0]), number % outputs))
    return ensemble


def read_tree(facts: dict[str, str], target: int) -> Tree:
    """One tree: inner nodes come first, and a child below zero is the leaf `-child - 1`."""
    if facts.get("is_linear", "0") != "0":
        raise EngineError("LightGBM's linear_tree has no faithful ONNX form; train without it.")
    leaves = numbers(facts["leaf_value"], np.float64)
    if int(facts["num_leaves"]) == 1:
        return lone_leaf(leaves[0], target)
    kinds = numbers(facts["decision_type"], np.int64)
    if np.any(kinds & CATEGORICAL):
        raise EngineError("LightGBM's categorical splits have no faithful ONNX form here; encode the categories first.")
    missing = (kinds >> 2) & 3
    if np.any(missing == MISSING_ZERO):
        raise EngineError("LightGBM's zero_as_missing has no faithful ONNX form; train without it.")
    inner = len(kinds)
    threshold = numbers(facts["threshold"], np.float64)
    # Where a column had no missing value in training, LightGBM reads a missing one as 0.
    missing_left = np.where(missing == MISSING_NAN, (kinds & DEFAULT_LEFT) > 0, threshold >= 0.0)
    pad = np.zeros(len(leaves), np.int64)
    return Tree(
        feature=np.append(numbers(facts["split_feature"], np.int64), pad),
        threshold=np.append(at_most(threshold), pad.astype(np.float32)),
        left=np.append(child(numbers(facts["left_child"], np.int64), inner), pad),
        right=np.append(child(numbers(facts["right_child"], np.int64), inner), pad),
        missing_left=np.append(missing_left, pad.astype(bool)),
        is_leaf=np.append(np.zeros(inner, bool), np.ones(len(leaves), bool)),
        value=np.append(np.zeros(inner), leaves)[:, None],
        target=target,
        cover=cover_of(facts),
    )


def cover_of(facts: dict[str, str]) -> np.ndarray | None:
    """Rows by node, inner nodes first; None where the text lacks them."""
    if not facts.get("internal_count") or not facts.get("leaf_count"):
        return None
    return np.append(numbers(facts["internal_count"], np.float64), numbers(facts["leaf_count"], np.float64))


def lone_leaf(value: float, target: int) -> Tree:
    zero = np.zeros(1, np.int64)
    return Tree(
        feature=zero,
        threshold=zero.astype(np.float32),
        left=zero,
        right=zero,
        missing_left=zero.astype(bool),
        is_leaf=np.ones(1, bool),
        value=np.array([[value]]),
        target=target,
        cover=np.ones(1),
    )


def child(index: np.ndarray, inner: int) -> np.ndarray:
    return np.where(index < 0, inner - index - 1, index)


def fields(block: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in block.splitlines() if "=" in line)


def numbers(text: str, dtype: type) -> np.ndarray:
    return np.array(text.split(), dtype=dtype)
