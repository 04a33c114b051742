"""What a model did with rows, ready to be measured: every figure at once, for the rows as they are or as a resample drew them."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from atoll_engines.errors import BadInput, what_exists
from atoll_engines.tabular.target import word
from atoll_engines.unsupervised.metrics.groups import Grouped, agreement
from atoll_engines.unsupervised.metrics.maps import row_trust
from atoll_engines.unsupervised.metrics.scores import against_labels, stability
from atoll_engines.unsupervised.pipeline import Pipeline


class Measure(Protocol):
    """Figures by name; `weights` says how often each row was drawn."""

    def all(self, weights: np.ndarray | None = None) -> dict[str, float]: ...


class GroupMeasure:
    """Clusters of rows, the same rows as two models see them that were fitted on other resamples, and known labels."""

    def __init__(self, pipeline: Pipeline, x: np.ndarray, answer: dict[str, np.ndarray], labels: np.ndarray | None, seed: int) -> None:
        self.clusters, self.labels = answer["cluster"], labels
        self.grouped = Grouped(x, self.clusters, seed)
        self.others = [twin.answer(x)["cluster"] for twin in pipeline.twins]

    def all(self, weights: np.ndarray | None = None) -> dict[str, float]:
        found = self.grouped.all(weights)
        if self.others:
            found["stability"] = float(
                np.mean([agreement(self.clusters, other, weights)["adjusted_rand"] for other in self.others])
            )
        if self.labels is not None:
            found |= agreement(self.clusters, self.labels, weights)
        return found


class ScoreMeasure:
    """Anomaly scores, the scores of two models fitted on other halves of the rows, and which rows are known anomalies."""

    def __init__(self, pipeline: Pipeline, x: np.ndarray, answer: dict[str, np.ndarray], labels: np.ndarray | None, seed: int) -> None:
        self.scores = answer["score"][:, 0].astype(np.float64)
        self.threshold = pipeline.threshold
        self.others = [twin.answer(x)["score"][:, 0] for twin in pipeline.twins]
        self.is_anomaly = labels

    def all(self, weights: np.ndarray | None = None) -> dict[str, float]:
        weights = np.ones(len(self.scores)) if weights is None else weights
        found = {}
        if len(self.others) == 2:
            found["stability"] = stability(*self.others, weights)
        if self.threshold is not None:
            found["anomaly_share"] = float(np.average(self.scores >= self.threshold, weights=weights))
            if self.is_anomaly is not None:
                found |= against_labels(self.scores, self.is_anomaly, self.threshold, weights)
        return found


class MapMeasure:
    """Places of rows: whether neighbours stay neighbours, and, for principal components, how much variance is kept."""

    def __init__(self, pipeline: Pipeline, x: np.ndarray, answer: dict[str, np.ndarray], labels: np.ndarray | None, seed: int) -> None:
        self.rows = len(x)
        self.trust = row_trust(x, answer["vector"], seed)
        self.parts = pipeline.model.variance_parts(x) if hasattr(pipeline.model, "variance_parts") else None

    def all(self, weights: np.ndarray | None = None) -> dict[str, float]:
        drawn = np.ones(self.rows) if weights is None else weights
        # Of a long table only some rows are compared; any as many weights will do for their mean.
        found = {"trustworthiness": float(np.average(self.trust, weights=drawn[: len(self.trust)]))}
        if self.parts is not None:
            kept, total = (float(drawn @ part) for part in self.parts)
            found["explained_variance"] = kept / total if total > 0 else float("nan")
        return found


def measure(
    pipeline: Pipeline, frame: Any, x: np.ndarray, answer: dict[str, np.ndarray], labels: np.ndarray | None, seed: int
) -> Measure:
    """What to measure of a model's answers to these rows."""
    if pipeline.task == "topics":
        from atoll_engines.unsupervised.topics.measure import TopicMeasure

        return TopicMeasure(pipeline, x, answer, labels)
    if pipeline.task == "embedding":
        from atoll_engines.unsupervised.vectors.measure import CompanyMeasure

        return CompanyMeasure(pipeline, x)
    kind = {"clustering": GroupMeasure, "anomaly": ScoreMeasure, "projection": MapMeasure}[pipeline.task]
    return kind(pipeline, x, answer, labels, seed)


def anomaly_labels(labels: np.ndarray, positive: Any) -> tuple[np.ndarray, str]:
    """Which rows are known anomalies: those with the label that is named, else with the rarest one."""
    names, counts = np.unique(labels[labels != ""].astype(str), return_counts=True)
    if len(names) < 2:
        raise BadInput("The label column has the same value in every row, so it cannot tell anomalies from the rest.")
    wanted = word(positive) if positive not in (None, "") else str(names[np.argmin(counts)])
    if wanted not in names:
        raise BadInput(f'No row has the label "{wanted}". {what_exists(wanted, list(names), "labels")}')
    return labels == wanted, wanted
