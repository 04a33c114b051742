"""What a text model pays attention to, over many texts."""

from __future__ import annotations

import re
import time
from collections import defaultdict
from typing import Any

import numpy as np

from atoll_engines.text.pipeline import TextPipeline
from atoll_engines.text.tfidf_linear import TOP_TERMS, TfidfLinear

WORD = re.compile(r"\w{2,}")
MOST_TEXTS, MOST_WORDS, LEAST_SEEN = 120, 60, 3


def explained(pipeline: TextPipeline, texts: np.ndarray, metric: str, seconds: float, seed: int) -> dict[str, Any]:
    """`terms`: for each class those that pull most towards it, and how that was found."""
    if isinstance(pipeline.model, TfidfLinear):
        how = "the model's own weights of each term"
        found = pipeline.model.top_terms()
    else:
        how = "how much the answer changes, on held-out texts, when the word is left out"
        found = by_leaving_out(pipeline, texts, seconds, seed)
    names = pipeline.classes or (None,)
    return {"terms": [{"class": names[one["class"]], "terms": one["terms"]} for one in found], "termsFrom": how}


def by_leaving_out(pipeline: TextPipeline, texts: np.ndarray, seconds: float, seed: int) -> list[dict[str, Any]]:
    """The mean change of each class's answer when a word is taken out (Zeiler and Fergus 2014, for words)."""
    until = time.monotonic() + seconds
    random = np.random.default_rng(seed)
    changes: dict[str, list[np.ndarray]] = defaultdict(list)
    for place in random.permutation(len(texts))[:MOST_TEXTS]:
        if time.monotonic() > until:
            break
        text = str(texts[place])
        words = list(dict.fromkeys(word.lower() for word in WORD.findall(text)))[:MOST_WORDS]
        if not words:
            continue
        without = [re.sub(rf"\b{re.escape(word)}\b", "", text, flags=re.IGNORECASE) for word in words]
        answers = pipeline.predict_texts(np.array([text, *without], dtype=object)).astype(np.float64)
        answers = answers[:, None] if answers.ndim == 1 else answers
        for word, answer in zip(words, answers[1:], strict=True):
            changes[word].append(answers[0] - answer)
    mean = {word: np.mean(found, axis=0) for word, found in changes.items() if len(found) >= LEAST_SEEN}
    result = []
    for k in range(len(pipeline.classes or (None,))):
        ordered = sorted(mean, key=lambda word: (-mean[word][k], word))[:TOP_TERMS]
        result.append({"class": k, "terms": [{"term": word, "weight": float(mean[word][k])} for word in ordered if mean[word][k] > 0]})
    return result
