"""Evaluation of texts into texts on rows it never saw."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from atoll_engines.contract import Job, Report
from atoll_engines.errors import BadInput
from atoll_engines.sequences.evaluation import evaluate
from atoll_engines.tabular.data import open_table, read_frame
from atoll_engines.tabular.parity_rows import as_requests
from atoll_engines.text.seq2seq.package import open_rewriting

SHOWN_CHARACTERS = 400


def run(job: Job, report: Report) -> dict[str, Any]:
    """The engine `text.evaluate` for the task `seq2seq`."""
    package = open_rewriting(job)
    documents, target = package.documents, package.target
    table = open_table(job.channel("test"))
    if table.column(target) is None:
        raise BadInput(f'The test rows have no target column "{target}".', column=target)
    frame = read_frame(table, [*(one.name for one in documents.inputs), target])
    has_text = np.array([isinstance(text, str) and bool(text.strip()) for text in frame[target]], bool)
    left_out = {"targetMissing": int((~has_text).sum()), "classUnknown": 0}
    if left_out["targetMissing"]:
        report.warning(
            "test_rows_left_out", f"{left_out['targetMissing']} test rows have no text to compare with; they are left out.", **left_out
        )
    frame = frame[has_text]
    if not len(frame):
        raise BadInput(f'No test row has a text in "{target}".', column=target)
    items = documents.of(frame).tolist()
    rows = {
        "items": items, "texts": [text.strip() for text in frame[target]], "rows": frame.index.to_numpy(),
        "shown": [item[:SHOWN_CHARACTERS] for item in items],
    }  # fmt: skip

    def requests(chosen: Sequence[int]) -> list[dict[str, Any]]:
        return as_requests(frame.iloc[list(chosen)], list(documents.inputs))

    return evaluate(job, report, package.writer, rows, "seq2seq", requests, left_out)
