"""Evaluation of speech recognition on recordings it never heard."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from atoll_engines.audio.speech.recordings import read_sounds, wav_of
from atoll_engines.audio.speech.writer import open_writer
from atoll_engines.contract import Job, Report
from atoll_engines.errors import BadInput
from atoll_engines.evaluation.package import package_folders
from atoll_engines.row_files import as_sent
from atoll_engines.sequences.evaluation import evaluate
from atoll_engines.tabular.data import open_table, read_frame


def run(job: Job, report: Report) -> dict[str, Any]:
    """The engine `audio.evaluate` for the task `transcription`."""
    native = package_folders(job, "pipeline.json").native
    about = json.loads((native / "pipeline.json").read_text("utf-8"))
    column, target = about["column"], about["target"]
    writer = open_writer(native)
    table = open_table(job.channel("test"))
    if table.column(target) is None:
        raise BadInput(f'The test rows have no target column "{target}".', column=target)
    frame = read_frame(table, [column, target])
    has_text = np.array([isinstance(text, str) and bool(text.strip()) for text in frame[target]], bool)
    left_out = {"targetMissing": int((~has_text).sum()), "classUnknown": 0}
    if left_out["targetMissing"]:
        report.warning("test_rows_left_out", f"{left_out['targetMissing']} test rows have no transcript; they are left out.", **left_out)
    frame = frame[has_text]
    sounds = read_sounds(job, np.array(["test"] * len(frame)), frame.index.to_numpy(), frame[column].to_numpy(), report)
    heard = np.array([one is not None for one in sounds], bool)
    left_out["itemUnreadable"] = int((~heard).sum())
    if not heard.any():
        raise BadInput("No test row has a recording that can be heard and a transcript.", column=column)
    frame, items = frame[heard], [one for one in sounds if one is not None]
    rows = {
        "items": items, "texts": [text.strip() for text in frame[target]], "rows": frame.index.to_numpy(),
        "shown": frame[column].tolist(),
    }  # fmt: skip

    def requests(chosen: Any) -> list[dict[str, Any]]:
        return [{column: as_sent(file_of(job, frame[column].iloc[at], items[at]))} for at in chosen]

    return evaluate(job, report, writer, rows, "transcription", requests, left_out)


def file_of(job: Job, name: str, samples: np.ndarray) -> bytes:
    """The recording as a client would send it: the file itself where it is WAV, which is what serving reads."""
    content = (job.channel("test") / "media" / name).read_bytes()
    return content if content[:4] == b"RIFF" else wav_of(samples)
