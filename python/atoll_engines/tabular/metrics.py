"""The metrics of the contract, each computed by scikit-learn, and what is better for each."""

from __future__ import annotations

import warnings

import numpy as np
from sklearn import metrics as sk

CLASSIFICATION = (
    "accuracy", "balanced_accuracy", "precision", "recall", "f1", "f1_macro", "f1_weighted",
    "roc_auc", "pr_auc", "log_loss", "brier", "mcc",
)  # fmt: skip
REGRESSION = ("mae", "rmse", "r2", "mape")
LOWER_IS_BETTER = frozenset({"log_loss", "brier", "mae", "rmse", "mape", "hamming_loss"})
MULTILABEL = ("f1_macro", "f1_micro", "exact_match", "hamming_loss", "roc_auc", "pr_auc")
# These read the label, and so depend on the threshold of a binary model.
BY_LABEL = frozenset(
    {"accuracy", "balanced_accuracy", "precision", "recall", "f1", "f1_macro", "f1_weighted", "mcc"}
)


def metric_names(task: str) -> tuple[str, ...]:
    """The metrics that a task reports."""
    if task == "multilabel":
        return MULTILABEL
    return REGRESSION if task == "regression" else CLASSIFICATION


def sign(metric: str) -> float:
    """+1 where more is better, -1 where less is."""
    return -1.0 if metric in LOWER_IS_BETTER else 1.0


def labels_of(probabilities: np.ndarray, threshold: float | None) -> np.ndarray:
    """The class of each row: by threshold when binary (float32 widened to float64), else the first largest."""
    if probabilities.shape[1] == 2 and threshold is not None:
        return (probabilities[:, 1].astype(np.float32).astype(np.float64) >= threshold).astype(np.int64)
    return probabilities.argmax(axis=1)


def score_all(actual: np.ndarray, predicted: np.ndarray, task: str, threshold: float | list[float] | None) -> dict[str, float]:
    """Every metric of the task; one that these rows cannot give (a single class) is NaN."""
    return {name: score(name, actual, predicted, threshold) for name in metric_names(task)}


def score(metric: str, actual: np.ndarray, predicted: np.ndarray, threshold: float | list[float] | None = None) -> float:
    """One metric; `predicted` holds probabilities [n, classes] or, for a regression, values [n].

    With several labels a row `actual` is 0 or 1 for each row and label.
    """
    if actual.ndim == 2:
        from atoll_engines.evaluation import multilabel

        return multilabel.score(metric, actual, predicted, 0.5 if threshold is None else threshold)
    if metric in REGRESSION:
        return regression_score(metric, actual, predicted)
    if metric in BY_LABEL:
        return label_score(metric, actual, labels_of(predicted, threshold), predicted.shape[1])
    return probability_score(metric, actual, predicted)


def regression_score(metric: str, actual: np.ndarray, predicted: np.ndarray) -> float:
    if metric == "mae":
        return float(sk.mean_absolute_error(actual, predicted))
    if metric == "rmse":
        return float(sk.root_mean_squared_error(actual, predicted))
    if metric == "mape":
        return float(sk.mean_absolute_percentage_error(actual, predicted))
    return float(sk.r2_score(actual, predicted)) if len(actual) > 1 else float("nan")


def label_score(metric: str, actual: np.ndarray, labels: np.ndarray, classes: int) -> float:
    """Metrics of labels; precision, recall and F1 are of the positive class, or macro with more than two classes."""
    average = "binary" if classes == 2 else "macro"
    if metric == "accuracy":
        return float(sk.accuracy_score(actual, labels))
    if metric == "balanced_accuracy":
        return float(sk.recall_score(actual, labels, average="macro", labels=np.unique(actual), zero_division=0))
    if metric == "mcc":
        return float(sk.matthews_corrcoef(actual, labels))
    if metric in ("f1_macro", "f1_weighted"):
        return float(sk.f1_score(actual, labels, average=metric.removeprefix("f1_"), zero_division=0))
    compute = {"precision": sk.precision_score, "recall": sk.recall_score, "f1": sk.f1_score}[metric]
    return float(compute(actual, labels, average=average, zero_division=0))


def probability_score(metric: str, actual: np.ndarray, probabilities: np.ndarray) -> float:
    """Metrics of probabilities; with more than two classes one against the rest, averaged."""
    classes = probabilities.shape[1]
    p = probabilities.astype(np.float64)
    if metric in ("log_loss", "brier"):
        compute = sk.log_loss if metric == "log_loss" else sk.brier_score_loss
        # With two classes the positive one says it all; the pair of float32 numbers only nearly adds up to one.
        with warnings.catch_warnings():
            # float32 probabilities add up to one only nearly, and scikit-learn would say so each time.
            warnings.simplefilter("ignore", UserWarning)
            return float(compute(actual, p[:, 1] if classes == 2 else p, labels=np.arange(classes)))
    present = np.unique(actual)
    if len(present) < 2:
        return float("nan")
    compute = sk.roc_auc_score if metric == "roc_auc" else sk.average_precision_score
    if classes == 2:
        return float(compute(actual, p[:, 1]))
    return float(np.mean([compute(actual == k, p[:, k]) for k in present]))
