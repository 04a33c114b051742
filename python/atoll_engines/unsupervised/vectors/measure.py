"""Whether vectors foretell which words stand beside one another in texts they never saw."""

from __future__ import annotations

from typing import Any

import numpy as np

from atoll_engines.unsupervised.pipeline import Pipeline
from atoll_engines.unsupervised.vectors.sequences import WordRows

WINDOW, MOST_PAIRS, SEED = 3, 60, 20_130_116


class CompanyMeasure:
    """Real neighbours against words drawn by how frequent they are: how often the real one scores higher (the area under the ROC curve)."""

    def __init__(self, pipeline: Pipeline, x: WordRows) -> None:
        random = np.random.default_rng(SEED)
        chances = np.array(pipeline.preparation.frequency, np.float64)
        chances /= chances.sum()
        self.pairs, self.won = np.zeros(len(x)), np.zeros(len(x))
        for row, sequence in enumerate(x.sequences):
            centre, context = neighbours(sequence, random)
            if not len(centre):
                continue
            drawn = random.choice(len(chances), len(centre), p=chances)
            real, chance = pipeline.model.affinity(centre, context), pipeline.model.affinity(centre, drawn)
            self.pairs[row] = len(centre)
            self.won[row] = float(np.sum(real > chance) + 0.5 * np.sum(real == chance))

    def all(self, weights: np.ndarray | None = None) -> dict[str, float]:
        weights = np.ones(len(self.pairs)) if weights is None else weights
        pairs = float(weights @ self.pairs)
        return {"roc_auc": float(weights @ self.won) / pairs if pairs else float("nan")}


def neighbours(sequence: np.ndarray, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of words at most a few places apart, of a long text some of them."""
    pairs = [(sequence[:-step], sequence[step:]) for step in range(1, WINDOW + 1) if len(sequence) > step]
    if not pairs:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    centre, context = (np.concatenate([pair[side] for pair in pairs]) for side in range(2))
    apart = centre != context
    centre, context = centre[apart], context[apart]
    if len(centre) <= MOST_PAIRS:
        return centre, context
    chosen = np.sort(random.choice(len(centre), MOST_PAIRS, replace=False))
    return centre[chosen], context[chosen]


def nearest_words(vectors: np.ndarray, names: list[str], frequency: list[int], count: int = 10) -> list[dict[str, Any]]:
    """The nearest words of each word by the cosine of their vectors, the most frequent word first."""
    unit = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    found = []
    for word in np.argsort(-np.array(frequency), kind="stable"):
        likeness = unit @ unit[word]
        likeness[word] = -np.inf
        near = np.argsort(-likeness, kind="stable")[: min(count, len(names) - 1)]
        found.append({
            "word": names[word], "times": int(frequency[word]),
            "near": [{"word": names[other], "similarity": round(float(likeness[other]), 4)} for other in near],
        })  # fmt: skip
    return found
