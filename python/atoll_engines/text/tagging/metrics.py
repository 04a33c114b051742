"""How well spans were found: exact matches of place and label (the CoNLL measure, Tjong Kim Sang and De Meulder 2003)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from atoll_engines.tabular.bootstrap import CONFIDENCE
from atoll_engines.text.tagging.spans import Span

NAMES = ("f1", "precision", "recall", "accuracy")


def counts_of(actual: Sequence[Sequence[Span]], found: Sequence[Sequence[Span]], labels: Sequence[str]) -> np.ndarray:
    """[texts, labels, 3]: spans found and right, found, and there to be found."""
    numbers = {label: number for number, label in enumerate(labels)}
    counts = np.zeros((len(actual), len(labels), 3), np.int64)
    for row, (real, said) in enumerate(zip(actual, found, strict=True)):
        for span in set(real) & set(said):
            counts[row, numbers[span.label], 0] += 1
        for place, spans in ((1, said), (2, real)):
            for span in spans:
                counts[row, numbers[span.label], place] += 1
    return counts


def scores(counts: np.ndarray, words: np.ndarray) -> dict[str, np.ndarray | float]:
    """Over counts [..., 3] summed over labels and texts, and words [..., 2] (right, all)."""
    right, found, there = (counts[..., place].astype(float) for place in range(3))
    precision = np.divide(right, found, out=np.zeros_like(right), where=found > 0)
    recall = np.divide(right, there, out=np.zeros_like(right), where=there > 0)
    both = precision + recall
    f1 = np.divide(2 * precision * recall, both, out=np.zeros_like(right), where=both > 0)
    return {"f1": f1, "precision": precision, "recall": recall, "accuracy": words[..., 0] / np.maximum(1, words[..., 1])}


def score(counts: np.ndarray, words: np.ndarray) -> dict[str, float]:
    """Each metric over all texts."""
    return {name: float(value) for name, value in scores(counts.sum(axis=(0, 1)), words.sum(axis=0)).items()}


def with_intervals(counts: np.ndarray, words: np.ndarray, resamples: int, seed: int) -> dict[str, Any]:
    """Each metric with a percentile interval over resampled texts, whose words belong together."""
    random = np.random.default_rng(seed)
    texts = len(counts)
    weights = random.multinomial(texts, np.full(texts, 1 / texts), size=resamples)
    drawn = scores(weights @ counts.sum(axis=1), weights @ words)
    tail = 100 * (1 - CONFIDENCE) / 2
    method = f"bootstrap percentile over texts, {resamples} resamples"
    result = {}
    for name, value in score(counts, words).items():
        low, high = np.percentile(drawn[name], [tail, 100 - tail])
        result[name] = {"value": value, "low": float(low), "high": float(high), "method": method}
    return result


def per_label(counts: np.ndarray, labels: Sequence[str]) -> dict[str, dict[str, float]]:
    """Precision, recall, F1 and how many there are, for each label."""
    sums = counts.sum(axis=0)
    by_label = {}
    for number, label in enumerate(labels):
        found = scores(sums[number], np.zeros(2))
        by_label[label] = {name: float(found[name]) for name in ("precision", "recall", "f1")} | {"support": int(sums[number, 2])}
    return by_label
