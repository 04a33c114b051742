"""What diarisation learns from and is judged on: recordings with their turns, or recordings of one speaker each."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np

from atoll_engines.audio.diarisation.score import Turns
from atoll_engines.errors import BadInput

SHORTEST_TURN = 0.25
# Samples between two recordings of a made conversation are as quiet as a quiet room.
ROOM_LEVEL = 3e-5


@dataclass(frozen=True)
class Conversation:
    """Samples at the plan's rate and who spoke when."""

    row: int
    name: str
    samples: np.ndarray
    turns: Turns


def read_turns(value: Any, row: int, column: str) -> Turns:
    """A cell of turns: a JSON list of { "start", "end", "speaker" } in seconds."""
    where = f'Row {row}, column "{column}"'
    try:
        turns = json.loads(value) if isinstance(value, str) else value
    except ValueError as error:
        raise BadInput(f"{where}: the turns are not valid JSON ({error}).", row=row, column=column) from error
    if not isinstance(turns, list):
        raise BadInput(f'{where}: the turns must be a list of {{"start", "end", "speaker"}}.', row=row, column=column)
    read = []
    for number, one in enumerate(turns):
        keys = one if isinstance(one, dict) else {}
        start, end, speaker = keys.get("start"), keys.get("end"), keys.get("speaker")
        numbers = all(isinstance(each, (int, float)) and not isinstance(each, bool) and np.isfinite(each) for each in (start, end))
        if not numbers or speaker in (None, ""):
            raise BadInput(f'{where}: turn {number} needs "start" and "end" in seconds and a "speaker".', row=row, column=column)
        if not 0 <= start < end:
            raise BadInput(f"{where}: turn {number} begins at {start} s and ends at {end} s.", row=row, column=column)
        read.append({"start": float(start), "end": float(end), "speaker": str(speaker)})
    return sorted(read, key=lambda one: (one["start"], one["end"]))


def alone(turns: Turns) -> Turns:
    """The stretches in which one person speaks and nobody else."""
    edges = sorted({one[end] for one in turns for end in ("start", "end")})
    found: Turns = []
    for start, end in zip(edges, edges[1:], strict=False):
        speaking = {one["speaker"] for one in turns if one["start"] <= start and one["end"] >= end}
        if len(speaking) != 1:
            continue
        (speaker,) = speaking
        if found and found[-1]["speaker"] == speaker and found[-1]["end"] == start:
            found[-1]["end"] = end
        else:
            found.append({"start": start, "end": end, "speaker": speaker})
    return [one for one in found if one["end"] - one["start"] >= SHORTEST_TURN]


def make_conversations(clips: list[np.ndarray], speakers: list[str], rate: int, count: int, seed: int) -> list[Conversation]:
    """Recordings of one speaker each, joined with pauses: 2 to 4 speakers, 6 to 12 clips, each speaker heard at least once."""
    random = np.random.default_rng(seed)
    by_speaker: dict[str, list[int]] = {}
    for number, speaker in enumerate(speakers):
        by_speaker.setdefault(speaker, []).append(number)
    names = sorted(by_speaker)
    made = []
    for number in range(count):
        present = random.choice(len(names), min(len(names), int(random.integers(2, 5))), replace=False)
        length = int(random.integers(6, 13))
        order = [names[present[k]] if k < len(present) else names[int(random.choice(present))] for k in range(length)]
        random.shuffle(order)
        parts, turns, at = [], [], 0
        for speaker in order:
            pause = random.normal(0, ROOM_LEVEL, int(rate * random.uniform(0.2, 0.7))).astype(np.float32)
            clip = clips[int(random.choice(by_speaker[speaker]))]
            at += len(pause)
            turns.append({"start": at / rate, "end": (at + len(clip)) / rate, "speaker": speaker})
            at += len(clip)
            parts += [pause, clip]
        made.append(Conversation(number, f"conversation {number}", np.concatenate(parts), turns))
    return made


def trimmed(samples: np.ndarray, parts: list[tuple[int, int]]) -> np.ndarray:
    """A clip from where speech begins to where it ends: silence at its ends is no speech."""
    return samples[parts[0][0] : parts[-1][1]] if parts else samples
