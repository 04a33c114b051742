"""Fewer columns, chosen by what they say: variance, correlation, information, importance, elimination."""

from abc import abstractmethod
from typing import Any

import numpy as np

from ..columns import Columns, ValueColumns
from ..step import FitContext, Step, finite

# Scores are estimated on at most this many (seeded) rows.
_SAMPLE_ROWS = 20_000


class _Select(Step):
    accepts = frozenset({"number", "integer", "boolean"})

    @abstractmethod
    def scores(self, numbers: np.ndarray, context: FitContext) -> np.ndarray:
        """How much each column says; more is better."""
        ...

    def chosen(self, scores: np.ndarray, numbers: np.ndarray, context: FitContext) -> np.ndarray:
        """A mask of the columns to keep."""
        keep, above = self.parameters["keep"], self.parameters["above"]
        mask = np.ones(len(scores), dtype=bool)
        if above is not None:
            mask &= scores > above
        if keep is not None or above is None:
            count = (len(scores) + 1) // 2 if keep is None else int(keep)
            best = np.argsort(-scores, kind="stable")[:count]
            mask &= np.isin(np.arange(len(scores)), best)
        return mask

    def fit(self, columns: ValueColumns, context: FitContext) -> None:
        super().fit(columns, context)
        self.dropped: list[str] = []
        self.scored: dict[str, float] = {}
        if not self.columns:
            return
        rows = np.arange(columns.rows)
        if len(rows) > _SAMPLE_ROWS:
            rows = np.sort(np.random.default_rng(context.seed).choice(rows, _SAMPLE_ROWS, replace=False))
        sample, sampled = columns.at(rows), context.at(rows)
        numbers = _filled(sample.numbers(self.columns))
        scores = self.scores(numbers, sampled)
        mask = self.chosen(scores, numbers, sampled)
        if not mask.any() and len(columns.names) == len(self.columns):
            raise self.error(f"it would keep none of the {len(self.columns)} columns; lower the limit")
        self.scored = dict(zip(self.columns, map(float, scores), strict=True))
        self.dropped = [name for name, stays in zip(self.columns, mask, strict=True) if not stays]

    def apply(self, columns: Columns, wanted: set[str] | None) -> None:
        columns.drop([name for name in self.dropped if name in columns])

    def summary(self) -> dict[str, Any]:
        return {"scores": self.scored, "dropped": self.dropped}

    def need_target(self, context: FitContext) -> np.ndarray:
        if context.target is None:
            raise self.error("it needs the target, and there is none")
        return context.target


class SelectVariance(_Select):
    """Keeps columns that vary."""

    step = "select_variance"

    def scores(self, numbers: np.ndarray, context: FitContext) -> np.ndarray:
        return numbers.var(axis=0)


class SelectCorrelation(_Select):
    """Of columns that say the same, keeps the first."""

    step = "select_correlation"

    def scores(self, numbers: np.ndarray, context: FitContext) -> np.ndarray:
        return -_highest_with_earlier(_correlations(numbers))

    def chosen(self, scores: np.ndarray, numbers: np.ndarray, context: FitContext) -> np.ndarray:
        correlations = _correlations(numbers)
        kept: list[int] = []
        for index in range(len(scores)):
            if not any(correlations[index, other] > self.parameters["above"] for other in kept):
                kept.append(index)
        if self.parameters["keep"] is not None:
            kept = sorted(sorted(kept, key=lambda index: -scores[index])[: int(self.parameters["keep"])])
        return np.isin(np.arange(len(scores)), kept)


class SelectMutualInformation(_Select):
    """Keeps columns that tell most about the target (Kraskov et al. 2004, Ross 2014)."""

    step = "select_mutual_information"

    def scores(self, numbers: np.ndarray, context: FitContext) -> np.ndarray:
        from sklearn.feature_selection import mutual_info_classif, mutual_info_regression

        target = self.need_target(context)
        measure = mutual_info_regression if context.task == "regression" else mutual_info_classif
        return measure(numbers, target, random_state=context.seed)


class SelectImportance(_Select):
    """Keeps the columns that a forest of extremely randomised trees uses most (Geurts et al. 2006)."""

    step = "select_importance"

    def scores(self, numbers: np.ndarray, context: FitContext) -> np.ndarray:
        return _forest_importance(numbers, self.need_target(context), context)


class SelectRecursive(_Select):
    """Takes the least useful columns out, again and again (Guyon et al. 2002, with a forest)."""

    step = "select_recursive"

    def scores(self, numbers: np.ndarray, context: FitContext) -> np.ndarray:
        """The round in which a column went; those that stay have the highest."""
        target = self.need_target(context)
        count = numbers.shape[1]
        above, keep = self.parameters["above"], self.parameters["keep"]
        goal = 1 if keep is None and above is not None else min(count, (count + 1) // 2 if keep is None else int(keep))
        left, ranks, turn = np.arange(count), np.zeros(count), 0
        while len(left) > goal:
            importance = _forest_importance(numbers[:, left], target, context)
            if above is not None and importance.min() > above:
                break
            # One at a time among few, a tenth at a time among many.
            out = min(max(1, len(left) // 10), len(left) - goal)
            worst = np.argsort(importance, kind="stable")[:out]
            ranks[left[worst]] = turn
            left, turn = np.delete(left, worst), turn + 1
        ranks[left] = turn
        return ranks

    def chosen(self, scores: np.ndarray, numbers: np.ndarray, context: FitContext) -> np.ndarray:
        return scores == scores.max()


def _filled(numbers: np.ndarray) -> np.ndarray:
    """Missing and infinite values as the column's median: good enough to score by."""
    result = np.array(numbers, order="F")
    for index in range(result.shape[1]):
        usable = finite(result[:, index])
        result[~np.isfinite(result[:, index]), index] = np.median(usable) if len(usable) else 0.0
    return result


def _correlations(numbers: np.ndarray) -> np.ndarray:
    """Absolute Pearson correlations; a constant column correlates with none."""
    centred = numbers - numbers.mean(axis=0)
    lengths = np.sqrt((centred**2).sum(axis=0))
    unit = centred / np.where(lengths > 0, lengths, 1.0)
    return np.abs(unit.T @ unit)


def _highest_with_earlier(correlations: np.ndarray) -> np.ndarray:
    return np.array([correlations[index, :index].max(initial=0.0) for index in range(len(correlations))])


def _forest_importance(numbers: np.ndarray, target: np.ndarray, context: FitContext) -> np.ndarray:
    from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor

    kind = ExtraTreesRegressor if context.task == "regression" else ExtraTreesClassifier
    forest = kind(n_estimators=100, max_depth=12, min_samples_leaf=3, random_state=context.seed, n_jobs=1)
    largest = np.abs(numbers).max(axis=0)
    # Forests compare in float32, whose range is smaller.
    scaled = numbers / np.where(largest > 1e30, largest, 1.0)
    return forest.fit(scaled, target).feature_importances_
