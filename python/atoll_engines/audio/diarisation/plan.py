"""How a recording is divided among speakers: the numbers that training settles and serving reads."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class DiarisationPlan:
    """The server reads the same (src/ports/inference/turns/): lengths in samples, levels as shares of power."""

    rate: int
    # What the network hears at once, and how far apart windows begin.
    window: int
    step: int
    # Frames of the search for speech.
    frame: int
    hop: int
    # A frame is speech from the largest of: the 95th percentile of power times `below_loud`, the 10th times `above_quiet` (at most the
    # 95th times `most_quiet`), and `least`.
    below_loud: float
    above_quiet: float
    most_quiet: float
    least: float
    # Shorter pauses are speech, shorter speech is none, and so much is added at either end (frames).
    shortest_pause: int
    shortest_speech: int
    margin: int
    # Groups of windows further apart than this (mean cosine distance) are two speakers.
    threshold: float
    # The number of speakers where it is known.
    speakers: int | None
    # Windows that are grouped; of longer recordings the others join the nearest group.
    most_windows: int = 1500

    def as_json(self) -> dict[str, Any]:
        names = {
            "below_loud": "belowLoud", "above_quiet": "aboveQuiet", "most_quiet": "mostQuiet", "shortest_pause": "shortestPause",
            "shortest_speech": "shortestSpeech", "most_windows": "mostWindows",
        }  # fmt: skip
        return {names.get(name, name): value for name, value in asdict(self).items()}


def usual_plan(rate: int, window: float, step: float, speakers: int | None = None) -> DiarisationPlan:
    return DiarisationPlan(
        rate=rate, window=round(window * rate), step=round(step * rate), frame=round(0.025 * rate), hop=round(0.01 * rate),
        below_loud=decibels(-35), above_quiet=decibels(6), most_quiet=decibels(-20), least=decibels(-65),
        shortest_pause=25, shortest_speech=10, margin=4, threshold=0.6, speakers=speakers,
    )  # fmt: skip


def decibels(value: float) -> float:
    return float(10 ** (value / 10))
