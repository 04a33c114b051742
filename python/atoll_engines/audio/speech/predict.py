"""Writing down speech in Python: a batch of recordings to a file, or rows line by line."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd

from atoll_engines.audio.speech.log_mel import RATE
from atoll_engines.audio.speech.recordings import sound_of
from atoll_engines.audio.speech.writer import open_writer
from atoll_engines.audio.waveform import prepare
from atoll_engines.contract import Job, Report
from atoll_engines.errors import BadInput
from atoll_engines.evaluation.answer import answer_with
from atoll_engines.evaluation.package import package_folders
from atoll_engines.recipes import InputColumn
from atoll_engines.row_files import bytes_of


def run(job: Job, report: Report) -> dict[str, Any] | None:
    """The engine `audio.predict` for the task `transcription`."""
    native = package_folders(job, "pipeline.json").native
    column = json.loads((native / "pipeline.json").read_text("utf-8"))["column"]
    writer = open_writer(native)

    def columns(frame: pd.DataFrame) -> dict[str, Any]:
        media = job.channel("rows") / "media"
        said = writer.say([sound_of(media / str(name), str(name)) for name in frame[column]])
        return {"predicted": [one.text for one in said], "segments": [json.dumps(one.segments, ensure_ascii=False) for one in said]}

    def told(frame: pd.DataFrame) -> dict[str, Any]:
        sounds = [heard(value, row, column) for row, value in enumerate(frame[column])]
        return {"answers": [{"text": one.text, "segments": one.segments} for one in writer.say(sounds)]}

    return answer_with(job, report, [InputColumn(column, "audio")], columns, told)


def heard(value: Any, row: int, column: str) -> Any:
    samples = prepare(bytes_of(value, row, column), RATE, None, f'Row {row}, column "{column}": the recording')
    if len(samples) == 0:
        raise BadInput(f'Row {row}, column "{column}": the recording is empty.', row=row, column=column)
    return samples
