"""Filling missing numbers from the other columns: nearest rows, or repeated ridge regressions."""

from typing import Any

import numpy as np

_DONORS = 2000
_NEIGHBOURS = 5
_ROUNDS = 5
_RIDGE = 1e-3
_ROWS_AT_ONCE = 4096
# Beyond this many standard deviations a value says no more about nearness; it also bounds the arithmetic.
_REACH = 1000.0
# Scores are rounded to this grid so that equal distances tie alike in arrays and in the graph.
_GRID = 2.0**20


class NearestImputer:
    """The mean of the five nearest training rows, by distance over the columns that a row has.

    After Troyanskaya et al. (2001), with standardised columns and a seeded sample of at most 2,000 donor rows, complete ones first.
    """

    def __init__(self, training: np.ndarray, seed: int):
        self.means, self.scales = _centre(training)
        donors = _donors(training, seed)
        self.values = np.where(np.isnan(donors), self.means, donors)
        z = np.clip((self.values - self.means) / self.scales, -_REACH, _REACH)
        # distance² less what is the same for all donors: Σ d² − 2 Σ x d over the columns that the row has
        self.weights = np.ascontiguousarray(np.concatenate([(z * z).T, -2.0 * z.T]))
        self.neighbours = min(_NEIGHBOURS, len(donors))

    def fill(self, maths: Any, numbers: Any) -> Any:
        if maths.is_graph:
            return self._filled(maths, numbers)
        # Only rows that miss something are compared with the donors, and not too many of them at once.
        result = numbers.copy()
        rows = np.flatnonzero(np.isnan(numbers).any(axis=1))
        for start in range(0, len(rows), _ROWS_AT_ONCE):
            some = rows[start : start + _ROWS_AT_ONCE]
            result[some] = self._filled(maths, numbers[some])
        return result

    def _filled(self, maths: Any, numbers: Any) -> Any:
        missing = maths.is_missing(numbers)
        z = (numbers - self.means) / self.scales
        z = maths.where(missing, 0.0, maths.least(maths.greatest(z, -_REACH), _REACH))
        scores = maths.product(maths.concat([maths.number(maths.invert(missing)), z]), self.weights)
        nearest = maths.nearest(maths.round(scores * _GRID) / _GRID, self.neighbours)
        mean = maths.middle_sum(maths.lookup(self.values, nearest)) / float(self.neighbours)
        return maths.where(missing, mean, numbers)

    def summary(self) -> dict[str, Any]:
        return {"donors": len(self.values), "neighbours": self.neighbours}


class IterativeImputer:
    """Five rounds in which a ridge regression on all other columns predicts each one's missing values.

    After van Buuren and Groothuis-Oudshoorn (2011), deterministic, with all columns of a round predicted from the round before.
    """

    def __init__(self, training: np.ndarray, seed: int):
        self.means, self.scales = _centre(training)
        lows, highs = _range(training)
        self.lows = (lows - self.means) / self.scales
        self.highs = (highs - self.means) / self.scales
        missing = np.isnan(training)
        z = np.clip((training - self.means) / self.scales, self.lows, self.highs)
        current = np.where(missing, 0.0, z)
        self.rounds: list[tuple[np.ndarray, np.ndarray]] = []
        for _ in range(_ROUNDS if training.shape[1] > 1 else 0):
            weights, biases = _ridges(current, z, missing)
            self.rounds.append((weights, biases))
            predicted = np.clip(current @ weights + biases, self.lows, self.highs)
            current = np.where(missing, predicted, z)

    def fill(self, maths: Any, numbers: Any) -> Any:
        missing = maths.is_missing(numbers)
        z = maths.least(maths.greatest((numbers - self.means) / self.scales, self.lows), self.highs)
        current = maths.where(missing, 0.0, z)
        for weights, biases in self.rounds:
            predicted = maths.product(current, weights) + biases
            current = maths.where(missing, maths.least(maths.greatest(predicted, self.lows), self.highs), z)
        return maths.where(missing, current * self.scales + self.means, numbers)

    def summary(self) -> dict[str, Any]:
        return {"rounds": len(self.rounds)}


def _centre(training: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    usable = np.where(np.isfinite(training), training, np.nan)
    empty = np.isnan(usable).all(axis=0)
    usable = np.where(empty, 0.0, usable)
    means, scales = np.nanmean(usable, axis=0), np.nanstd(usable, axis=0)
    return means, np.where(scales > 0, scales, 1.0)


def _range(training: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    usable = np.where(np.isfinite(training), training, np.nan)
    usable = np.where(np.isnan(usable).all(axis=0), 0.0, usable)
    return np.nanmin(usable, axis=0), np.nanmax(usable, axis=0)


def _donors(training: np.ndarray, seed: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    usable = np.where(np.isfinite(training), training, np.nan)
    complete = ~np.isnan(usable).any(axis=1)
    order = random.permutation(len(usable))
    order = order[np.argsort(~complete[order], kind="stable")][:_DONORS]
    return usable[np.sort(order)]


def _ridges(current: np.ndarray, observed: np.ndarray, missing: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A ridge regression for each column, also where training misses nothing: a served row may."""
    count = current.shape[1]
    weights, biases = np.zeros((count, count)), np.zeros(count)
    for column in range(count):
        rows = ~missing[:, column]
        others = np.arange(count) != column
        if rows.sum() < 2:
            continue
        x, y = current[rows][:, others], observed[rows, column]
        x_mean, y_mean = x.mean(axis=0), y.mean()
        centred = x - x_mean
        gram = centred.T @ centred + _RIDGE * rows.sum() * np.eye(count - 1)
        slope = np.linalg.solve(gram, centred.T @ (y - y_mean))
        weights[others, column] = slope
        biases[column] = y_mean - x_mean @ slope
    return weights, biases
