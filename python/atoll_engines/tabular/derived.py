"""Derived features: each proposal is kept only when it pays in cross-validation."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import numpy as np

from atoll_engines import recipes
from atoll_engines.contract import Report, write_json
from atoll_engines.errors import EngineError
from atoll_engines.tabular.algorithms.model import Algorithm
from atoll_engines.tabular.metrics import sign
from atoll_engines.tabular.preparation import Derived, Preparation
from atoll_engines.tabular.trial import Trials

MOST_PROPOSALS = 12
QUICK_ROUNDS = 120


def keep_what_pays(
    trials: Trials, algorithm: Algorithm, report: Report, checkpoint: Path, until: float
) -> list[dict[str, Any]]:
    """Try the proposals one after the other, each on top of those kept before it.

    A proposal is kept when the mean gain over the folds, paired, is more than its standard error.
    Leaves the preparation using the kept ones, and returns the record of all.
    """
    preparation = trials.preparation
    if checkpoint.is_file():
        record = json.loads(checkpoint.read_text("utf-8"))
        preparation.use_derived([Derived(one["name"], one["expression"]) for one in record if one["kept"]])
        return record
    proposals = proposed(preparation)[:MOST_PROPOSALS]
    if not proposals:
        return []
    report.progress("features", 0, len(proposals) + 1, None, "trying derived features")
    before = quick_scores(trials, algorithm)
    kept: list[Derived] = []
    record = []
    together = try_with(trials, algorithm, [one for one, _ in proposals]) if time.monotonic() < until else None
    for number, (candidate, why) in enumerate(proposals):
        if time.monotonic() > until:
            record.append(line(candidate, why, None, False, "not tried: the budget for features was spent"))
            continue
        after = try_with(trials, algorithm, [*kept, candidate])
        gain, error = paired_gain(trials.metric, before, after)
        pays = after is not None and gain > max(error, 1e-4 * abs(float(np.mean(before))))
        reason = verdict(trials.metric, gain, error, pays) if after is not None else "it cannot be computed"
        record.append(line(candidate, why, gain if after is not None else None, pays, reason))
        if pays:
            kept, before = [*kept, candidate], after
        report.progress("features", number + 1, len(proposals), None, f"{candidate.name}: {reason}")
    kept = better_together(trials.metric, before, together, kept, [one for one, _ in proposals], record)
    preparation.use_derived(kept)
    write_json(checkpoint, record)
    return record


def better_together(
    metric: str,
    alone: list[float],
    together: list[float] | None,
    kept: list[Derived],
    all_: list[Derived],
    record: list[dict[str, Any]],
) -> list[Derived]:
    """All proposals at once, where they clearly beat what was kept one by one."""
    gain, error = paired_gain(metric, alone, together)
    if together is None or gain <= error:
        return kept
    for one in record:
        if not one["kept"]:
            one["kept"] = True
            one["reason"] = f"pays together with the others: {metric} better by {gain:.4f} (standard error {error:.4f})"
    return all_


def proposed(preparation: Preparation) -> list[tuple[Derived, str]]:
    found = recipes.propose_derived(
        preparation.frame, preparation.schema, preparation.target, preparation.task, preparation.seed
    )
    return [(Derived(one["name"], one["expression"]), one.get("why", "")) for one in found]


def try_with(trials: Trials, algorithm: Algorithm, derived: list[Derived]) -> list[float] | None:
    """Scores by fold with these derived features, or None where a recipe cannot be fitted with them."""
    trials.preparation.use_derived(derived)
    try:
        return quick_scores(trials, algorithm)
    except EngineError:
        return None


def quick_scores(trials: Trials, algorithm: Algorithm) -> list[float]:
    """Scores of a small model with a fixed number of rounds, so that the features are all that differs."""
    params = dict(algorithm.defaults)
    if algorithm.rounds:
        params |= {algorithm.rounds: QUICK_ROUNDS, "learning_rate": 0.1, "stop_early": False}
    outcome = trials.run(algorithm, params, give_up=lambda interim: None)
    return outcome.interim


def paired_gain(metric: str, before: list[float], after: list[float] | None) -> tuple[float, float]:
    """The mean gain over the folds and its standard error."""
    if after is None:
        return 0.0, 0.0
    gains = sign(metric) * (np.array(after) - np.array(before))
    error = float(np.std(gains, ddof=1) / np.sqrt(len(gains))) if len(gains) > 1 else 0.0
    return float(np.mean(gains)), error


def verdict(metric: str, gain: float, error: float, pays: bool) -> str:
    moved = f"{metric} {'better' if gain >= 0 else 'worse'} by {abs(gain):.4f} (standard error {error:.4f})"
    return f"pays: {moved}" if pays else f"does not pay: {moved}"


def line(candidate: Derived, why: str, gain: float | None, kept: bool, reason: str) -> dict[str, Any]:
    return {
        "name": candidate.name, "expression": candidate.expression, "why": why, "gain": gain, "kept": kept,
        "reason": reason,
    }  # fmt: skip
