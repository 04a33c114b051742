"""Weights of a blend by greedy selection with replacement (Caruana et al. 2004, "Ensemble selection from libraries of models")."""

from __future__ import annotations

import numpy as np

from atoll_engines.tabular.metrics import BY_LABEL, score, sign
from atoll_engines.tabular.thresholds import best_threshold

PICKS = 25
# More rows than this tell no finer weights, and each pick reads them all.
MOST_ROWS = 20_000


def greedy_weights(
    answers: np.ndarray, actual: np.ndarray, task: str, metric: str, at_least: float | None, seed: int
) -> np.ndarray:
    """The weight of each of the models whose `answers` [models, rows, …] are given; they add up to 1.

    Each pick adds the model that most helps the mean of those picked so far; the best of all these means wins,
    and of equal ones the smallest.
    """
    if answers.shape[1] > MOST_ROWS:
        rows = np.sort(np.random.default_rng(seed).choice(answers.shape[1], MOST_ROWS, replace=False))
        answers, actual = answers[:, rows], actual[rows]
    by_label = task == "binary" and metric in BY_LABEL

    def gain(values: np.ndarray) -> float:
        threshold = None
        if task == "binary":
            threshold = best_threshold(actual, values[:, 1], metric, at_least) if by_label else 0.5
        value = sign(metric) * score(metric, actual, values, threshold)
        return value if np.isfinite(value) else float("-inf")

    total = np.zeros(answers.shape[1:], np.float64)
    counts = np.zeros(len(answers), np.int64)
    best, weights = float("-inf"), np.full(len(answers), 1 / len(answers))
    for pick in range(PICKS):
        gains = [gain(((total + one) / (pick + 1)).astype(np.float32)) for one in answers]
        chosen = int(np.argmax(gains))
        total += answers[chosen]
        counts[chosen] += 1
        if gains[chosen] > best + 1e-9:
            best, weights = gains[chosen], counts / counts.sum()
    return weights
