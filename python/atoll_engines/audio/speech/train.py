"""Training of speech recognition: recordings and what is said in them."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from atoll_engines.audio.speech import writer as whisper
from atoll_engines.audio.speech.algorithms import FROM_SCRATCH, SPEECH
from atoll_engines.audio.speech.log_mel import RATE
from atoll_engines.audio.speech.options import check_options
from atoll_engines.audio.speech.recordings import audio_column, read_sounds
from atoll_engines.audio.speech.windows import FRAME
from atoll_engines.contract import Job, Report
from atoll_engines.errors import BadInput
from atoll_engines.sequences.request import Request, read_request
from atoll_engines.sequences.rows import read_rows
from atoll_engines.sequences.training import Material, Subject, Training
from atoll_engines.tabular.data import open_table
from atoll_engines.text.weights import weights_folder


def run(job: Job, report: Report) -> dict[str, Any]:
    """The engine `audio.train` for the task `transcription`."""
    request = read_request(job, "transcription", SPEECH)
    check_options(request.options)
    weights = weights_folder(job)
    if weights is None:
        given = job.parameters.get("search", {}).get("space") or {}
        request = replace(request, params=request.params | FROM_SCRATCH | fixed(given.get(request.algorithm.name)))
    column = audio_column(open_table(job.channel("train")), request.options).name
    material = read_material(job, request, column, report)
    refuse_long_windows(material, weights)
    language, masks = request.options.get("language"), bool(request.options.get("stripes", weights is not None))

    def begin(rows: Material, params: dict[str, Any]) -> whisper.SpeechWriter:
        if weights is not None:
            return whisper.from_weights(weights, params, language, masks)
        longest = max(len(item) for item in material.items)
        return whisper.from_scratch(rows.texts, longest, params, job.seed, masks)

    subject = Subject(
        begin=begin,
        inputs=lambda made: [{"name": column, "example": None} | made.signature_part()],
        decoding=lambda made: {"window": {"samples": made.samples, "frame": FRAME}},
        baseline=lambda fitted, held: [Counter(fitted.texts).most_common(1)[0][0]] * len(held),
        kept={"column": column}, where="recordings",
    )  # fmt: skip
    return Training(job, report, request, subject, material).run()


def fixed(space: dict[str, Any] | None) -> dict[str, Any]:
    return {name: value for name, value in (space or {}).items() if not isinstance(value, dict)}


def read_material(job: Job, request: Request, column: str, report: Report) -> Material:
    """Every row with a recording that can be heard and something said in it."""
    frame, channels = read_rows(job, request, [column])
    texts = frame[request.target]
    has_text = np.array([isinstance(text, str) and bool(text.strip()) for text in texts])
    warn_of_empty(frame, has_text, request.target, report)
    frame, channels = frame[has_text], channels[has_text]
    sounds = read_sounds(job, channels, frame.index.to_numpy(), frame[column].to_numpy(), report)
    heard = np.array([one is not None for one in sounds], bool)
    if not heard.any():
        raise BadInput("No row has a recording that can be heard and a transcript, so there is nothing to learn.", column=column)
    if not heard.all():
        report.log(f"{int((~heard).sum())} of {len(heard)} rows are left out, because their recording cannot be heard.", "warning")
    frame = frame[heard]
    return Material(
        [one for one in sounds if one is not None], [text.strip() for text in frame[request.target]], frame.index.to_numpy(),
        channels[heard] == "validation", frame,
    )  # fmt: skip


def warn_of_empty(frame: pd.DataFrame, has_text: np.ndarray, target: str, report: Report) -> None:
    empty = np.flatnonzero(~has_text)
    if empty.size:
        row = int(frame.index[empty[0]])
        report.warning(
            "transcript_empty", f'{empty.size} rows have no transcript in "{target}" and are left out, the first is row {row}.',
            column=target, rows=int(empty.size), row=row,
        )  # fmt: skip


def refuse_long_windows(material: Material, weights: Any) -> None:
    """A network from random numbers hears as much as its longest recording: above 30 s nobody would wait for it."""
    if weights is not None:
        return
    longest = max(range(len(material)), key=lambda place: len(material.items[place]))
    seconds = len(material.items[longest]) / RATE
    if seconds > 30:
        raise BadInput(
            f"The recording of row {material.rows[longest]} ({material.frame.iloc[longest, 0]}) lasts {seconds:.0f} s; "
            "a network learns from pieces of at most 30 s. Cut it where somebody pauses, with the transcript of each piece.",
            row=int(material.rows[longest]),
        )  # fmt: skip
