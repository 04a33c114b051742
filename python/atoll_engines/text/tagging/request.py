"""What a training of token classification asks for, checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from atoll_engines.contract import Job, Report
from atoll_engines.errors import BadInput, what_exists
from atoll_engines.neural.plan import read_plan, refuse_unknown
from atoll_engines.tabular.data import TableFiles, open_table, read_frame
from atoll_engines.tabular.folds import Division, divide
from atoll_engines.text.options import number, whole
from atoll_engines.text.tagging.learn import Tagged
from atoll_engines.text.tagging.metrics import NAMES
from atoll_engines.text.tagging.spans import MOST_LABELS, read_spans

NAME = "text_tagger"
OWN = ("column", "maxLength", "vocabulary", "width", "dropout", "weights", "freeze", "parityRows", "runtime")
DEFAULTS = {
    "max_length": 128, "epochs": 20, "batch_size": 32, "learning_rate": 3e-3, "warmup": 0.05, "weight_decay": 0.01, "dropout": 0.3,
    "width": 128, "vocabulary": 8000, "keep": "best", "schedule": "cosine",
}  # fmt: skip
# Given weights want small steps, and few.
FINE_TUNING = {"epochs": 4, "batch_size": 16, "learning_rate": 5e-5, "dropout": 0.1}
SPACE = {
    "learning_rate": {"float": [5e-4, 1e-2], "log": True}, "dropout": {"float": [0.0, 0.5]}, "width": {"choice": [64, 128, 256]},
}  # fmt: skip
FINE_TUNING_SPACE = {"learning_rate": {"float": [1e-5, 1e-4], "log": True}, "epochs": {"int": [2, 8]}}


@dataclass(frozen=True)
class TaggingRequest:
    target: str
    column: str
    metric: str
    params: dict[str, Any]
    space: dict[str, Any]


def read_tagging(job: Job, table: TableFiles) -> TaggingRequest:
    """The parameters, with defaults; a value that cannot be meant is refused by its name."""
    given, options = job.parameters, job.parameters.get("options") or {}
    target = given.get("target")
    if not target or table.column(target) is None:
        names = [one.name for one in table.columns]
        raise BadInput(f'The table has no column "{target}" of spans. {what_exists(str(target), names)}', parameter="target")
    metric = given.get("metric") or "f1"
    if metric not in NAMES:
        raise BadInput(f'The metric "{metric}" does not fit spans. {what_exists(metric, list(NAMES), "metrics")}', parameter="metric")
    for name in given.get("algorithms") or ["auto"]:
        if name not in ("auto", NAME):
            raise BadInput(f'"{name}" does not tag words; {NAME} does.', algorithm=name)
    refuse_unknown(options, OWN, "the tagging of words")
    has_weights = job.has_channel("weights")
    own = {
        "max_length": whole(options, "maxLength", 8, 1024), "vocabulary": whole(options, "vocabulary", 300, 200_000),
        "width": whole(options, "width", 8, 2048), "dropout": number(options, "dropout", 0.0, 0.9),
        "epochs": whole(options, "epochs", 1, 10_000), "batch_size": whole(options, "batchSize", 1, 100_000),
        "learning_rate": number(options, "learningRate", 0.0, 100.0),
    }  # fmt: skip
    params = DEFAULTS | (FINE_TUNING if has_weights else {}) | {name: value for name, value in own.items() if value is not None}
    read_plan(options, params=params)
    asked = ((given.get("search") or {}).get("space") or {}).get(NAME)
    space = asked or (FINE_TUNING_SPACE if has_weights else SPACE)
    space = {name: where for name, where in space.items() if own.get(name) is None}
    return TaggingRequest(target, text_column(table, target, options), metric, params, space)


def text_column(table: TableFiles, target: str, options: dict[str, Any]) -> str:
    names = [one.name for one in table.columns if one.type in ("text", "category") and one.name != target]
    asked = options.get("column")
    if asked is not None:
        if asked not in names:
            raise BadInput(f'There is no text column "{asked}". {what_exists(str(asked), names)}', parameter="options.column")
        return asked
    texts = [one.name for one in table.columns if one.type == "text" and one.name != target] or names
    if len(texts) != 1:
        said = f"Name it (options.column): {', '.join(texts)}." if texts else "Bring a column of texts beside the spans."
        raise BadInput(f"It is not clear which column holds the texts. {said}", parameter="options.column")
    return texts[0]


@dataclass(frozen=True)
class TaggedRows:
    """Texts with spans, the rows they are of, and the labels that there are."""

    data: Tagged
    rows: np.ndarray
    labels: list[str]
    division: Division


def read_rows(job: Job, tables: list[TableFiles], request: TaggingRequest, report: Report) -> TaggedRows:
    """Every row with a text and spans. A row without spans (missing, not []) was never looked at, and is left out."""
    validation = job.parameters.get("validation") or {}
    group, time = validation.get("groupColumn"), validation.get("timeColumn")
    names = list(dict.fromkeys([request.column, request.target, *(name for name in (group, time) if name)]))
    parts = [read_frame(table, names) for table in tables]
    frame = pd.concat(parts)
    given = np.repeat(np.arange(len(parts)) == 1, [len(part) for part in parts])
    usable = usable_rows(frame, request.column, request.target, report)
    frame, given = frame[usable], given[usable]
    data = tagged_of(frame, request.column, request.target)
    labels = sorted({span.label for spans in data.spans for span in spans})
    if not labels:
        raise BadInput(f'No row has a span in "{request.target}"; there is nothing to learn.', column=request.target)
    if len(labels) > MOST_LABELS:
        raise BadInput(f'"{request.target}" has {len(labels)} labels; at most {MOST_LABELS} are told apart.', column=request.target)
    kind = validation.get("kind") or "holdout"
    division = divide(
        np.zeros(len(frame)), "regression", "kfold" if kind == "stratified" else kind, 5, job.seed,
        groups=frame[group] if group else None, times=frame[time] if time else None, given=given,
    )  # fmt: skip
    one = Division("holdout", division.folds[:1], division.note if len(division.folds) == 1 else f"the first of {division.note}")
    return TaggedRows(data, frame.index.to_numpy(), labels, one)


def usable_rows(frame: pd.DataFrame, column: str, target: str, report: Report) -> np.ndarray:
    usable = ~frame[column].isna().to_numpy() & ~frame[target].isna().to_numpy()
    if not usable.any():
        raise BadInput(f'No row has both a text in "{column}" and spans in "{target}".', column=target)
    if not usable.all():
        row = int(frame.index[np.flatnonzero(~usable)[0]])
        report.warning(
            "target_missing",
            f"{int((~usable).sum())} rows without a text or without spans are left out, the first is row {row}. "
            "A text in which nothing is to be marked has the spans [].",
            column=target, rows=int((~usable).sum()), row=row,
        )  # fmt: skip
    return usable


def tagged_of(frame: pd.DataFrame, column: str, target: str) -> Tagged:
    texts = [str(text) for text in frame[column]]
    rows = zip(frame.index, texts, frame[target], strict=True)
    return Tagged(texts, [read_spans(value, text, target, int(row)) for row, text, value in rows])


def open_tables(job: Job) -> list[TableFiles]:
    tables = [open_table(job.channel("train"))]
    return [*tables, open_table(job.channel("validation"))] if job.has_channel("validation") else tables
