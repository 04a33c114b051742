"""How the rows are divided for validation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from atoll_engines.errors import BadInput

# Above this many rows a single holdout says as much as folds do, for a fraction of the time.
HOLDOUT_ABOVE = 200_000
HOLDOUT_SHARE = 0.2


@dataclass(frozen=True)
class Fold:
    """Positions of the rows to fit on and of the rows to score."""

    train: np.ndarray
    valid: np.ndarray


@dataclass(frozen=True)
class Division:
    """The folds and, in words, how they were made."""

    kind: str
    folds: tuple[Fold, ...]
    note: str


def divide(
    y: np.ndarray,
    task: str,
    kind: str,
    count: int,
    seed: int,
    groups: pd.Series | None = None,
    times: pd.Series | None = None,
    given: np.ndarray | None = None,
) -> Division:
    """Divide the rows; `given` marks rows that came as a validation set of their own, which a holdout uses."""
    rows = len(y)
    if task == "multilabel":
        # No division gives every part the same share of every label; by their number they are at least alike.
        y, task, kind = y.sum(axis=1).astype(np.float64), "regression", "kfold" if kind == "stratified" else kind
    if kind == "holdout" and given is not None and given.any():
        return Division("holdout", (Fold(np.flatnonzero(~given), np.flatnonzero(given)),), "the validation set as given")
    single = kind == "holdout" or rows > HOLDOUT_ABOVE
    refuse_too_few(y, task, count, single)
    if kind == "grouped":
        return with_every_class(grouped(y, task, groups, count, seed, single), y, task)
    if kind == "time":
        return with_every_class(by_time(times, count, single), y, task)
    if single:
        return holdout(y, task, seed)
    if task != "regression" and kind != "kfold":
        return stratified(y, count, seed)
    from sklearn.model_selection import KFold

    parts = KFold(count, shuffle=True, random_state=seed).split(y)
    return Division("kfold", tuple(Fold(*part) for part in parts), f"{count} folds at random")


def with_every_class(division: Division, y: np.ndarray, task: str) -> Division:
    """Only the folds that can teach every class and can tell two apart; groups and times may leave others."""
    if task == "regression":
        return division
    classes = len(np.unique(y))
    usable = [one for one in division.folds if len(np.unique(y[one.train])) == classes and len(np.unique(y[one.valid])) > 1]
    if not usable:
        raise BadInput(
            f"Divided by {division.kind}, no fold has every class of the target to learn from and two to be scored on; "
            "use fewer folds or another validation.",
        )
    left_out = len(division.folds) - len(usable)
    note = f"; {left_out} more left out, because a class is missing from them" if left_out else ""
    return Division(division.kind, tuple(usable), division.note + note)


def refuse_too_few(y: np.ndarray, task: str, count: int, single: bool) -> None:
    if len(y) < (5 if single else max(2, count)):
        needed = 5 if single else count
        raise BadInput(
            f"There are {len(y)} rows with a target, but {needed} are needed for "
            f"{'a holdout' if single else f'{count} folds'}; add rows or ask for fewer folds.",
            rows=len(y),
        )


def stratified(y: np.ndarray, count: int, seed: int) -> Division:
    """Folds with the same class shares; never more folds than the rarest class has rows."""
    from sklearn.model_selection import StratifiedKFold

    rarest = int(np.bincount(y).min())
    used = max(2, min(count, rarest))
    parts = StratifiedKFold(used, shuffle=True, random_state=seed).split(y, y)
    note = f"{used} folds with the same class shares"
    if used < count:
        note += f" ({count} were asked for, but the rarest class has {rarest} rows)"
    return Division("stratified", tuple(Fold(*part) for part in parts), note)


def holdout(y: np.ndarray, task: str, seed: int) -> Division:
    """One random fifth to score, drawn within each class."""
    random = np.random.default_rng(seed)
    valid = np.zeros(len(y), bool)
    if task == "regression":
        valid[random.permutation(len(y))[: max(1, round(len(y) * HOLDOUT_SHARE))]] = True
    else:
        for label in np.unique(y):
            members = np.flatnonzero(y == label)
            valid[random.permutation(members)[: max(1, round(len(members) * HOLDOUT_SHARE))]] = True
    return Division("holdout", (Fold(np.flatnonzero(~valid), np.flatnonzero(valid)),), "a random fifth held out")


def grouped(y: np.ndarray, task: str, groups: pd.Series | None, count: int, seed: int, single: bool) -> Division:
    """No group is on both sides of a fold; rows without a group are each a group of their own."""
    from sklearn.model_selection import GroupKFold, StratifiedGroupKFold

    if groups is None:
        raise BadInput("A grouped validation needs groupColumn: the column whose equal values stay together.")
    codes, _ = pd.factorize(groups)
    lone = codes < 0
    codes[lone] = codes.max() + 1 + np.arange(lone.sum())
    distinct = len(np.unique(codes))
    if distinct < 2:
        raise BadInput(
            f'The group column "{groups.name}" has one value in all rows, so the rows cannot be divided by it.',
            column=groups.name,
        )
    used = min(count, distinct)
    if task == "regression":
        parts = GroupKFold(used, shuffle=True, random_state=seed).split(y, y, codes)
    else:
        used = max(2, min(used, int(np.bincount(y).min())))
        parts = StratifiedGroupKFold(used, shuffle=True, random_state=seed).split(y, y, codes)
    folds = tuple(Fold(*part) for part in parts)
    return Division("grouped", folds[:1] if single else folds, f'{used} folds that keep each "{groups.name}" together')


def by_time(times: pd.Series | None, count: int, single: bool) -> Division:
    """Each fold is scored on rows later than all it was fitted on."""
    if times is None:
        raise BadInput("A validation by time needs timeColumn: the column that says when a row was known.")
    missing = np.flatnonzero(times.isna().to_numpy())
    if missing.size:
        row = int(times.index[missing[0]])
        raise BadInput(
            f'The time column "{times.name}" is missing in row {row}; rows cannot be put in order.',
            column=times.name,
            row=row,
        )
    order = np.argsort(times.to_numpy(), kind="stable")
    parts = 1 if single else count
    edges = np.linspace(0, len(order), parts + 2).astype(int)
    if single:
        edges = np.array([0, round(len(order) * (1 - HOLDOUT_SHARE)), len(order)])
    folds = tuple(
        Fold(np.sort(order[: edges[k]]), np.sort(order[edges[k] : edges[k + 1]])) for k in range(1, len(edges) - 1)
    )
    return Division("time", folds, f'{len(folds)} steps forward in "{times.name}"')


def inner_split(y: np.ndarray, task: str, seed: int, share: float = 0.15) -> tuple[np.ndarray, np.ndarray]:
    """Part of a fold's training rows for early stopping to watch: positions to fit on, positions to watch."""
    random = np.random.default_rng(seed)
    watch = np.zeros(len(y), bool)
    if task == "regression":
        watch[random.permutation(len(y))[: max(1, round(len(y) * share))]] = True
    else:
        for label in np.unique(y):
            members = np.flatnonzero(y == label)
            # A class of one row stays with the rows that are fitted on.
            watch[random.permutation(members)[: min(len(members) - 1, max(1, round(len(members) * share)))]] = True
    return np.flatnonzero(~watch), np.flatnonzero(watch)
