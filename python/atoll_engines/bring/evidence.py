"""The rows that prove a package, and what the original library says of each."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from atoll_engines.bring.drawn import drawn_rows, knows_nothing, recombined, with_missing, with_unseen
from atoll_engines.bring.original import Original, first_line, lacking, typed
from atoll_engines.bring.request import Request
from atoll_engines.errors import BadInput, EngineError
from atoll_engines.tabular.metrics import labels_of

# Two answers closer than this may be told apart by nothing but a rounding to float32.
UNDECIDED = 1e-6
MOST_SEARCHES = 150
MOST = 1e38


@dataclass
class Evidence:
    """Rows with what the original answers to them; every row was answered."""

    kinds: list[str]
    rows: pd.DataFrame
    answers: np.ndarray
    notes: list[str] = field(default_factory=list)
    # Of the sample: how many rows there were, how many the original refused, how many were too close to call.
    sample_rows: int = 0
    refused: int = 0
    undecided: int = 0


def gather(
    original: Original, request: Request, sample: pd.DataFrame | None, threshold: float | None, random: np.random.Generator
) -> Evidence:
    """The sample's rows first, then rows made from them or from what the model tells of its columns, until there are enough."""
    wanted, notes = request.rows, []
    held_out = None
    refused = 0
    if sample is not None and len(sample):
        held_out, refused, why = answered_rows(original, sample[: max(wanted, 1)] if len(sample) > wanted else sample)
        if not len(held_out):
            raise BadInput(f"The original refuses every row of the sample: {why}")
        if refused:
            notes.append(f"The original refuses {refused} of {len(sample)} rows of the sample: {why}")
    base = held_out if held_out is not None else base_rows(original, random)
    try_missing(original, base)
    try_unseen(original, base, random)
    if held_out is None:
        guessed = [column.name for column in original.columns if knows_nothing(column)]
        notes.append("There was no sample: rows were drawn from what the model tells of its columns.")
        if guessed:
            notes.append(f"Nothing says what is usual of {listed(guessed)}: numbers were drawn from a wide range.")
    kinds, parts = [], []
    if held_out is not None:
        kinds += ["held_out"] * len(held_out)
        parts.append(held_out)
    # However large the sample: half as many again with cells missing, unseen and put together anew.
    rest = max(wanted - len(base), wanted // 2) if held_out is not None else wanted
    takes_missing = any(column.nullable is not False for column in original.columns)
    shares = {"missing_injected": rest // 3 if takes_missing else 0, "unseen_injected": rest // 3}
    shares["perturbed"] = rest - sum(shares.values())
    for kind, count in shares.items():
        made = make(original, base, held_out is not None, kind, count + count // 4 + 20 if count else 0, random)
        if made is None or not len(made):
            continue
        kept, _, _ = answered_rows(original, made)
        kinds += [kind] * min(count + 10, len(kept))
        parts.append(kept[: count + 10])
    for _ in range(3):
        lacks = wanted - len(kinds)
        if lacks <= 0:
            break
        made = make(original, base, held_out is not None, "perturbed", 2 * lacks + 20, random)
        kept = answered_rows(original, made)[0][: lacks + 10] if made is not None else base[:0]
        kinds += ["perturbed"] * len(kept)
        parts.append(kept)
    rows = pd.concat(parts, ignore_index=True)
    rows.index.name = "__row"
    answers = finite_answers(original, rows)
    keep, undecided = decided(original, rows, answers, threshold, notes)
    rows, answers, kinds = rows[keep].reset_index(drop=True), answers[keep], [kind for kind, kept in zip(kinds, keep, strict=True) if kept]
    if undecided:
        notes.append(
            f"{undecided} rows lie closer than {UNDECIDED:g} to the border between two classes and are left out: a rounding decides them."
        )
    return Evidence(kinds, rows, answers, notes, 0 if sample is None else len(sample), refused, undecided)


def make(
    original: Original, base: pd.DataFrame, is_sample: bool, kind: str, count: int, random: np.random.Generator
) -> pd.DataFrame | None:
    if not count:
        return None
    if is_sample:
        rows = recombined(base, count, random) if kind == "perturbed" else base.iloc[np.arange(count) % len(base)].reset_index(drop=True)
    else:
        rows = drawn_rows(original.columns, count, random)
    if kind == "missing_injected":
        return with_missing(rows, original.columns, random)
    return with_unseen(rows, original.columns, random) if kind == "unseen_injected" else rows


def base_rows(original: Original, random: np.random.Generator) -> pd.DataFrame:
    """Drawn rows that the original answers."""
    rows, _, why = answered_rows(original, drawn_rows(original.columns, 64, random))
    if not len(rows):
        raise lacking(
            "sample",
            f"The model refused every row that was drawn from what it tells of its columns: {why} Give rows of your own (sample).",
        )
    return rows


def answered_rows(original: Original, rows: pd.DataFrame) -> tuple[pd.DataFrame, int, str]:
    """The rows that the original answers, how many it refuses, and why the first of those."""
    keep = np.zeros(len(rows), bool)
    left, why = MOST_SEARCHES, ""
    waiting = [(0, len(rows))] if len(rows) else []
    while waiting and left > 0:
        start, end = waiting.pop()
        left -= 1
        try:
            answer = original.answer(typed(rows.iloc[start:end], original.columns))
            # What float32 cannot hold cannot be served.
            fine = (np.abs(answer) < MOST).reshape(end - start, -1).all(axis=1)
            keep[start:end] = fine
            if not fine.all() and not why:
                why = f"row {rows.index[start + int(np.flatnonzero(~fine)[0])]}: it answers with what is no number."
        except Exception as error:  # the original's own refusal, whatever its library raises
            why = why if why and end - start > 1 else said_by(error)
            if end - start > 1:
                middle = (start + end) // 2
                waiting += [(middle, end), (start, middle)]
    return rows[keep], int((~keep).sum()), why


def said_by(error: BaseException) -> str:
    said = error.message if isinstance(error, EngineError) else first_line(error)
    return said if said.endswith(".") else f"{said}."


def finite_answers(original: Original, rows: pd.DataFrame) -> np.ndarray:
    answers = np.asarray(original.answer(typed(rows, original.columns)), np.float64)
    width = len(original.classes or ())
    if width and answers.shape != (len(rows), width):
        raise BadInput(f"The model answers with {answers.shape[1] if answers.ndim > 1 else 1} values a row, and there are {width} classes.")
    return answers


def try_missing(original: Original, base: pd.DataFrame) -> None:
    """Finds out of each column whether the original answers a row without it."""
    open_ones = [column for column in original.columns if column.nullable is None]
    one = base.iloc[: min(3, len(base))]
    gone = one.copy()
    for column in open_ones:
        gone[column.name] = np.nan if column.type != "datetime" else np.datetime64("NaT")
    if open_ones and is_answered(original, gone):
        for column in open_ones:
            column.nullable = True
        return
    for column in open_ones:
        alone = one.copy()
        alone[column.name] = np.nan if column.type != "datetime" else np.datetime64("NaT")
        column.nullable = is_answered(original, alone)


def try_unseen(original: Original, base: pd.DataFrame, random: np.random.Generator) -> None:
    """Finds out of each column of words whether the original answers one that it never saw."""
    for column in original.columns:
        if column.type == "category" and not column.is_closed:
            one = base.iloc[: min(3, len(base))].copy()
            one[column.name] = "never seen in training"
            column.is_closed = not is_answered(original, one)


def is_answered(original: Original, rows: pd.DataFrame) -> bool:
    try:
        return bool(np.isfinite(original.answer(typed(rows, original.columns))).all())
    except Exception:
        return False


def decided(
    original: Original, rows: pd.DataFrame, answers: np.ndarray, threshold: float | None, notes: list[str]
) -> tuple[np.ndarray, int]:
    """The rows whose class no rounding decides; where the original chooses otherwise than its own probabilities say, that is told."""
    if not original.classes:
        return np.ones(len(rows), bool), 0
    if len(original.classes) == 2 and threshold is not None:
        gap = np.abs(answers[:, 1] - threshold)
    else:
        ordered = np.sort(answers, axis=1)
        gap = ordered[:, -1] - ordered[:, -2]
    # An exact tie is decided by the rule, not by a rounding.
    keep = ~((gap < UNDECIDED) & (gap > 1e-12))
    own = original.labels(typed(rows, original.columns))
    if own is not None:
        rule = [original.classes[k] for k in labels_of(answers, threshold)]
        apart = sum(mine != theirs for mine, theirs, kept in zip(rule, own, keep, strict=True) if kept)
        if apart:
            notes.append(
                f"On {apart} of {len(rows)} rows the original's own choice of class is not the one of its highest probability; "
                "served is what its probabilities say."
            )
    return keep, int((~keep).sum())


def listed(names: list[str]) -> str:
    return ", ".join(f'"{name}"' for name in names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
