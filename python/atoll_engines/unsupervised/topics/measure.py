"""What topics are worth: coherence, perplexity and diversity."""

from __future__ import annotations

import numpy as np

from atoll_engines.unsupervised.metrics.groups import agreement
from atoll_engines.unsupervised.pipeline import Pipeline

COHERENT_WORDS, DIVERSE_WORDS = 10, 25
# Which half of each text is given and which is to be foretold is drawn the same way every time.
HALVES_SEED = 20_030_301


class TopicMeasure:
    """Topics of rows; every figure takes a weight for each row."""

    def __init__(self, pipeline: Pipeline, counts: np.ndarray, answer: dict[str, np.ndarray], labels: np.ndarray | None) -> None:
        self.topics, self.labels = answer["topics"], labels
        words = pipeline.model.words()
        self.top = np.argsort(-words, axis=1, kind="stable")[:, :COHERENT_WORDS]
        self.present = (counts[:, np.unique(self.top)] > 0).astype(np.float64)
        self.place = {int(word): place for place, word in enumerate(np.unique(self.top))}
        self.diversity = topic_diversity(words)
        self.logs, self.tokens = foretold(pipeline, counts)

    def all(self, weights: np.ndarray | None = None) -> dict[str, float]:
        weights = np.ones(len(self.topics)) if weights is None else weights
        tokens = float(weights @ self.tokens)
        found = {
            "coherence": self.coherence(weights),
            "perplexity": float(np.exp(-(weights @ self.logs) / tokens)) if tokens else float("nan"),
            "diversity": self.diversity,
        }
        if self.labels is not None:
            agreed = agreement(self.topics.argmax(axis=1), self.labels, weights)
            found["normalized_mutual_information"] = agreed["normalized_mutual_information"]
        return found

    def coherence(self, weights: np.ndarray) -> float:
        """Normalised pointwise mutual information (Bouma 2009) of the topics' first ten words, by these rows' texts."""
        together = self.present.T @ (self.present * weights[:, None]) / weights.sum()
        alone = np.diag(together)
        values = []
        for words in self.top:
            places = [self.place[int(word)] for word in words]
            for first, one in enumerate(places):
                for other in places[first + 1 :]:
                    # A word that these rows never use tells nothing about the topic.
                    if alone[one] > 0 and alone[other] > 0:
                        values.append(npmi(together[one, other], alone[one], alone[other]))
        return float(np.mean(values)) if values else float("nan")


def npmi(both: float, one: float, other: float) -> float:
    if both <= 0:
        return -1.0
    return 1.0 if both >= 1 else float(np.log(both / (one * other)) / -np.log(both))


def topic_diversity(words: np.ndarray) -> float:
    """The share of different words among the first 25 of every topic (Dieng, Ruiz and Blei 2020)."""
    count = min(DIVERSE_WORDS, words.shape[1] // max(1, len(words)))
    top = np.argsort(-words, axis=1, kind="stable")[:, : max(1, count)]
    return len(np.unique(top)) / top.size


def foretold(pipeline: Pipeline, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """By document completion (Wallach and others 2009): the log probability of one half of each text given the other, and its length."""
    random = np.random.default_rng(HALVES_SEED)
    given = random.binomial(counts.astype(np.int64), 0.5).astype(np.float32)
    rest = counts - given
    logs = np.zeros(len(counts))
    for start in range(0, len(counts), 512):
        part = slice(start, start + 512)
        chances = pipeline.model.decode(pipeline.model.answer(given[part])["topics"])
        logs[part] = np.sum(rest[part] * np.log(np.maximum(chances, 1e-12)), axis=1)
    return logs, rest.sum(axis=1).astype(np.float64)
