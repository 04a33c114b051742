"""Topics to look at: their words, how much there is of each, and the texts that are most about them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from atoll_engines.recipes.raw import column_values
from atoll_engines.unsupervised.describe.groups import label_counts
from atoll_engines.unsupervised.pipeline import Pipeline
from atoll_engines.unsupervised.topics.measure import TopicMeasure

SHOWN_WORDS, SHOWN_TEXTS, LONGEST_TEXT = 20, 5, 400


def describe_topics(
    pipeline: Pipeline, frame: pd.DataFrame, counts: np.ndarray, answer: dict[str, np.ndarray], labels: np.ndarray | None
) -> list[dict[str, Any]]:
    """Each topic: its first words with their weights, its share, its coherence and example texts."""
    words, names = pipeline.model.words(), pipeline.preparation.names
    topics = answer["topics"]
    main = topics.argmax(axis=1)
    texts = column_values(frame, pipeline.preparation.column)
    measured = TopicMeasure(pipeline, counts, answer, None)
    every = np.ones(len(topics))
    found = []
    for number, weights in enumerate(words):
        order = np.argsort(-weights, kind="stable")[:SHOWN_WORDS]
        most = np.argsort(-topics[:, number], kind="stable")[:SHOWN_TEXTS]
        measured.top = np.argsort(-words[number : number + 1], axis=1, kind="stable")[:, :10]
        inside = main == number
        found.append(
            {
                "topic": number,
                "words": [{"word": names[word], "weight": float(weights[word])} for word in order],
                "share": float(topics[:, number].mean()),
                "rows": int(inside.sum()),
                "coherence": measured.coherence(every),
                "examples": [
                    {"row": int(frame.index[row]), "share": float(topics[row, number]), "text": str(texts[row])[:LONGEST_TEXT]}
                    for row in most
                ],
                "labels": None if labels is None else label_counts(labels[inside]),
            }
        )
    return found
