"""A sentence on how well the model fits: from its scores on training, validation and test rows."""

from __future__ import annotations

from typing import Any

from atoll_engines.tabular.metrics import LOWER_IS_BETTER, sign

TITLES = {
    "accuracy": "Accuracy",
    "balanced_accuracy": "Balanced accuracy",
    "precision": "Precision",
    "recall": "Recall",
    "f1": "F1",
    "f1_macro": "Macro F1",
    "f1_weighted": "Weighted F1",
    "roc_auc": "ROC AUC",
    "pr_auc": "PR AUC",
    "log_loss": "Log loss",
    "brier": "Brier score",
    "mcc": "MCC",
    "mae": "MAE",
    "rmse": "RMSE",
    "r2": "R2",
    "mape": "MAPE",
    "f1_micro": "Micro F1",
    "exact_match": "Exact match",
    "hamming_loss": "Hamming loss",
    "mean_average_precision": "Mean average precision",
    "average_precision_50": "Average precision at 0.5",
    "average_precision_75": "Average precision at 0.75",
    "mean_iou": "Mean IoU",
    "dice": "Dice",
    "pixel_accuracy": "Pixel accuracy",
}


def diagnose(training: dict[str, Any] | None, test: dict[str, dict[str, Any]]) -> dict[str, str] | None:
    """Good fit, overfit or underfit, and why, in the goal's metric; None of what was made from another version rather than fitted."""
    if not training:
        return {"kind": "good_fit", "sentence": "There is no training record to compare the test with."}
    metric = training["metric"]
    if any(metric not in (training.get(part) or {}) for part in ("validation", "training")):
        return None
    on_test, low, high = (float(test[metric][key]) for key in ("value", "low", "high"))
    validation = training["validation"][metric]
    mean, std = float(validation["mean"]), float(validation["std"])
    fitted, baseline = float(training["training"][metric]), float(training["baseline"][metric])
    digits = decimals(fitted)
    said = (
        f"{TITLES.get(metric, metric)} is {fitted:.{digits}f} on training rows, "
        f"{mean:.{digits}f} ± {std:.{digits}f} in validation and {on_test:.{digits}f} on test rows"
    )
    toward = sign(metric)
    if toward * (mean - on_test) > 0 and not low <= mean <= high:
        return {
            "kind": "overfit",
            "sentence": f"{said}: the test is worse than validation promised, beyond what chance explains "
            f"(interval {low:.{digits}f} to {high:.{digits}f}).",
        }
    room = headroom(metric, baseline)
    gained = toward * (mean - baseline) / room if room > 0 else 1.0
    if gained < 0.1:
        return {
            "kind": "underfit",
            "sentence": f"{said}: hardly better than the baseline ({baseline:.{digits}f}), so the columns say little about the target.",
        }
    gap = toward * (fitted - mean) / room if room > 0 else 0.0
    if gap > 0.25 and toward * (fitted - mean) > 2 * std:
        return {
            "kind": "overfit",
            "sentence": f"{said}: it knows the training rows much better than new ones; more rows or a simpler model would help.",
        }
    if gap > 0.08:
        return {
            "kind": "good_fit",
            "sentence": f"{said}: it keeps what validation promised, though it knows the training rows somewhat better.",
        }
    return {"kind": "good_fit", "sentence": f"{said}: training, validation and test agree."}


def decimals(value: float) -> int:
    """Three for scores, fewer for errors that are large in the unit of the target."""
    return 3 if abs(value) < 10 else 1 if abs(value) < 100 else 0


def headroom(metric: str, baseline: float) -> float:
    """How far the baseline is from perfect."""
    return baseline if metric in LOWER_IS_BETTER else 1.0 - baseline
