"""Texts into texts in Python: a batch of rows to a file, or rows line by line."""

from __future__ import annotations

from typing import Any

import pandas as pd

from atoll_engines.contract import Job, Report
from atoll_engines.evaluation.answer import answer_with
from atoll_engines.text.seq2seq.package import open_rewriting


def run(job: Job, report: Report) -> dict[str, Any] | None:
    """The engine `text.predict` for the task `seq2seq`."""
    package = open_rewriting(job)

    def said(frame: pd.DataFrame) -> list[str]:
        return [one.text for one in package.writer.say(package.documents.of(frame).tolist())]

    return answer_with(
        job, report, list(package.documents.inputs), lambda frame: {"predicted": said(frame)},
        lambda frame: {"answers": [{"text": text} for text in said(frame)]},
    )  # fmt: skip
