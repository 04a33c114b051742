"""Pieces of one speaker's speech, of the length that the network hears, to learn voices from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from atoll_engines.audio.diarisation.activity import speech_parts
from atoll_engines.audio.diarisation.plan import DiarisationPlan
from atoll_engines.audio.diarisation.read import Recording
from atoll_engines.audio.diarisation.recordings import alone, trimmed
from atoll_engines.audio.diarisation.turns import windows_of
from atoll_engines.errors import BadInput

SHORTEST_SECONDS = 0.25


@dataclass(frozen=True)
class Pieces:
    """float32 [N, window], and who speaks in each."""

    sounds: np.ndarray
    speakers: np.ndarray
    names: tuple[str, ...]


def pieces_of(recordings: list[Recording], plan: DiarisationPlan, local_speakers: bool) -> Pieces:
    """Every stretch in which one person speaks, cut as recordings are cut when they are divided."""
    cut: list[np.ndarray] = []
    who: list[str] = []
    for one in recordings:
        stretches = alone(one.turns) if one.turns is not None else [{"start": 0.0, "end": np.inf, "speaker": one.speaker}]
        for stretch in stretches:
            end = min(len(one.samples), stretch["end"] * plan.rate)
            part = one.samples[int(stretch["start"] * plan.rate) : int(end)]
            if one.turns is None:
                part = trimmed(part, speech_parts(part, plan))
            if len(part) < SHORTEST_SECONDS * plan.rate:
                continue
            for begin, stop in windows_of(0, len(part), plan):
                cut.append(np.pad(part[begin:stop], (0, plan.window - (stop - begin))))
                who.append(f"{one.row} {stretch['speaker']}" if local_speakers else str(stretch["speaker"]))
    names = tuple(sorted(set(who)))
    if len(names) < 2:
        raise BadInput(
            f"Voices are learned by telling them apart, and the recordings to learn from have {len(names)} speaker"
            f"{'' if len(names) == 1 else 's'} ({', '.join(names[:3]) or 'none'}). Add recordings of others."
        )
    number = {name: k for k, name in enumerate(names)}
    return Pieces(np.stack(cut), np.array([number[one] for one in who]), names)
