"""The operations a recipe step may use, on arrays. `graph_maths` has the same ones as graph nodes.

A step is written once against these names, so training (arrays) and serving (graph) cannot differ in formula.
Matrices are [rows, columns]; numbers are float64, truth values bool, positions int64.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

FLOAT32_MAX = float(np.finfo(np.float32).max)


class NumpyMaths:
    """Operations on arrays."""

    is_graph = False

    def where(self, condition, yes, no):
        return np.where(condition, yes, no)

    def is_missing(self, x):
        return np.isnan(x)

    def is_infinite(self, x):
        return np.isinf(x)

    def log(self, x):
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.log(x)

    def exp(self, x):
        with np.errstate(over="ignore"):
            return np.exp(x)

    def sqrt(self, x):
        with np.errstate(invalid="ignore"):
            return np.sqrt(x)

    def abs(self, x):
        return np.abs(x)

    def sign(self, x):
        return np.sign(x)

    def floor(self, x):
        return np.floor(x)

    def round(self, x):
        """To the nearest whole number, halves to even."""
        return np.rint(x)

    def least(self, x, y):
        """Element-wise minimum; missing where either side is."""
        return np.minimum(x, y)

    def greatest(self, x, y):
        """Element-wise maximum; missing where either side is."""
        return np.maximum(x, y)

    def number(self, x):
        """Truth values or positions as float64."""
        return np.asarray(x).astype(np.float64)

    def position(self, x):
        """Finite float64 whole numbers as int64."""
        return np.asarray(x).astype(np.int64)

    def is_equal(self, x, y):
        return np.equal(x, y)

    def invert(self, condition):
        return np.logical_not(condition)

    def row_sum(self, x):
        """[N, k] as [N, 1]."""
        return np.sum(x, axis=1, keepdims=True)

    def count_passed(self, x, points: np.ndarray):
        """How many of its column's points (ascending, filled up with NaN) a value is not below; 0 for a missing one."""
        x = np.asarray(x)
        result = np.empty(x.shape, order="F")
        for index in range(x.shape[1]):
            known = points[index][~np.isnan(points[index])]
            result[:, index] = np.where(np.isnan(x[:, index]), 0, np.searchsorted(known, x[:, index], side="right"))
        return result

    def place_of(self, x, points: np.ndarray):
        """The place (from 1) of a value among its column's points (distinct, ascending, filled up with NaN), or 0."""
        x = np.asarray(x)
        result = np.zeros(x.shape, order="F")
        for index in range(x.shape[1]):
            for place, point in enumerate(points[index], start=1):
                result[x[:, index] == point, index] = place
        return result

    def middle_sum(self, x):
        """[N, m, k] as [N, k]."""
        return np.sum(x, axis=1)

    def product(self, x, weights: np.ndarray):
        """Matrix product with fitted weights."""
        with np.errstate(over="ignore", invalid="ignore"):
            return x @ weights

    def choose(self, x, indexes: Sequence[int]):
        """The columns at these positions."""
        return np.asarray(x)[:, list(indexes)]

    def concat(self, parts: Sequence):
        return np.concatenate(parts, axis=1)

    def lookup(self, table: np.ndarray, positions):
        """Entries of a fitted vector (or rows of a fitted matrix) at int64 positions."""
        return table[positions]

    def nearest(self, scores, count: int):
        """Positions of the `count` smallest scores of each row; equal scores by position."""
        found = np.sort(np.argpartition(scores, count - 1, axis=1)[:, :count], axis=1)
        chosen = np.take_along_axis(scores, found, axis=1)
        found = np.take_along_axis(found, np.argsort(chosen, axis=1, kind="stable"), axis=1)
        # A partition keeps any of several equal scores at its border; where there are such, all are sorted.
        tied = (scores <= chosen.max(axis=1, keepdims=True)).sum(axis=1) != count
        found[tied] = np.argsort(scores[tied], axis=1, kind="stable")[:, :count]
        return found

    def string_values(self, strings, vocabularies: Sequence[Sequence[str]], values: Sequence[np.ndarray], unseen):
        """Each column's strings replaced by fitted values; strings outside its vocabulary become `unseen`."""
        result = np.empty(strings.shape, dtype=np.float64)
        for index, (vocabulary, known) in enumerate(zip(vocabularies, values, strict=True)):
            codes = pd.Index(list(vocabulary), dtype=object).get_indexer(strings[:, index])
            table = np.append(np.asarray(known, dtype=np.float64), float(unseen[index]))
            result[:, index] = table[codes]
        return result

    def hash_buckets(self, strings, buckets: int):
        """MurmurHash3 (32 bits, seed 0) of the UTF-8 bytes, modulo the number of buckets."""
        from sklearn.utils import murmurhash3_32

        found = {
            text: float(murmurhash3_32(text.encode("utf-8", "replace"), seed=0, positive=True) % buckets) for text in set(strings.ravel())
        }
        return np.array([found[text] for text in strings.ravel()], dtype=np.float64).reshape(strings.shape)

    def string_choice(self, condition, yes, no):
        return np.where(condition, yes, no).astype(object)

    def clamp_to_float32(self, x):
        """float32, with numbers beyond its range at its ends rather than infinite."""
        return np.clip(x, -FLOAT32_MAX, FLOAT32_MAX).astype(np.float32)
