"""How good texts are: counts by row, metrics of all rows from their sums, and intervals by drawing rows again.

Word error rate is edits by words of the reference (NIST; it may be above 1), chrF is Popović 2015 with six orders and beta 2 as
sacreBLEU computes it, ROUGE-L is the F-measure of the longest common subsequence (Lin 2004), averaged over the rows.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from atoll_engines.sequences.words import common_length, distance, edits, normalised
from atoll_engines.tabular.bootstrap import CONFIDENCE, resampled_weights

METRICS = {
    "transcription": ("word_error_rate", "character_error_rate", "exact_match", "perplexity"),
    "seq2seq": ("chrf", "rouge_l", "exact_match", "perplexity"),
}
LOWER_IS_BETTER = frozenset({"word_error_rate", "character_error_rate", "perplexity"})
ORDERS, BETA = 6, 2.0
WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class Answers:
    """What was wanted of some rows and what was said, and what the wanted tokens cost under the model (NaN where not known)."""

    wanted: list[str]
    said: list[str]
    surprise: np.ndarray
    tokens: np.ndarray


def counts(task: str, answers: Answers) -> dict[str, np.ndarray]:
    """By metric what each row adds, [rows, numbers]."""
    pairs = list(zip(answers.wanted, answers.said, strict=True))
    known = np.isfinite(answers.surprise)
    found: dict[str, list[Any]] = {
        "exact_match": [[float(same(task, wanted, said)), 1.0] for wanted, said in pairs],
        "perplexity": np.column_stack([np.where(known, answers.surprise, 0.0), np.where(known, answers.tokens, 0)]).tolist(),
    }
    if task == "transcription":
        plain = [(normalised(wanted), normalised(said)) for wanted, said in pairs]
        found["word_error_rate"] = [[distance(wanted.split(), said.split()), len(wanted.split())] for wanted, said in plain]
        found["character_error_rate"] = [[distance(wanted, said), len(wanted)] for wanted, said in plain]
    else:
        found["chrf"] = [character_counts(wanted, said) for wanted, said in pairs]
        found["rouge_l"] = [[rouge_l(wanted, said), 1.0] for wanted, said in pairs]
    return {name: np.array(found[name], np.float64) for name in METRICS[task]}


def same(task: str, wanted: str, said: str) -> bool:
    """A transcript is right whatever its case and signs; another text must be as it was wanted, but for blanks around it."""
    return normalised(wanted) == normalised(said) if task == "transcription" else wanted.strip() == said.strip()


def from_sums(metric: str, sums: np.ndarray) -> np.ndarray:
    """A metric from what rows add up to, [resamples, numbers]; NaN where there was nothing to count."""
    with np.errstate(divide="ignore", invalid="ignore"):
        if metric == "perplexity":
            return np.exp(sums[:, 0] / sums[:, 1])
        return chrf(sums) if metric == "chrf" else sums[:, 0] / sums[:, 1]


def score_all(task: str, answers: Answers) -> dict[str, float]:
    """Every metric of the task over all rows."""
    return {name: float(from_sums(name, by_row.sum(axis=0)[None])[0]) for name, by_row in counts(task, answers).items()}


def with_intervals(task: str, answers: Answers, resamples: int, seed: int) -> dict[str, dict[str, Any]]:
    """Every metric with a bootstrap percentile interval over rows."""
    by_row = counts(task, answers)
    rows = len(answers.wanted)
    random = np.random.default_rng(seed)
    drawn: dict[str, list[np.ndarray]] = {name: [] for name in by_row}
    for weights in resampled_weights(rows, resamples, random):
        for name, values in by_row.items():
            drawn[name].append(from_sums(name, weights @ values))
    tail = 100 * (1 - CONFIDENCE) / 2
    result = {}
    for name, values in by_row.items():
        value = float(from_sums(name, values.sum(axis=0)[None])[0])
        spread = np.concatenate(drawn[name])
        spread = spread[np.isfinite(spread)]
        low, high = np.percentile(spread, [tail, 100 - tail]) if len(spread) else (np.nan, np.nan)
        method = f"bootstrap percentile, {resamples} resamples of rows"
        result[name] = {"value": value, "low": float(low), "high": float(high), "method": method}
    return result


def gain(metric: str) -> Callable[[float], float]:
    """A score such that more is better."""
    return (lambda value: -value) if metric in LOWER_IS_BETTER else (lambda value: value)


def character_counts(wanted: str, said: str) -> list[float]:
    """By order: n-grams said, wanted, and both."""
    wanted, said = "".join(wanted.split()), "".join(said.split())
    found: list[float] = []
    for order in range(1, ORDERS + 1):
        ours, theirs = grams(said, order), grams(wanted, order)
        found += [ours.total(), theirs.total(), (ours & theirs).total()]
    return found


def grams(text: str, order: int) -> Counter[str]:
    return Counter(text[place : place + order] for place in range(len(text) - order + 1))


def chrf(sums: np.ndarray) -> np.ndarray:
    """The F-score of the mean precision and the mean recall over the orders that both texts have."""
    table = sums.reshape(len(sums), ORDERS, 3)
    said, wanted, both = table[:, :, 0], table[:, :, 1], table[:, :, 2]
    there = (said > 0) & (wanted > 0)
    orders = np.maximum(1, there.sum(axis=1))
    precision = np.where(there, both / np.maximum(1, said), 0).sum(axis=1) / orders
    recall = np.where(there, both / np.maximum(1, wanted), 0).sum(axis=1) / orders
    below = BETA**2 * precision + recall
    return np.where(below > 0, (1 + BETA**2) * precision * recall / np.maximum(below, 1e-300), 0.0)


def rouge_l(wanted: str, said: str) -> float:
    ours, theirs = WORD.findall(said.casefold()), WORD.findall(wanted.casefold())
    if not ours or not theirs:
        return float(ours == theirs)
    common = common_length(theirs, ours)
    if common == 0:
        return 0.0
    precision, recall = common / len(ours), common / len(theirs)
    return 2 * precision * recall / (precision + recall)


def error_counts(wanted: Sequence[str], said: Sequence[str]) -> dict[str, int]:
    """What a word error rate is made of."""
    pairs = [(normalised(one).split(), normalised(other).split()) for one, other in zip(wanted, said, strict=True)]
    table = np.array([[*edits(one, other), len(one)] for one, other in pairs], np.int64).reshape(-1, 4)
    swapped, lost, added, words = (int(value) for value in table.sum(axis=0))
    return {"substitutions": swapped, "deletions": lost, "insertions": added, "words": words}
