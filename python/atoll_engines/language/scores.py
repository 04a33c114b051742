"""Figures of a language model over sealed rows, and how sure they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import nn

from atoll_engines.language.objectives import preferred, sums_of
from atoll_engines.language.records import Records
from atoll_engines.language.sequences import Encoder, scored_sequences
from atoll_engines.tabular.bootstrap import CONFIDENCE, resampled_weights


@dataclass
class RowScores:
    """Of each row: its negative log-likelihood and tokens, and where it has them what its answer, its choices and its pair came to."""

    row: np.ndarray
    sums: np.ndarray
    counts: np.ndarray
    likeliest: np.ndarray | None = None
    right: np.ndarray | None = None
    picked: np.ndarray | None = None
    # log-likelihood of the chosen answer less that of the rejected one.
    ahead: np.ndarray | None = None


def score_rows(module: nn.Module, records: Records, encoder: Encoder) -> RowScores:
    """Ask the model about every row."""
    pad = encoder.tokens.pad
    sequences = scored_sequences(records, encoder)
    said = sums_of(module, sequences, pad)
    numbers = {one.row: at for at, one in enumerate(records.rows)}
    places = np.array([numbers[one.row] for one in sequences])
    sums = np.bincount(places, said["sums"], len(records))
    counts = np.bincount(places, said["counts"], len(records)).astype(np.int64)
    scores = RowScores(np.array([one.row for one in records.rows]), sums, counts)
    if records.form in ("completion", "chat", "choice"):
        scores.likeliest = said["likeliest"].astype(float)
    if records.form == "preference":
        other = sums_of(module, [encoder.pair(one, one.rejected) for one in records.rows], pad)
        scores.ahead = other["sums"] - said["sums"]
    if any(one.choices for one in records.rows):
        scores.picked, scores.right = picked_choices(module, records, encoder)
    return scores


def picked_choices(module: nn.Module, records: Records, encoder: Encoder) -> tuple[np.ndarray, np.ndarray]:
    """The choice whose log-likelihood by byte is highest (Brown et al. 2020, section 2.4), and whether it is right; NaN without choices."""
    asked = [(at, number, text) for at, one in enumerate(records.rows) for number, text in enumerate(one.choices)]
    sequences = [encoder.pair(records.rows[at], text) for at, _, text in asked]
    said = sums_of(module, sequences, encoder.tokens.pad)
    # The end of an answer is the same for all: left out, so that a choice is judged by its words.
    by_byte = [-total / max(1, len(text.encode())) for total, (_, _, text) in zip(said["sums"], asked, strict=True)]
    best: dict[int, tuple[float, int]] = {}
    for value, (at, number, _) in zip(by_byte, asked, strict=True):
        if at not in best or value > best[at][0]:
            best[at] = (value, number)
    picked = np.array([best[at][1] if at in best else np.nan for at in range(len(records))], float)
    right = np.array([one.answer if one.choices else np.nan for one in records.rows], float)
    return picked, np.where(np.isnan(picked), np.nan, picked == right)


def values_of(scores: RowScores, weights: np.ndarray, reference: RowScores | None, beta: float) -> dict[str, np.ndarray]:
    """Every metric for each row of weights [resamples, rows]."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        found = {"perplexity": np.exp(np.minimum(weights @ scores.sums / np.maximum(1, weights @ scores.counts), 700.0))}
        total = weights.sum(axis=1)
        if scores.likeliest is not None:
            found["exact_match"] = weights @ scores.likeliest / total
        if scores.right is not None:
            there = ~np.isnan(scores.right)
            found["accuracy"] = weights[:, there] @ scores.right[there] / weights[:, there].sum(axis=1)
        if scores.ahead is not None:
            margins = beta * (scores.ahead - (reference or scores).ahead)
            found["preference_accuracy"] = weights @ preferred(margins) / total
            found["preference_margin"] = weights @ margins / total
    return found


def with_intervals(
    scores: RowScores, reference: RowScores | None, beta: float, resamples: int, seed: int
) -> tuple[dict[str, dict[str, Any]], dict[str, np.ndarray]]:
    """Each metric with a percentile interval over resampled rows (Efron and Tibshirani 1993), and its resamples, which two models share."""
    rows = len(scores.row)
    values = {name: float(one[0]) for name, one in values_of(scores, np.ones((1, rows)), reference, beta).items()}
    drawn: dict[str, list[np.ndarray]] = {name: [] for name in values}
    for weights in resampled_weights(rows, resamples, np.random.default_rng(seed)):
        for name, one in values_of(scores, weights, reference, beta).items():
            drawn[name].append(one)
    tail = 100 * (1 - CONFIDENCE) / 2
    together = {name: np.concatenate(parts) for name, parts in drawn.items()}
    metrics = {}
    for name, value in values.items():
        finite = together[name][np.isfinite(together[name])]
        low, high = np.percentile(finite, [tail, 100 - tail]) if len(finite) else (np.nan, np.nan)
        metrics[name] = {
            "value": value,
            "low": float(low),
            "high": float(high),
            "method": f"bootstrap percentile over rows, {resamples} resamples",
        }
    return metrics, together


def compared(metric: str, before: np.ndarray, after: np.ndarray, values: tuple[float, float]) -> dict[str, Any]:
    """Whether the difference of two models on the same resampled rows is one. Of perplexities the ratio is told too."""
    tail = 100 * (1 - CONFIDENCE) / 2
    difference = values[1] - values[0]
    low, high = (float(one) for one in np.percentile(after - before, [tail, 100 - tail]))
    is_lower_better = metric == "perplexity"
    name = metric.replace("_", " ")
    if low <= 0 <= high:
        verdict = f"On the sealed rows the {name} after training does not differ significantly from that before"
    else:
        verdict = f"Training {'lowered' if difference < 0 else 'raised'} the {name} on the sealed rows"
        verdict += "" if (difference < 0) == is_lower_better else ": it became worse"
    interval = f"difference {difference:.4g}, 95 % interval {low:.4g} to {high:.4g}, rows paired"
    sentence = f"{verdict}: {values[1]:.4g} after, {values[0]:.4g} before ({interval})."
    return {"metric": metric, "difference": difference, "low": low, "high": high, "sentence": sentence}
