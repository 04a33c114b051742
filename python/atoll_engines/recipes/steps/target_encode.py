"""Categories as the mean target of their rows, cross-fitted so that no training row sees its own target."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from ..columns import Columns, ValueColumns
from ..step import FitContext, Step

_FOLDS = 5
# The smoothing where values show no difference: the overall mean outweighs any count.
_NO_EVIDENCE = 1e9


class TargetEncode(Step):
    """Each value as the smoothed mean of the target (one column per class where there are three or more).

    Smoothing after Micci-Barreca (2001): (n·mean + m·overall) / (n + m), with m given or, for "auto", estimated (empirical Bayes),
    so that a column without signal becomes a constant rather than noise.
    """

    step = "target_encode"
    accepts = frozenset({"category", "text"})

    def fit(self, columns: ValueColumns, context: FitContext) -> None:
        if context.target is None:
            raise self.error("it needs the target, and there is none")
        super().fit(columns, context)
        self.targets = _target_columns(context)
        classes = self.targets.shape[1]
        self.features = {name if classes == 1 else f"{name}@{index}": (name, index) for name in self.columns for index in range(classes)}
        self.refuse_taken(columns, [feature for feature in self.features if feature not in self.columns])
        self.overall = self.targets.mean(axis=0)
        self.labels: dict[str, list[str]] = {}
        self.means: dict[str, np.ndarray] = {}
        for name in self.columns:
            codes, self.labels[name] = _coded(columns.values[name])
            self.means[name] = self._smoothed(codes, len(self.labels[name]), self.targets)

    def fit_apply(self, columns: ValueColumns, context: FitContext) -> None:
        self.fit(columns, context)
        folds = _folds(columns.rows, context)
        encoded = {feature: np.empty(columns.rows) for feature in self.features}
        for name in self.columns:
            codes, labels = _coded(columns.values[name])
            for fold in np.unique(folds):
                inside, held_out = folds != fold, folds == fold
                means = self._smoothed(codes[inside], len(labels), self.targets[inside])
                for feature, (origin, index) in self.features.items():
                    if origin == name:
                        encoded[feature][held_out] = means[codes[held_out], index]
        columns.drop([name for name in self.columns if name not in self.features])
        if encoded:
            columns.put(list(encoded), "number", np.column_stack(list(encoded.values())))
        del self.targets

    def apply(self, columns: Columns, wanted: set[str] | None) -> None:
        made = [feature for feature, (name, _) in self.features.items() if name in columns and (wanted is None or feature in wanted)]
        names = self.here(columns)
        if made:
            origins = [self.features[feature] for feature in made]
            values = columns.maths.string_values(
                columns.strings([name for name, _ in origins]),
                [self.labels[name] for name, _ in origins],
                [self.means[name][:, index] for name, index in origins],
                [self.overall[index] for _, index in origins],
            )
        columns.drop([name for name in names if name not in self.features])
        if made:
            columns.put(made, "number", values)

    def origins(self, output: str) -> Sequence[str]:
        return [self.features[output][0]] if output in self.features else [output]

    def summary(self) -> dict[str, Any]:
        return {"overall": self.overall.tolist(), "categories": {name: len(labels) for name, labels in self.labels.items()}}

    def _smoothed(self, codes: np.ndarray, count: int, targets: np.ndarray) -> np.ndarray:
        overall = targets.mean(axis=0)
        result = np.empty((count, targets.shape[1]))
        rows = np.bincount(codes, minlength=count).astype(np.float64)
        for index in range(targets.shape[1]):
            y = targets[:, index]
            sums = np.bincount(codes, weights=y, minlength=count)
            weight = self._weight(rows, sums, y)
            result[:, index] = np.where(rows > 0, (sums + weight * overall[index]) / np.maximum(rows + weight, 1e-300), overall[index])
        return result

    def _weight(self, rows: np.ndarray, sums: np.ndarray, y: np.ndarray) -> float:
        """Rows that the overall mean counts for: variance within values over variance between them (one-way random effects)."""
        if self.parameters["smoothing"] != "auto":
            return float(self.parameters["smoothing"])
        seen = rows > 0
        rows, means, total = rows[seen], sums[seen] / rows[seen], len(y)
        between = float(np.sum(rows * (means - y.mean()) ** 2))
        within = max(float(np.sum((y - y.mean()) ** 2)) - between, 0.0)
        freedom, groups = total - len(rows), len(rows)
        if freedom <= 0 or groups < 2:
            return _NO_EVIDENCE
        noise = within / freedom
        signal = (between - (groups - 1) * noise) / (total - float(np.sum(rows**2)) / total)
        return min(noise / signal, _NO_EVIDENCE) if signal > 0 else _NO_EVIDENCE


def _target_columns(context: FitContext) -> np.ndarray:
    if context.task == "regression":
        return context.target.astype(np.float64).reshape(-1, 1)
    classes = int(context.target.max()) + 1
    if classes <= 2:
        return context.target.astype(np.float64).reshape(-1, 1)
    return np.eye(classes)[context.target]


def _coded(values: np.ndarray) -> tuple[np.ndarray, list[str]]:
    codes, labels = pd.factorize(values, sort=True)
    return codes, [str(label) for label in labels]


def _folds(rows: int, context: FitContext) -> np.ndarray:
    """A fold number per row, balanced over the classes."""
    random = np.random.default_rng(context.seed)
    order = random.permutation(rows)
    if context.task != "regression":
        order = order[np.argsort(context.target[order], kind="stable")]
    folds = np.empty(rows, dtype=np.int64)
    folds[order] = np.arange(rows) % min(_FOLDS, max(2, rows))
    return folds
