"""Recomputes every figure of an evaluation with scikit-learn alone, from the predictions it left, and says which differ.

python recompute_metrics.py PREDICTIONS.parquet EVALUATION.json TASK [--folds OOF.parquet TRAINING.json]
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn import metrics as sk

LARGEST_DIFFERENCE = 1e-9


def figures(actual: np.ndarray, p: np.ndarray, labels: np.ndarray, classes: list[str]) -> dict[str, float]:
    """Classification: `actual` and `labels` are class numbers, `p` has a column for each class."""
    binary = len(classes) == 2
    average = "binary" if binary else "macro"
    found = {
        "accuracy": sk.accuracy_score(actual, labels),
        "balanced_accuracy": sk.balanced_accuracy_score(actual, labels),
        "precision": sk.precision_score(actual, labels, average=average, zero_division=0),
        "recall": sk.recall_score(actual, labels, average=average, zero_division=0),
        "f1": sk.f1_score(actual, labels, average=average, zero_division=0),
        "f1_macro": sk.f1_score(actual, labels, average="macro", zero_division=0),
        "f1_weighted": sk.f1_score(actual, labels, average="weighted", zero_division=0),
        "mcc": sk.matthews_corrcoef(actual, labels),
        "log_loss": sk.log_loss(actual, p[:, 1] if binary else p, labels=range(len(classes))),
        "brier": sk.brier_score_loss(actual, p[:, 1] if binary else p, labels=range(len(classes))),
    }
    if binary:
        return found | {"roc_auc": sk.roc_auc_score(actual, p[:, 1]), "pr_auc": sk.average_precision_score(actual, p[:, 1])}
    hits = np.eye(len(classes), dtype=int)[actual]
    return found | {
        "roc_auc": sk.roc_auc_score(hits, p, average="macro"),
        "pr_auc": sk.average_precision_score(hits, p, average="macro"),
    }


def number_figures(actual: np.ndarray, predicted: np.ndarray) -> dict[str, float]:
    """Regression."""
    return {
        "mae": sk.mean_absolute_error(actual, predicted),
        "rmse": sk.mean_squared_error(actual, predicted) ** 0.5,
        "r2": sk.r2_score(actual, predicted),
        "mape": sk.mean_absolute_percentage_error(actual, predicted),
    }


def recompute(predictions: pd.DataFrame, evaluation: dict, task: str) -> dict[str, float]:
    """The metrics, the confusion matrix and the figures of each class, under one name each."""
    if task == "regression":
        return number_figures(predictions["actual"].to_numpy(), predictions["prediction"].to_numpy(np.float64))
    classes = evaluation["confusion"]["classes"]
    number = {name: k for k, name in enumerate(classes)}
    actual = predictions["actual"].map(number).to_numpy()
    said = predictions["predicted"].map(number).to_numpy()
    p = predictions[[f"p_{k}" for k in range(len(classes))]].to_numpy(np.float64)
    # The label rule of the contract, by itself.
    labels = (p[:, 1] >= evaluation["threshold"]).astype(int) if task == "binary" else p.argmax(axis=1)
    assert np.array_equal(said, labels), "predicted labels do not follow from the probabilities and the threshold"
    found = figures(actual, p, labels, classes)
    for k, row in enumerate(sk.confusion_matrix(actual, labels, labels=range(len(classes)))):
        found |= {f"confusion.{classes[k]}|{classes[j]}": float(count) for j, count in enumerate(row)}
    parts = sk.precision_recall_fscore_support(actual, labels, labels=range(len(classes)), zero_division=0)
    for k, name in enumerate(classes):
        found |= {
            f"{name}.{part}": float(values[k])
            for part, values in zip(("precision", "recall", "f1", "support"), parts, strict=True)
        }
    return found


def reported(evaluation: dict, task: str) -> dict[str, float]:
    """The same figures as the evaluation holds them."""
    found = {name: metric["value"] for name, metric in evaluation["metrics"].items()}
    if task == "regression":
        return found
    confusion = evaluation["confusion"]
    for name, row in zip(confusion["classes"], confusion["matrix"], strict=True):
        found |= {f"confusion.{name}|{other}": n for other, n in zip(confusion["classes"], row, strict=True)}
    for name, about in evaluation["perClass"].items():
        found |= {f"{name}.{part}": about[part] for part in ("precision", "recall", "f1", "support")}
    return found


def differences(ours: dict[str, float], theirs: dict[str, float]) -> list[str]:
    """A sentence for each figure that is absent or differs."""
    absent = [f"{name} is not in both" for name in ours.keys() ^ theirs.keys()]
    return absent + [
        f"{name} is {ours[name]!r}, scikit-learn says {theirs[name]!r}"
        for name in ours.keys() & theirs.keys()
        if not abs(ours[name] - theirs[name]) <= LARGEST_DIFFERENCE * max(1.0, abs(theirs[name]))
    ]


def recompute_folds(oof: pd.DataFrame, training: dict, task: str, classes: list[str] | None) -> tuple[dict, dict]:
    """What cross-validation reports that follows from the out-of-fold rows: pooled figures, and folds of what reads no label."""
    ours, theirs = {}, {}

    def add(name: str, value: float, expected: float) -> None:
        ours[name], theirs[name] = value, expected

    def of(rows: pd.DataFrame) -> dict[str, float]:
        if task == "regression":
            return number_figures(rows["actual"].to_numpy(), rows["prediction"].to_numpy(np.float64))
        number = {name: k for k, name in enumerate(classes)}
        p = rows[[f"p_{k}" for k in range(len(classes))]].to_numpy(np.float64)
        labels = (p[:, 1] >= training["threshold"]["value"]).astype(int) if task == "binary" else p.argmax(axis=1)
        return figures(rows["actual"].map(number).to_numpy(), p, labels, classes)

    for name, value in of(oof).items():
        add(f"pooled.{name}", training["pooled"][name], value)
    by_fold = [of(rows) for _, rows in oof.groupby("fold", sort=True)]
    by_label = () if task != "binary" else ("accuracy", "balanced_accuracy", "precision", "recall", "f1", "f1_macro", "f1_weighted", "mcc")
    for name in by_fold[0]:
        about = training["validation"][name]
        add(f"validation.{name}.mean", about["mean"], float(np.mean(about["folds"])))
        add(f"validation.{name}.std", about["std"], float(np.std(about["folds"], ddof=1)))
        # A single holdout is judged in two halves, which are no folds of the file.
        if name not in by_label and len(about["folds"]) == len(by_fold):
            for k, fold in enumerate(by_fold):
                add(f"validation.{name}.fold{k}", about["folds"][k], fold[name])
    return ours, theirs


def main(arguments: list[str]) -> int:
    predictions, evaluation_file, task, *rest = arguments
    evaluation = json.loads(Path(evaluation_file).read_text())
    ours = reported(evaluation, task)
    theirs = recompute(pd.read_parquet(predictions), evaluation, task)
    if "--folds" in rest:
        oof, training = rest[rest.index("--folds") + 1 :]
        classes = None if task == "regression" else evaluation["confusion"]["classes"]
        of_folds = recompute_folds(pd.read_parquet(oof), json.loads(Path(training).read_text()), task, classes)
        ours, theirs = ours | of_folds[0], theirs | of_folds[1]
    print(json.dumps({"figures": len(theirs), "differ": differences(ours, theirs)}))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
