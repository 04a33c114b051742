"""The recordings of a channel, read once; what cannot be heard is named and left out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from atoll_engines.audio.decode import content_of, decode
from atoll_engines.audio.diarisation.recordings import read_turns
from atoll_engines.audio.diarisation.score import Turns
from atoll_engines.audio.store import tell_damaged
from atoll_engines.audio.waveform import resample
from atoll_engines.contract import Report
from atoll_engines.errors import BadInput, what_exists
from atoll_engines.media.damaged import Unreadable
from atoll_engines.tabular.data import TableFiles, read_frame

SPEAKER_NAMES = ("speaker", "speaker_id", "reader", "client_id")
MOST_SECONDS = 1800
# Turns may end a little after the file does, as annotators round.
SLACK_SECONDS = 0.5


@dataclass(frozen=True)
class Columns:
    """Which columns hold the recordings, who spoke when, and who spoke throughout."""

    audio: str
    turns: str | None
    speaker: str | None

    def names(self) -> list[str]:
        return [one for one in (self.audio, self.turns, self.speaker) if one]


@dataclass(frozen=True)
class Recording:
    """Samples at the job's rate; its turns, or the one who speaks throughout."""

    row: int
    path: str
    samples: np.ndarray
    turns: Turns | None
    speaker: str | None


def find_columns(table: TableFiles, audio: str | None, turns: str | None, speaker: str | None) -> Columns:
    """As the options name them, else by their types and usual names."""
    kinds = {one.name: one.type for one in table.columns}
    for name, option in ((audio, "column"), (turns, "turnsColumn"), (speaker, "speakerColumn")):
        if name is not None and name not in kinds:
            raise BadInput(f'There is no column "{name}". {what_exists(name, list(kinds), "columns")}', parameter=option, column=name)
    sounds = [name for name, kind in kinds.items() if kind == "audio"]
    if audio is not None and audio not in sounds:
        raise BadInput(f'The column "{audio}" holds {kinds[audio]} values, not recordings.', parameter="column", column=audio)
    if not sounds:
        raise BadInput("The data set has no audio column. Upload a folder or an archive of recordings.")
    turns = turns or next((name for name in kinds if name.lower() == "turns"), None)
    speaker = speaker or next((name for name in SPEAKER_NAMES if name in kinds), None)
    return Columns(audio or sounds[0], turns, None if turns else speaker)


def read_recordings(table: TableFiles, columns: Columns, rate: int | None, report: Report, what: str) -> tuple[list[Recording], int]:
    """The readable recordings, and their rate: as asked, else the usual one of the data (8 to 16 kHz)."""
    frame = read_frame(table, columns.names())
    folder = table.files[0].parent / "media"
    sounds: list[Any] = []
    damaged: list[tuple[int, str]] = []
    cells = frame[columns.audio].tolist()
    for place, cell in enumerate(cells):
        try:
            if cell is None:
                raise Unreadable("The row names no recording.")
            sounds.append((place, refused_if_long(decode(content_of(cell, folder), str(cell)), str(cell))))
        except Unreadable as error:
            damaged.append((place, error.message))
    tell_damaged(damaged, cells, frame.index.to_numpy(), report, what)
    if rate is None:
        rate = max(8000, min(16000, int(np.median([sound.rate for _, sound in sounds]))))
    recordings = []
    for place, sound in sounds:
        row = int(frame.index[place])
        turns = turns_of_row(frame, columns, place, row, sound.seconds)
        speaker = None
        if columns.speaker:
            cell = frame[columns.speaker].iloc[place]
            if cell is None or (isinstance(cell, float) and np.isnan(cell)):
                continue
            speaker = str(cell)
        recordings.append(Recording(row, str(cells[place]), resample(sound.samples, sound.rate, rate), turns, speaker))
    return recordings, rate


def refused_if_long(sound: Any, name: str) -> Any:
    if sound.seconds > MOST_SECONDS:
        raise Unreadable(f'"{name}" lasts {sound.seconds / 60:.0f} min; at most {MOST_SECONDS // 60} are divided. Cut it.', file=name)
    return sound


def turns_of_row(frame: Any, columns: Columns, place: int, row: int, length: float) -> Turns | None:
    if columns.turns is None:
        return None
    cell = frame[columns.turns].iloc[place]
    if cell is None or (isinstance(cell, float) and np.isnan(cell)) or cell == "":
        return None
    turns = read_turns(cell, row, columns.turns)
    late = next((one for one in turns if one["end"] > length + SLACK_SECONDS), None)
    if late:
        raise BadInput(
            f'Row {row}, column "{columns.turns}": a turn ends at {late["end"]:g} s, but the recording lasts {length:.2f} s.',
            row=row,
            column=columns.turns,
        )
    return [one | {"end": min(one["end"], length)} for one in turns if one["start"] < length]
