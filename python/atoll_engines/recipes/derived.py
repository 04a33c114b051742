"""Proposes derived features: sums, shares, ratios and counts that the columns' names and values suggest."""

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from .column_profile import ColumnProfile, profiles, words_of
from .columns import ValueColumns
from .expressions import column_text, evaluate, names_in, parse
from .raw import InputColumn

_MOST = 12
_MOST_TRIED = 120
_SAMPLE_ROWS = 20_000
# Beyond these sizes columns named alike are a series or a list of measurements, not the parts of a whole.
_MOST_PARTS, _MOST_UNITS = 16, 8
# Raw columns that the ranking model sees beside the candidates.
_MOST_RAW = 200
_YES = {"yes", "y", "true", "t", "1", "on"}
# A column called so is already a whole, or counts over another period: it is no part of a sum.
_NO_PART = {"total", "sum", "all", "overall", "avg", "average", "mean", "min", "max", "daily", "weekly", "monthly", "yearly", "annual"}
# Two candidates that rank the rows this much alike are one to a tree.
_ALIKE = 0.985


def propose_derived(
    frame: pd.DataFrame, schema: Sequence[InputColumn], target: np.ndarray | None, task: str, seed: int
) -> list[dict[str, str]]:
    """At most twelve candidates `{name, expression, why}`, the most promising first.

    Candidates come from names and units alone. The target only ranks them, by the gain they bring to boosted trees that see
    the raw columns too; whether one is worth keeping is for cross-validation to say.
    """
    facts, _ = profiles(frame, schema, seed)
    taken = {column.name for column in schema}
    candidates = _candidates([fact for fact in facts if not fact.is_constant and not fact.names_things and fact.missing < 0.9], taken)
    if not candidates:
        return []
    if target is None or len(np.unique(np.asarray(target))) < 2:
        return candidates[:_MOST]
    return _ranked(candidates[:_MOST_TRIED], frame, schema, np.asarray(target), task, seed)


def _candidates(facts: list[ColumnProfile], taken: set[str]) -> list[dict[str, str]]:
    numbers = [fact for fact in facts if fact.type in ("number", "integer") and fact.distinct > 5]
    found: dict[str, dict[str, str]] = {}

    def offer(name: str, expression: str, why: str) -> None:
        while name in taken:
            name += "_derived"
        if expression not in found and all(name != other["name"] for other in found.values()):
            found[expression] = {"name": name, "expression": expression, "why": why}

    groups = _like_named(numbers)
    for label, _, members in groups:
        total = " + ".join(column_text(name) for name in members)
        listed = ", ".join(members)
        offer(label, total, f"{listed} measure the same thing in parts; their sum is the whole.")
    for top, bottom in _siblings(numbers):
        offer(
            f"{top}_per_{words_of(bottom)[-1]}",
            f"{column_text(top)} / {column_text(bottom)}",
            f"{top} and {bottom} describe the same thing in different units; their ratio is the size of one.",
        )
    for members, word in _yes_groups(facts):
        counted = " + ".join(f'({column_text(name)} == "{word}")' for name in members)
        offer(f"count_of_{word.lower()}", counted, f'{", ".join(members)} share their values; this counts how many are "{word}".')
    for label, _, members in groups:
        total = " + ".join(column_text(name) for name in members)
        for name in members:
            part = _difference(name, members)
            offer(
                f"{part}_share_of_{label}", f"{column_text(name)} / ({total})", f"The share of {name} in the sum of {', '.join(members)}."
            )
    for one, other in _amounts(numbers):
        offer(f"{one}_per_{other}", f"{column_text(one)} / {column_text(other)}", f"{one} relative to {other}.")
    return list(found.values())


def _like_named(numbers: list[ColumnProfile]) -> list[tuple[str, str, list[str]]]:
    """Groups of columns whose names differ in one word and end in the same one (the unit): label, unit, members."""
    groups: dict[tuple, list[str]] = {}
    for fact in numbers:
        words = words_of(fact.name)
        for place in range(len(words) - 1):
            if words[place] not in _NO_PART:
                groups.setdefault((*words[:place], "*", *words[place + 1 :]), []).append(fact.name)
    found = [
        ("_".join(word for word in pattern if word != "*"), pattern[-1], members)
        for pattern, members in groups.items()
        if 2 <= len(members) <= _MOST_PARTS
    ]
    covered = {frozenset(members) for _, _, members in found}
    units: dict[str, list[str]] = {}
    for fact in numbers:
        words = words_of(fact.name)
        if len(words) > 1:
            units.setdefault(words[-1], []).append(fact.name)
    for unit, members in units.items():
        if 3 <= len(members) <= _MOST_PARTS and frozenset(members) not in covered:
            found.append((f"all_{unit}", unit, members))
    return sorted(found, key=lambda group: -len(group[2]))


def _siblings(numbers: list[ColumnProfile]) -> list[tuple[str, str]]:
    """Pairs whose names differ only in the last word: `total_intl_minutes` and `total_intl_calls`, each way round."""
    groups: dict[tuple, list[ColumnProfile]] = {}
    for fact in numbers:
        words = words_of(fact.name)
        if len(words) > 1:
            groups.setdefault(tuple(words[:-1]), []).append(fact)
    pairs = []
    for members in groups.values():
        if len(members) > _MOST_UNITS:
            continue
        for one, other in itertools.combinations(members, 2):
            if not _proportional(one, other):
                pairs += [(one.name, other.name), (other.name, one.name)]
    return pairs


def _amounts(numbers: list[ColumnProfile]) -> list[tuple[str, str]]:
    """Pairs of positive quantities of a small table, larger range over smaller."""
    positive = [fact for fact in numbers if fact.low >= 0 and fact.high > 0]
    if len(positive) > 10:
        return []
    pairs = []
    for one, other in itertools.combinations(positive, 2):
        if not _proportional(one, other):
            pairs.append((one.name, other.name) if one.high >= other.high else (other.name, one.name))
    return pairs


def _yes_groups(facts: list[ColumnProfile]) -> list[tuple[list[str], str]]:
    """Three or more category columns with the same few values, one of which means yes."""
    groups: dict[frozenset, list[str]] = {}
    for fact in facts:
        if fact.type == "category" and fact.distinct <= 4:
            groups.setdefault(frozenset(fact.values) - {""}, []).append(fact.name)
    found = []
    for values, members in groups.items():
        word = next((value for value in sorted(values) if value.lower() in _YES), None)
        if word is not None and 3 <= len(members) <= _MOST_PARTS:
            found.append((members, word))
    return found


def _proportional(one: ColumnProfile, other: ColumnProfile) -> bool:
    """The two say the same up to a factor, so that their ratio says nothing."""
    both = np.isfinite(one.values) & np.isfinite(other.values)
    x, y = one.values[both], other.values[both]
    if len(x) < 3 or x.std() == 0 or y.std() == 0:
        return True
    return abs(np.corrcoef(x, y)[0, 1]) > 0.9995


def _difference(name: str, members: list[str]) -> str:
    """The words of a name that the other members do not have."""
    others = [set(words_of(member)) for member in members if member != name]
    own = [word for word in words_of(name) if not all(word in words for words in others)]
    return "_".join(own) or name


def _ranked(
    candidates: list[dict[str, str]], frame: pd.DataFrame, schema: Sequence[InputColumn], target: np.ndarray, task: str, seed: int
) -> list[dict[str, str]]:
    rows = np.arange(len(frame))
    if len(rows) > _SAMPLE_ROWS:
        rows = np.sort(np.random.default_rng(seed).choice(rows, _SAMPLE_ROWS, replace=False))
    trees = [parse(candidate["expression"]) for candidate in candidates]
    read = {name for tree in trees for name in names_in(tree)}
    usable = [column for column in schema if column.type not in ("text", "id")]
    shown = [column for column in usable if column.name in read] + [column for column in usable if column.name not in read][:_MOST_RAW]
    columns = ValueColumns.read(frame.iloc[rows], shown)
    with np.errstate(all="ignore"):
        made = [evaluate(tree, columns)[:, 0] for tree in trees]
    raw = [_as_number(columns, name) for name in columns.names]
    matrix = np.column_stack(raw + made).astype(np.float32)
    gains = _gains(matrix, target[rows], task, seed)[len(raw) :]
    chosen: list[int] = []
    ranks = [pd.Series(values).rank().to_numpy() for values in made]
    for index in np.argsort(-gains, kind="stable"):
        if gains[index] > 0 and len(chosen) < _MOST and not any(_alike(ranks[index], ranks[other]) for other in chosen):
            chosen.append(index)
    return [candidates[index] for index in chosen]


def _alike(one: np.ndarray, other: np.ndarray) -> bool:
    both = ~(np.isnan(one) | np.isnan(other))
    x, y = one[both], other[both]
    return len(x) < 3 or x.std() == 0 or y.std() == 0 or abs(np.corrcoef(x, y)[0, 1]) > _ALIKE


def _gains(matrix: np.ndarray, target: np.ndarray, task: str, seed: int) -> np.ndarray:
    # Loaded here because a preview has no use for it.
    import lightgbm

    settings: dict[str, Any] = {
        "num_leaves": 15,
        "learning_rate": 0.1,
        "min_data_in_leaf": 20,
        "seed": seed,
        "deterministic": True,
        "verbosity": -1,
        "force_row_wise": True,
        "num_threads": 1,
        "feature_fraction": 0.7,
        "bagging_fraction": 0.8,
        "bagging_freq": 1,
    }
    labels = target
    if task == "regression":
        settings["objective"] = "regression"
    else:
        labels = np.unique(target, return_inverse=True)[1]
        classes = int(labels.max()) + 1
        settings |= {"objective": "binary"} if classes == 2 else {"objective": "multiclass", "num_class": classes}
    data = lightgbm.Dataset(matrix, label=labels.astype(np.float64), params={"verbosity": -1})
    return lightgbm.train(settings, data, num_boost_round=80).feature_importance("gain")


def _as_number(columns: ValueColumns, name: str) -> np.ndarray:
    values = columns.values[name]
    return pd.factorize(values, sort=True)[0].astype(np.float64) if values.dtype == object else values
