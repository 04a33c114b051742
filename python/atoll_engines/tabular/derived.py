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
from atoll_engines.tabular.preparation import Derived, Recipes
from atoll_engines.tabular.trial import Trials, fit_model

MOST_PROPOSALS = 12
QUICK_ROUNDS = 100


class Judge:
    """Scores sets of derived features fold by fold with a small model, so that the features are all that differs."""

    def __init__(self, trials: Trials, algorithm: Algorithm, proposals: list[Derived]) -> None:
        self.trials, self.algorithm = trials, algorithm
        self.values = {one.name: computed(trials.preparation.recipes, one) for one in proposals}
        self.params = dict(algorithm.defaults)
        if algorithm.rounds:
            self.params |= {algorithm.rounds: QUICK_ROUNDS, "learning_rate": 0.1, "stop_early": False}
        if "num_leaves" in self.params:
            self.params["num_leaves"] = 15

    def scores(self, derived: list[Derived]) -> list[float] | None:
        """The metric on each fold with these features beside the usual ones, or None where one cannot be computed."""
        added = [self.values[one.name] for one in derived]
        if any(values is None for values in added):
            return None
        result = []
        for number, fold in enumerate(self.trials.division.folds):
            base = self.trials.preparation.fold(self.algorithm.family, number, fold)
            x_train = beside(base.x_train, added, base.train_rows)
            x_valid = beside(base.x_valid, added, fold.valid)
            model = fit_model(self.algorithm, self.params, x_train, base.y_train, self.trials.setting)
            result.append(self.trials.fold_score(base.y_valid, model.predict(x_valid)))
        return result


def keep_what_pays(
    trials: Trials, algorithm: Algorithm, report: Report, checkpoint: Path, until: float
) -> list[dict[str, Any]]:
    """Try the proposals one after the other, each on top of those kept before it.

    A proposal is kept when the mean gain over the folds, paired, is more than twice its standard error: with a dozen of them,
    one standard error would let noise in.
    Leaves the preparation using the kept ones, and returns the record of all.
    """
    preparation = trials.preparation
    if checkpoint.is_file():
        record = json.loads(checkpoint.read_text("utf-8"))
        preparation.use_derived([Derived(one["name"], one["expression"]) for one in record if one["kept"]])
        return record
    proposals = proposed(preparation.recipes)[:MOST_PROPOSALS]
    if not proposals:
        return []
    report.progress("features", 0, len(proposals), None, "trying derived features")
    judge = Judge(trials, algorithm, [one for one, _ in proposals])
    before = judge.scores([])
    kept: list[Derived] = []
    record = []
    for number, (candidate, why) in enumerate(proposals):
        if time.monotonic() > until:
            record.append(line(candidate, why, None, False, "not tried: the budget for features was spent"))
            continue
        after = judge.scores([*kept, candidate])
        gain, error = paired_gain(trials.metric, before, after)
        pays = after is not None and gain > max(2 * error, 1e-4 * abs(float(np.mean(before))))
        reason = verdict(trials.metric, gain, error, pays) if after is not None else "it cannot be computed"
        record.append(line(candidate, why, gain if after is not None else None, pays, reason))
        if pays:
            kept, before = [*kept, candidate], after
        report.progress("features", number + 1, len(proposals), None, f"{candidate.name}: {reason}")
    preparation.use_derived(kept)
    write_json(checkpoint, record)
    return record


def proposed(choice: Recipes) -> list[tuple[Derived, str]]:
    found = recipes.propose_derived(choice.frame, choice.schema, choice.target, choice.task, choice.seed)
    return [(Derived(one["name"], one["expression"]), one.get("why", "")) for one in found]


def computed(choice: Recipes, one: Derived) -> np.ndarray | None:
    try:
        return choice.derived_values([one])[:, 0]
    except EngineError:
        return None


def beside(x: np.ndarray, added: list[np.ndarray], rows: np.ndarray) -> np.ndarray:
    return np.column_stack([x, *(values[rows] for values in added)]) if added else x


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
