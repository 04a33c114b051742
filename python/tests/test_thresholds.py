"""Choosing a threshold: the rules of the contract, on scores where the answer can be worked out."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as sk

from atoll_engines.tabular.metrics import BY_LABEL, label_score
from atoll_engines.tabular.thresholds import Costs, best_threshold, choose_threshold, count_at_thresholds, metric_at


def scores(rows: int = 400, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    actual = (random.random(rows) < 0.2).astype(np.int64)
    p = np.clip(0.25 * actual + random.normal(0.35, 0.17, rows), 0.001, 0.999).astype(np.float32)
    return actual, np.round(p, 3).astype(np.float32), np.arange(rows) % 5


@pytest.mark.parametrize("metric", sorted(BY_LABEL))
def test_a_metric_at_every_threshold_equals_scikit_learn(metric):
    actual, p, _ = scores()
    counts = count_at_thresholds(actual, p)
    values = metric_at(metric, counts)
    for k in range(0, len(values), 17):
        labels = (p.astype(np.float64) >= counts.thresholds[k]).astype(np.int64)
        assert values[k] == pytest.approx(label_score(metric, actual, labels, 2), abs=1e-12)


def test_the_best_f1_is_the_best_of_all_thresholds():
    actual, p, _ = scores()
    chosen = best_threshold(actual, p, "f1")
    by_hand = max(sk.f1_score(actual, p >= value) for value in np.unique(p))
    assert sk.f1_score(actual, p.astype(np.float64) >= chosen) == pytest.approx(by_hand)


def test_a_threshold_lies_between_scores_so_that_a_last_digit_cannot_flip_a_label():
    actual, p, folds = scores()
    value = choose_threshold(actual, p, folds, "f1", None, None).value
    assert np.abs(p.astype(np.float64) - value).min() > 1e-4


def test_without_costs_a_threshold_free_metric_takes_one_half():
    actual, p, folds = scores()
    assert choose_threshold(actual, p, folds, "roc_auc", None, None).value == 0.5


def test_with_costs_a_threshold_free_metric_takes_the_cheapest():
    actual, p, folds = scores()
    costs = Costs(1, 5)
    chosen = choose_threshold(actual, p, folds, "roc_auc", costs, None).value

    def cost(value: float) -> float:
        said = p.astype(np.float64) >= value
        return np.sum(said & (actual == 0)) + 5 * np.sum(~said & (actual == 1))

    assert cost(chosen) == min(cost(value) for value in [*np.unique(p).astype(np.float64), 2.0])


def test_costs_move_the_threshold_only_among_those_about_as_good():
    actual, p, folds = scores(2000)
    free = choose_threshold(actual, p, folds, "f1", None, None)
    costly = choose_threshold(actual, p, folds, "f1", Costs(1, 5), None)
    assert costly.value < free.value
    assert "one standard error" in costly.rule
    at_best = sk.f1_score(actual, p.astype(np.float64) >= free.value)
    at_chosen = sk.f1_score(actual, p.astype(np.float64) >= costly.value)
    spread = np.std([sk.f1_score(actual[folds == k], p[folds == k].astype(np.float64) >= free.value) for k in range(5)], ddof=1)
    assert at_best - spread / np.sqrt(5) - 1e-9 <= at_chosen <= at_best


def test_precision_keeps_the_goal_and_then_finds_as_many_as_it_can():
    actual, p, folds = scores(2000)
    chosen = choose_threshold(actual, p, folds, "precision", None, 0.6).value
    said = p.astype(np.float64) >= chosen
    assert sk.precision_score(actual, said) >= 0.6
    assert said.sum() > 20


def test_one_score_for_all_rows_says_yes_to_all():
    actual = np.array([0, 1, 1, 0])
    value = best_threshold(actual, np.full(4, 0.3, np.float32), "f1")
    assert value < 0.3


def test_a_score_of_zero_can_be_told_from_the_threshold():
    actual, p = np.array([1, 1, 0]), np.array([0.0, 0.0, 0.0], np.float32)
    assert best_threshold(actual, p, "recall", 0.9) < 0
