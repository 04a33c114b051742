"""The rows of a job without a target: read from its channels, checked, and divided."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from atoll_engines.contract import Job, Report
from atoll_engines.errors import BadInput, what_exists
from atoll_engines.recipes import InputColumn, named_columns
from atoll_engines.tabular.data import feature_columns, open_table, read_frame, refuse_infinite
from atoll_engines.tabular.target import as_words
from atoll_engines.unsupervised.request import Request

LEAST_ROWS = 20
# Rows that are kept in memory; a longer table is drawn from.
MOST_ROWS = 500_000


@dataclass(frozen=True)
class Rows:
    """The features' raw columns, the labels where a column of them is named, and which fold each row is held out in."""

    frame: pd.DataFrame
    schema: list[InputColumn]
    labels: np.ndarray | None
    fold: np.ndarray


def read_rows(job: Job, request: Request, report: Report) -> Rows:
    """Read `train`, and `validation` where there is one, beside it."""
    channels = ["train", *(["validation"] if job.has_channel("validation") else [])]
    tables = [open_table(job.channel(name)) for name in channels]
    names = [column.name for column in tables[0].columns]
    for name, role in ((request.label, "label"), (request.text, "text")):
        if name and name not in names:
            raise BadInput(f'The table has no {role} column "{name}". {what_exists(name, names)}', column=name)
    columns = feature_columns(tables[0], request.label or "", None, named_columns(request.recipe.get("steps") or []))
    if request.task in ("topics", "embedding"):
        columns = [column for column in tables[0].columns if column.name == text_column(request, columns)]
    if not columns:
        raise BadInput("There is no column to learn from.", columns=names)
    wanted = [column.name for column in columns] + ([request.label] if request.label else [])
    frame = pd.concat([read_frame(table, wanted) for table in tables])
    if len(frame) < LEAST_ROWS:
        raise BadInput(f"There are {len(frame)} rows; at least {LEAST_ROWS} are needed to learn without a target.")
    random = np.random.default_rng(job.seed)
    if len(frame) > MOST_ROWS:
        report.warning(
            "fitted_on_sample", f"{MOST_ROWS} of {len(frame)} rows, drawn at random, are learnt from.", rows=MOST_ROWS
        )
        frame = frame.iloc[np.sort(random.choice(len(frame), MOST_ROWS, replace=False))]
    labels = None
    if request.label:
        column = tables[0].column(request.label)
        words = as_words(column, frame[request.label])
        labels = words.where(words.notna(), "").to_numpy(dtype=object)
        frame = frame.drop(columns=[request.label])
    refuse_infinite(frame)
    if frame.isna().all(axis=None):
        raise BadInput(f"Every value of the columns ({', '.join(frame.columns[:5])}) is missing; there is nothing to learn from.")
    fold = random.permutation(np.arange(len(frame)) % request.folds)
    return Rows(frame, [InputColumn(one.name, one.type) for one in columns], labels, fold)


def text_column(request: Request, columns: list) -> str:
    """The column of texts to learn from: the one named, else the only one that holds texts."""
    if request.text:
        column = next((one for one in columns if one.name == request.text), None)
        if column is None or column.type not in ("text", "category"):
            kind = f"holds {column.type} values" if column else "cannot be used"
            raise BadInput(f'The column "{request.text}" {kind}; {request.task} is learned from a text.', column=request.text)
        return request.text
    texts = [one.name for one in columns if one.type == "text"]
    if len(texts) == 1:
        return texts[0]
    if texts:
        raise BadInput(
            f"There are {len(texts)} text columns ({', '.join(texts[:6])}); name the one to learn from as options.textColumn.",
            parameter="options.textColumn",
        )
    raise BadInput(
        "There is no text column to learn from. Give a column the type text, or name one as options.textColumn.",
        parameter="options.textColumn",
    )
