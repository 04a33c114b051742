"""Turns of recordings in Python."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd

from atoll_engines.audio.diarisation.package import open_diariser
from atoll_engines.contract import Job, Report
from atoll_engines.evaluation.answer import answer_with


def run(job: Job, report: Report) -> dict[str, Any] | None:
    """The engine `audio.predict` for diarisation."""
    diariser, _ = open_diariser(job, None if job.parameters.get("serve") else "rows")

    def columns(frame: pd.DataFrame) -> dict[str, Any]:
        return {"predicted": [json.dumps(turns) for turns in diariser.answer(frame)]}

    def told(frame: pd.DataFrame) -> dict[str, Any]:
        return {"answers": [{"turns": turns} for turns in diariser.answer(frame)]}

    return answer_with(job, report, diariser.inputs, columns, told)
