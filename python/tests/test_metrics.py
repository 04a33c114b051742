"""Metrics equal scikit-learn's, and a bootstrap resample's metrics equal those of the rows drawn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as sk

from atoll_engines.tabular.bootstrap import classification_metrics, intervals, regression_metrics
from atoll_engines.tabular.metrics import score, score_all


def classified(classes: int, rows: int = 150) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(classes)
    actual = random.integers(0, classes, rows)
    p = random.random((rows, classes)) + np.eye(classes)[actual] * 0.5
    p = np.round(p / p.sum(axis=1, keepdims=True), 2) + 1e-3
    return actual, (p / p.sum(axis=1, keepdims=True)).astype(np.float32)


@pytest.mark.parametrize("classes", [2, 4])
def test_every_resample_gives_what_its_rows_give(classes):
    actual, p = classified(classes)
    threshold = 0.45 if classes == 2 else None
    random = np.random.default_rng(1)
    drawn = random.integers(0, len(actual), (5, len(actual)))
    weights = np.array([np.bincount(rows, minlength=len(actual)) for rows in drawn]).astype(np.float64)
    found = classification_metrics(actual, p, threshold, weights)
    for k, rows in enumerate(drawn):
        expected = score_all(actual[rows], p[rows], "binary" if classes == 2 else "multiclass", threshold)
        for name, value in expected.items():
            assert found[name][k] == pytest.approx(value, abs=1e-9), name


def test_a_resample_without_a_class_gives_no_area():
    actual, p = np.array([0, 0, 1]), np.array([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8]], np.float32)
    found = classification_metrics(actual, p, 0.5, np.array([[2.0, 1.0, 0.0]]))
    assert np.isnan(found["roc_auc"][0])
    assert found["accuracy"][0] == 1


def test_regression_resamples():
    random = np.random.default_rng(3)
    actual = random.normal(50, 10, 120)
    predicted = (actual + random.normal(0, 3, 120)).astype(np.float32)
    rows = random.integers(0, 120, 120)
    found = regression_metrics(actual, predicted, np.bincount(rows, minlength=120)[None, :].astype(np.float64))
    for name, value in score_all(actual[rows], predicted[rows], "regression", None).items():
        assert found[name][0] == pytest.approx(value, rel=1e-6), name


def test_an_interval_holds_the_value_and_narrows_with_rows():
    random = np.random.default_rng(4)
    widths = []
    for rows in (100, 1600):
        actual = (random.random(rows) < 0.4).astype(np.int64)
        positive = np.clip(0.3 * actual + random.random(rows) * 0.7, 0, 1).astype(np.float32)
        p = np.column_stack([1 - positive, positive])
        ranges, resamples = intervals(actual, p, "binary", 0.5, 400, 0)
        assert resamples == 400
        value = score("roc_auc", actual, p)
        low, high = ranges["roc_auc"]
        assert low < value < high
        widths.append(high - low)
    assert widths[1] < widths[0] / 2.5


def test_brier_and_log_loss_of_two_classes_are_those_of_the_positive_one():
    actual, p = classified(2)
    assert score("brier", actual, p) == pytest.approx(sk.brier_score_loss(actual, p[:, 1].astype(np.float64)), abs=1e-12)
    assert score("log_loss", actual, p) == pytest.approx(sk.log_loss(actual, p[:, 1].astype(np.float64)), abs=1e-12)


def test_areas_of_several_classes_are_the_mean_of_one_against_the_rest():
    random = np.random.default_rng(9)
    actual = random.integers(0, 4, 200)
    p = random.dirichlet(np.ones(4), 200) * 0.6 + np.eye(4)[actual] * 0.4 * random.random((200, 1))
    p /= p.sum(axis=1, keepdims=True)
    expected = sk.roc_auc_score(actual, p, multi_class="ovr", average="macro")
    assert score("roc_auc", actual, p) == pytest.approx(expected, abs=1e-12)
