"""Marked places in texts, answered in Python."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from atoll_engines.contract import Job, Report
from atoll_engines.evaluation.answer import answer_with
from atoll_engines.evaluation.package import package_folders
from atoll_engines.recipes import InputColumn
from atoll_engines.text.tagging.evaluate import as_list
from atoll_engines.text.tagging.model import load_tagger


def run(job: Job, report: Report) -> dict[str, Any] | None:
    """The engine `text.predict` for the task `tokens`."""
    tagger, column = load_tagger(package_folders(job, "tagger.json").native)

    def texts_of(frame: Any) -> list[str]:
        return ["" if value is None or value != value else str(value) for value in frame[column]]

    def columns(frame: Any) -> dict[str, Any]:
        texts = texts_of(frame)
        spans = tagger.spans(texts, tagger.answer(texts))
        return {"predicted": [json.dumps(as_list([one.span for one in row]), ensure_ascii=False) for row in spans]}

    def told(frame: Any) -> dict[str, Any]:
        if not len(frame):
            return {"outputs": {"tags": [], "confidence": []}}
        answers = tagger.answer(texts_of(frame))
        return {"outputs": {"tags": answers.tags.tolist(), "confidence": answers.confidence.astype(np.float64).tolist()}}

    return answer_with(job, report, [InputColumn(column, "text")], columns, told)
