"""Dividing rows for validation."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from atoll_engines.errors import BadInput
from atoll_engines.tabular.folds import divide, inner_split
from atoll_engines.tabular.imbalance import rebalanced


def labels(rows: int = 300, share: float = 0.2) -> np.ndarray:
    return (np.random.default_rng(0).random(rows) < share).astype(np.int64)


@pytest.mark.parametrize("kind", ["stratified", "kfold", "holdout"])
def test_every_row_is_scored_at_most_once_and_never_fitted_on_in_that_fold(kind):
    y = labels()
    folds = divide(y, "binary", kind, 4, seed=1).folds
    scored = np.concatenate([fold.valid for fold in folds])
    assert len(np.unique(scored)) == len(scored)
    assert all(not set(fold.train) & set(fold.valid) for fold in folds)
    assert all(len(fold.train) + len(fold.valid) == len(y) for fold in folds)


def test_stratified_folds_have_the_same_class_shares():
    y = labels()
    shares = [y[fold.valid].mean() for fold in divide(y, "binary", "stratified", 5, seed=1).folds]
    assert max(shares) - min(shares) < 0.02


def test_no_group_is_on_both_sides():
    y = labels()
    groups = pd.Series(np.random.default_rng(1).integers(0, 40, len(y)).astype(str), name="house")
    groups[5] = None
    for task, target in (("binary", y), ("regression", y.astype(float))):
        for fold in divide(target, task, "grouped", 4, seed=1, groups=groups).folds:
            inside, outside = groups[fold.train].dropna(), groups[fold.valid].dropna()
            assert not set(inside) & set(outside)


def test_by_time_every_scored_row_is_later():
    times = pd.Series(pd.to_datetime("2026-01-01") + pd.to_timedelta(np.random.default_rng(2).permutation(120), unit="D"), name="day")
    folds = divide(labels(120), "binary", "time", 4, seed=1, times=times).folds
    assert len(folds) == 4
    for fold in folds:
        assert times[fold.train].max() < times[fold.valid].min()


def test_folds_by_time_that_lack_a_class_are_left_out():
    y = np.array([0] * 40 + [0, 1] * 40)
    times = pd.Series(np.arange(120), name="day")
    division = divide(y, "binary", "time", 5, seed=1, times=times)
    assert 0 < len(division.folds) < 5
    assert all(set(y[fold.train]) == {0, 1} for fold in division.folds)
    assert "a class is missing" in division.note
    with pytest.raises(BadInput, match="no fold has every class"):
        divide(np.array([0] * 60 + [1] * 60), "binary", "time", 5, seed=1, times=times)


def test_a_validation_set_of_its_own_is_the_holdout():
    given = np.zeros(100, bool)
    given[80:] = True
    fold = divide(labels(100), "binary", "holdout", 5, seed=1, given=given).folds[0]
    assert set(fold.valid) == set(range(80, 100))


def test_a_rare_class_lowers_the_number_of_folds():
    y = np.zeros(100, np.int64)
    y[:3] = 1
    division = divide(y, "binary", "stratified", 5, seed=1)
    assert len(division.folds) == 3
    assert "the rarest class has 3 rows" in division.note


def test_rows_to_watch_leave_every_class_to_fit_on():
    y = np.array([0] * 40 + [1] * 2 + [2])
    fit_on, watched = inner_split(y, "multiclass", seed=0)
    assert set(y[fit_on]) == {0, 1, 2}
    assert not set(fit_on) & set(watched)


@pytest.mark.parametrize("method", ["smote", "adasyn", "random_over", "random_under", "near_miss"])
def test_an_answer_to_imbalance_evens_the_classes_and_survives_missing_values(method):
    random = np.random.default_rng(3)
    y = labels(300, 0.15)
    x = (random.normal(size=(300, 4)) + y[:, None]).astype(np.float32)
    x[random.random(x.shape) < 0.1] = np.nan
    new_x, new_y, weights = rebalanced(x, y, method, 2, seed=0)
    counts = np.bincount(new_y)
    assert counts.min() / counts.max() > 0.8
    assert weights is None
    assert new_x.dtype == np.float32
    assert len(new_x) == len(new_y)
    if method in ("smote", "adasyn"):
        np.testing.assert_array_equal(new_x[:300], x)
        assert np.isfinite(new_x[300:]).all()


def test_class_weights_give_each_class_the_same_total():
    y = labels()
    _, _, weights = rebalanced(np.zeros((len(y), 1), np.float32), y, "class_weight", 2, seed=0)
    assert weights[y == 0].sum() == pytest.approx(weights[y == 1].sum())
