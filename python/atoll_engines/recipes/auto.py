"""Chooses a recipe from the data's profile, with the reason for each step."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from .column_profile import ID_WORDS, ColumnProfile, profiles, words_of
from .evidence import tells_nothing
from .raw import InputColumn

# A share of missing values above which filling would be inventing.
_MOSTLY_MISSING = 0.95
# A share of distinct labels above which a column names rows rather than groups them.
_MOSTLY_DISTINCT = 0.8
_LEAST_ROWS_TO_JUDGE = 30
_MOST_ONE_HOT = {"tree": 10, "linear": 30, "distance": 15, "embedding": 15}
_SKEWED = 3.0
_MOST_WORD_CELLS = 100_000_000
# Copies are looked for among so many columns, on so many rows.
_MOST_COMPARED, _COMPARED_ROWS = 1000, 4000

Family = str | None


@dataclass
class Plan:
    """Steps with a reason each, in order."""

    steps: list[dict[str, Any]] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)

    def add(self, step: dict[str, Any], reason: str) -> None:
        self.steps.append(step)
        self.reasons.append(reason)


def auto_recipe(
    frame: pd.DataFrame, schema: Sequence[InputColumn], target: np.ndarray | None, task: str, seed: int, for_algorithm: Family = None
) -> tuple[list[dict[str, Any]], list[str]]:
    """Steps for a family of algorithms ("tree", "linear", "distance", "embedding", "pairs"; None: one for all), and why each is there."""
    facts, rows = profiles(frame, schema, seed)
    labels = None if target is None else np.asarray(target)[rows]
    plan = Plan()
    # Who a user is may say nothing by itself and everything together with the item, so of pairs no label goes for lack of signal.
    kept = _without_useless(plan, facts, None if for_algorithm == "pairs" else labels, task)
    for_algorithm = "embedding" if for_algorithm == "pairs" else for_algorithm
    _dates(plan, [fact for fact in kept if fact.type == "datetime"], for_algorithm)
    names = _names_of_things(plan, kept) if for_algorithm == "embedding" else []
    numbers = [fact for fact in kept if fact.is_numeric and fact not in names]
    # Boosted and bagged trees send missing values down a branch of their own, so they get no filling.
    if for_algorithm != "tree":
        numbers = _without_copies(plan, numbers)
        _fill(plan, numbers, has_dates=any(fact.type == "datetime" for fact in kept))
        _straighten(plan, numbers)
    labels = [fact for fact in kept if fact.type == "category" or fact in names]
    if for_algorithm == "embedding":
        _scale_and_code(plan, labels, has_numbers=len(labels) < len(kept))
    else:
        _categories(plan, labels, for_algorithm)
    if for_algorithm not in ("tree", "embedding"):
        plan.add(
            {"step": "standard_scale", "columns": "*numbers"},
            "Linear and distance-based models weigh columns by their scale, so all get mean 0 and standard deviation 1.",
        )
    # After the scaling: a rare word must not be blown up until it weighs as much as a frequent one.
    _texts(plan, [fact for fact in kept if fact.type == "text"], len(frame), for_algorithm)
    return plan.steps, plan.reasons


def _without_useless(plan: Plan, facts: list[ColumnProfile], target: np.ndarray | None, task: str) -> list[ColumnProfile]:
    """Takes out constants, nearly empty columns, identifiers and labels without signal; says why for each."""
    why: dict[str, str] = {}
    for fact in facts:
        reason = _useless(fact) or (_no_signal(fact, target, task) if target is not None else None)
        if reason:
            why[fact.name] = reason
    kept = [fact for fact in facts if fact.name not in why]
    if why and kept:
        plan.add({"step": "drop_columns", "columns": list(why)}, " ".join(f"{name} {reason}." for name, reason in why.items()))
        return kept
    return facts


def _useless(fact: ColumnProfile) -> str | None:
    if fact.distinct == 0:
        return "has no value at all"
    if fact.is_constant:
        return "has the same value in every row"
    if fact.missing > _MOSTLY_MISSING:
        return f"misses {fact.missing:.0%} of its values"
    if fact.rows < _LEAST_ROWS_TO_JUDGE:
        return None
    present = fact.rows * (1 - fact.missing)
    if fact.type == "category" and fact.distinct > _MOSTLY_DISTINCT * present:
        return f"has {fact.distinct:,} different values in {fact.rows:,} rows, so it names rows rather than describes them"
    if fact.type == "integer" and fact.distinct == fact.rows and _looks_like_id(fact):
        return "has a different number in every row, like an identifier"
    return None


def _looks_like_id(fact: ColumnProfile) -> bool:
    steps = np.diff(fact.values)
    in_order = bool((steps > 0).all() or (steps < 0).all())
    named = bool(ID_WORDS.intersection(words_of(fact.name)[-1:] + words_of(fact.name)[:1]))
    return in_order or named


def _no_signal(fact: ColumnProfile, target: np.ndarray, task: str) -> str | None:
    """Labels with many values cost a model much; they stay only where the target differs between them."""
    if fact.type != "category" or fact.distinct <= _MOST_ONE_HOT["tree"]:
        return None
    verdict = tells_nothing(fact.values, target, task)
    return None if verdict is None else f"has {fact.distinct:,} values between which the target hardly differs ({verdict})"


def _dates(plan: Plan, dates: list[ColumnProfile], family: Family) -> None:
    if not dates:
        return
    times = np.concatenate([fact.values[~np.isnan(fact.values)] for fact in dates])
    days = (max(fact.high for fact in dates) - min(fact.low for fact in dates)) / 86_400_000
    parts = ["year"] if days > 366 else []
    parts += ["month", "day"] if days > 31 else ["day"]
    parts += ["weekday", "is_weekend"]
    parts += ["hour"] if np.any(times % 86_400_000) else []
    cycles = [f"{part}_{wave}" for part in parts if part in ("month", "weekday", "hour") for wave in ("sin", "cos")]
    names = ", ".join(fact.name for fact in dates)
    plan.add(
        {"step": "time_since", "columns": [fact.name for fact in dates], "reference": "latest", "unit": "days", "keep": True},
        f"{names}: the age of a moment is a number that every model can use.",
    )
    if family in ("linear", "distance", "embedding"):
        plan.add(
            {"step": "date_parts", "columns": [fact.name for fact in dates], "parts": [*parts, *cycles]},
            f"{names}: calendar effects, also as circles so that December is next to January.",
        )
    else:
        plan.add(
            {"step": "date_parts", "columns": [fact.name for fact in dates], "parts": parts},
            f"{names}: calendar effects (only the parts that vary in the training rows).",
        )


def _texts(plan: Plan, texts: list[ColumnProfile], rows: int, family: Family) -> None:
    if texts:
        # Features are a dense matrix, so a long table gets fewer words.
        most = {"tree": 300, "distance": 300, "linear": 6000 // len(texts)}.get(family or "", 2000)
        words = min(most, max(20, _MOST_WORD_CELLS // rows // len(texts)))
        step = {"step": "tfidf", "columns": [fact.name for fact in texts], "maxFeatures": words, "ngrams": 1 if words < 1000 else 2}
        plan.add(
            step | ({} if family == "tree" else {"sublinear": True}),
            f"{', '.join(fact.name for fact in texts)}: free text enters as the weights of its most frequent words.",
        )


def _without_copies(plan: Plan, numbers: list[ColumnProfile]) -> list[ColumnProfile]:
    """For linear models, of columns that are the same up to a factor only the first stays."""
    alike = _alike(numbers[:_MOST_COMPARED])
    kept, copies = [], {}
    for index, fact in enumerate(numbers):
        twin = next((numbers[other].name for other in np.flatnonzero(alike[index, :index])), None) if index < len(alike) else None
        if twin is None:
            kept.append(fact)
        else:
            copies[fact.name] = twin
    if copies:
        said = "; ".join(f"{name} repeats {twin}" for name, twin in copies.items())
        plan.add(
            {"step": "drop_columns", "columns": list(copies)}, f"{said} (correlation above 0.9999), which a linear model cannot tell apart."
        )
    return kept


def _alike(numbers: list[ColumnProfile]) -> np.ndarray:
    """Which pairs of columns correlate above 0.9999, with missing values in the same places."""
    if not numbers:
        return np.zeros((0, 0), dtype=bool)
    rows = slice(None, None, max(1, numbers[0].rows // _COMPARED_ROWS))
    values = np.column_stack([fact.values[rows] for fact in numbers])
    present = np.isfinite(values)
    means = np.where(present, values, 0.0).sum(axis=0) / np.maximum(present.sum(axis=0), 1)
    centred = np.where(present, values - means, 0.0)
    lengths = np.sqrt((centred**2).sum(axis=0))
    unit = centred / np.where(lengths > 0, lengths, 1.0)
    gaps = present.astype(np.float64)
    apart = present.sum(axis=0)[:, None] + present.sum(axis=0)[None, :] - 2.0 * (gaps.T @ gaps)
    return (np.abs(unit.T @ unit) > 0.9999) & (apart <= 0.001 * len(values))


def _fill(plan: Plan, numbers: list[ColumnProfile], has_dates: bool) -> None:
    missing = [fact for fact in numbers if fact.missing > 0]
    # Rarer than this, a column that marks the missing ones would be learned by heart.
    marked = any(fact.missing >= 0.02 for fact in missing)
    if not numbers and not has_dates:
        return
    if missing:
        listed = ", ".join(f"{fact.name} ({fact.missing:.1%})" for fact in missing[:8])
        verb = "misses" if len(missing) == 1 else "miss"
        mark = "; that it does is kept as a column" if marked else ""
        reason = f"{listed} {verb} values, which these models cannot take, so the training median stands in{mark}."
    else:
        reason = "No number is missing in the training rows, but a served row may miss one; it then gets the training median."
    plan.add({"step": "impute", "columns": "*numbers", "strategy": "median", "indicator": marked}, reason)


def _straighten(plan: Plan, numbers: list[ColumnProfile]) -> None:
    skewed = [fact for fact in numbers if abs(fact.skewness) > _SKEWED and fact.distinct > 10]
    if skewed:
        listed = ", ".join(f"{fact.name} ({fact.skewness:+.1f})" for fact in skewed[:8])
        plan.add(
            {"step": "log", "columns": [fact.name for fact in skewed]},
            f"{listed}: so skewed that a few large values would rule; the logarithm pulls them in.",
        )


def _categories(plan: Plan, labels: list[ColumnProfile], family: Family) -> None:
    limit = _MOST_ONE_HOT[family or "distance"]
    two = [fact for fact in labels if fact.distinct <= 2 and fact.missing == 0] if family == "tree" else []
    few = [fact for fact in labels if fact not in two and fact.distinct <= limit]
    many = [fact for fact in labels if fact.distinct > limit]
    if two:
        plan.add(
            {"step": "ordinal", "columns": [fact.name for fact in two]},
            f"{_names(two)}: two values each, so one number holds them; an unseen value is -1.",
        )
    if many:
        listed = ", ".join(f"{fact.name} ({fact.distinct:,})" for fact in many)
        plan.add(
            {"step": "target_encode", "columns": [fact.name for fact in many]},
            f"{listed}: too many values for a column each; the smoothed, cross-fitted target mean says as much in one.",
        )
    if few:
        plan.add(
            {"step": "one_hot", "columns": [fact.name for fact in few]},
            f"{_names(few)}: at most {limit} values each, so each value gets a column; unseen values are all zeros.",
        )


def _names_of_things(plan: Plan, facts: list[ColumnProfile]) -> list[ColumnProfile]:
    """Whole numbers that name things (userId): their size says nothing, so they become categories."""
    names = [fact for fact in facts if fact.names_things]
    if names:
        plan.add(
            {"step": "convert", "columns": [fact.name for fact in names], "to": "category"},
            f"{_names(names)}: by name and values a number that names things, so each value is a category.",
        )
    return names


def _scale_and_code(plan: Plan, labels: list[ColumnProfile], has_numbers: bool) -> None:
    """For models that learn a vector for each category: scaled numbers, and codes that stay codes."""
    if has_numbers:
        plan.add(
            {"step": "standard_scale", "columns": "*numbers"},
            "Networks and factorisation machines learn best from numbers of mean 0 and standard deviation 1.",
        )
    missing = [fact for fact in labels if fact.missing > 0]
    if missing:
        plan.add(
            {"step": "impute", "columns": [fact.name for fact in missing], "strategy": "missing_category"},
            f"{_names(missing)}: that a value is missing gets a vector of its own.",
        )
    if labels:
        plan.add(
            {"step": "ordinal", "columns": [fact.name for fact in labels]},
            f"{_names(labels)}: a code for each value, for which the model learns a vector; unseen values share one of their own.",
        )


def _names(facts: list[ColumnProfile]) -> str:
    return ", ".join(fact.name for fact in facts)
