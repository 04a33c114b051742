"""Rows with any number of labels each: how they are written, scored and judged."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
from sklearn import metrics as sk

from atoll_engines.errors import BadInput
from atoll_engines.evaluation.package import Package
from atoll_engines.tabular import curves
from atoll_engines.tabular.bootstrap import CONFIDENCE
from atoll_engines.tabular.diagnosis import diagnose
from atoll_engines.tabular.metrics import MULTILABEL

# These read the labels, and so depend on the thresholds.
BY_LABEL = frozenset({"f1_macro", "f1_micro", "exact_match", "hamming_loss"})
SEPARATORS = ";|,"
MOST_LABELS = 200
# Resampling works on whole rows of labels; more of it would take longer than training.
MOST_RESAMPLES = 300


def read_labels(cell: str, row: int | None = None, column: str | None = None) -> list[str]:
    """The labels of one cell: a JSON list, or words between `;`, `|` or `,`. "[]" means none."""
    text = str(cell).strip()
    if text.startswith("["):
        try:
            found = json.loads(text)
        except ValueError as error:
            where = f"Row {row}: " if row is not None else ""
            raise BadInput(f"{where}{text[:60]!r} is not a JSON list of labels: {error}.", row=row, column=column) from error
        return list(dict.fromkeys(str(one).strip() for one in found))
    for separator in SEPARATORS[1:]:
        text = text.replace(separator, SEPARATORS[0])
    return list(dict.fromkeys(one.strip() for one in text.split(SEPARATORS[0]) if one.strip()))


def read_target(name: str, values: pd.Series) -> tuple[np.ndarray, tuple[str, ...]]:
    """0/1 for each row and label, and the labels in alphabetical order."""
    cells = [read_labels(cell, int(row), name) for row, cell in values.items()]
    classes = sorted({label for cell in cells for label in cell})
    if len(classes) < 2:
        only = f'only the label "{classes[0]}"' if classes else "no label at all"
        raise BadInput(f'The target "{name}" holds {only}; there is nothing to tell apart.', column=name)
    if len(classes) > MOST_LABELS:
        raise BadInput(
            f'The target "{name}" holds {len(classes)} different labels; at most {MOST_LABELS} can be learned. Join the rare ones.',
            column=name,
        )
    return as_matrix(cells, tuple(classes)), tuple(classes)


def read_known(values: pd.Series, classes: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
    """0/1 for each row and label, and which rows have a label that training never saw."""
    cells = [read_labels(cell, int(row)) for row, cell in values.items()]
    known = set(classes)
    unknown = np.array([not known.issuperset(cell) for cell in cells], dtype=bool)
    return as_matrix([[label for label in cell if label in known] for cell in cells], classes), unknown


def as_matrix(cells: list[list[str]], classes: tuple[str, ...]) -> np.ndarray:
    place = {label: number for number, label in enumerate(classes)}
    matrix = np.zeros((len(cells), len(classes)), dtype=np.int64)
    for row, cell in enumerate(cells):
        for label in cell:
            matrix[row, place[label]] = 1
    return matrix


def labels(matrix: np.ndarray, classes: tuple[str, ...]) -> list[list[str]]:
    """The labels of each row of zeros and ones."""
    return [[classes[k] for k in np.flatnonzero(row)] for row in matrix]


def as_words(labels: list[Any]) -> list[str]:
    """Labels as a table can hold them: a list as JSON."""
    return [json.dumps(one, ensure_ascii=False) if isinstance(one, list) else one for one in labels]


def chosen(probabilities: np.ndarray, thresholds: np.ndarray | list[float]) -> np.ndarray:
    """0/1: the probability, widened to float64, reaches the label's threshold."""
    return (probabilities.astype(np.float32).astype(np.float64) >= np.asarray(thresholds, np.float64)).astype(np.int64)


def best_thresholds(actual: np.ndarray, probabilities: np.ndarray) -> list[float]:
    """For each label the threshold with the best F1; 0.5 where no row, or every row, has it."""
    from atoll_engines.tabular.thresholds import best_threshold

    found = []
    for k in range(actual.shape[1]):
        hits = int(actual[:, k].sum())
        usable = 2 <= hits < len(actual)
        found.append(float(best_threshold(actual[:, k], probabilities[:, k], "f1", None)) if usable else 0.5)
    return found


def score(metric: str, actual: np.ndarray, probabilities: np.ndarray, thresholds: np.ndarray | list[float]) -> float:
    """One metric, by scikit-learn; areas are averaged over the labels that some rows have and some have not."""
    if metric in BY_LABEL:
        said = chosen(probabilities, thresholds)
        if metric == "exact_match":
            return float(np.mean((said == actual).all(axis=1)))
        if metric == "hamming_loss":
            return float(np.mean(said != actual))
        return float(sk.f1_score(actual, said, average=metric.removeprefix("f1_"), zero_division=0))
    compute = sk.roc_auc_score if metric == "roc_auc" else sk.average_precision_score
    usable = [k for k in range(actual.shape[1]) if 0 < actual[:, k].sum() < len(actual)]
    return float(np.mean([compute(actual[:, k], probabilities[:, k]) for k in usable])) if usable else float("nan")


def score_all(actual: np.ndarray, probabilities: np.ndarray, thresholds: np.ndarray | list[float]) -> dict[str, float]:
    return {name: score(name, actual, probabilities, thresholds) for name in MULTILABEL}


def evaluate(package: Package, actual: np.ndarray, predicted: np.ndarray, resamples: int, seed: int) -> dict[str, Any]:
    """What `evaluation.json` holds for a multi-label task."""
    thresholds = package.signature.get("thresholds") or [0.5] * actual.shape[1]
    values = score_all(actual, predicted, thresholds)
    random = np.random.default_rng(seed)
    count = min(resamples, MOST_RESAMPLES)
    drawn = []
    for _ in range(count):
        rows = random.integers(0, len(actual), len(actual))
        drawn.append(list(score_all(actual[rows], predicted[rows], thresholds).values()))
    tail = 100 * (1 - CONFIDENCE) / 2
    low, high = np.nanpercentile(np.array(drawn), [tail, 100 - tail], axis=0)
    method = f"bootstrap percentile, {count} resamples"
    metrics = {
        name: {"value": value, "low": float(low[k]), "high": float(high[k]), "method": method}
        for k, (name, value) in enumerate(values.items())
    }
    said = chosen(predicted, thresholds)
    per_class = {}
    for k, name in enumerate(package.pipeline.classes):
        precision, recall, f1, _ = sk.precision_recall_fscore_support(actual[:, k], said[:, k], average="binary", zero_division=0)
        per_class[name] = {"precision": float(precision), "recall": float(recall), "f1": float(f1), "support": int(actual[:, k].sum())}
        if 0 < actual[:, k].sum() < len(actual):
            hit = actual[:, k] == 1
            per_class[name] |= {"roc": curves.roc_points(hit, predicted[:, k]), "pr": curves.pr_points(hit, predicted[:, k])}
    return {
        "rows": len(actual),
        "metrics": metrics,
        "threshold": None,
        "diagnosis": diagnose(package.training, metrics),
        "residuals": None,
        "confusion": None,
        "roc": None,
        "pr": None,
        "calibration": None,
        "cost": [],
        "perClass": per_class,
    }
