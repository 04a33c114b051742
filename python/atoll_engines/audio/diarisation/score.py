"""The diarisation error rate: which share of what was spoken is missed, added, or given to somebody else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

Turns = list[dict[str, Any]]


@dataclass(frozen=True)
class DiarisationErrors:
    """Seconds; `spoken` counts every speaker, so that a second in which two speak counts twice."""

    spoken: float
    missed: float
    added: float
    confused: float

    @property
    def rate(self) -> float:
        return (self.missed + self.added + self.confused) / self.spoken if self.spoken else float("nan")

    def __add__(self, other: DiarisationErrors) -> DiarisationErrors:
        return DiarisationErrors(
            self.spoken + other.spoken, self.missed + other.missed, self.added + other.added, self.confused + other.confused
        )


NO_ERRORS = DiarisationErrors(0.0, 0.0, 0.0, 0.0)


def diarisation_errors(actual: Turns, found: Turns, collar: float = 0.0) -> DiarisationErrors:
    """As NIST's md-eval counts (Fiscus et al. 2006): speakers are mapped so that the most time agrees (the assignment problem, Kuhn 1955);
    within `collar` seconds of either side of a true boundary nothing is counted; overlapping speech is. Without a collar it is the
    rate of the DIHARD challenges (Ryant et al. 2019); one of 0.25 s, as NIST has it, hides what happens to turns of a second."""
    from scipy.optimize import linear_sum_assignment

    edges = {one[end] for one in (*actual, *found) for end in ("start", "end")}
    truly = {one[end] for one in actual for end in ("start", "end")}
    edges |= {edge + way * collar for edge in truly for way in (-1, 1)}
    times = np.array(sorted(edges))
    middles, lengths = (times[1:] + times[:-1]) / 2, np.diff(times)
    if collar > 0:
        near = np.abs(middles[:, None] - np.array(sorted(truly))[None]) if truly else np.full((len(middles), 1), np.inf)
        lengths = np.where(near.min(1, initial=np.inf) < collar, 0.0, lengths)
    said, heard = spoken_at(actual, middles), spoken_at(found, middles)
    together = (said.astype(float) * lengths) @ heard.T.astype(float) if len(said) and len(heard) else np.zeros((len(said), len(heard)))
    rows, columns = linear_sum_assignment(-together)
    right = np.zeros(len(middles))
    for row, column in zip(rows, columns, strict=True):
        right += said[row] & heard[column]
    real, claimed = said.sum(0), heard.sum(0)
    return DiarisationErrors(
        float((real * lengths).sum()),
        float((np.maximum(0, real - claimed) * lengths).sum()),
        float((np.maximum(0, claimed - real) * lengths).sum()),
        float(((np.minimum(real, claimed) - right) * lengths).sum()),
    )


def spoken_at(turns: Turns, times: np.ndarray) -> np.ndarray:
    """[speakers, times]: who speaks then."""
    speakers = sorted({str(one["speaker"]) for one in turns})
    spoken = np.zeros((len(speakers), len(times)), bool)
    for one in turns:
        spoken[speakers.index(str(one["speaker"]))] |= (times > one["start"]) & (times < one["end"])
    return spoken
