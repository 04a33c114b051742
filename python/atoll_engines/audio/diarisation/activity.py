"""Where there is speech: frames that are loud enough by the recording's own levels. The server does the same arithmetic."""

from __future__ import annotations

import numpy as np

from atoll_engines.audio.diarisation.plan import DiarisationPlan


def speech_parts(samples: np.ndarray, plan: DiarisationPlan) -> list[tuple[int, int]]:
    """Parts of a recording with speech, from sample to sample."""
    power = frame_power(samples, plan)
    if not len(power):
        return []
    return parts_of(power >= speech_level(power, plan), plan, len(samples))


def frame_power(samples: np.ndarray, plan: DiarisationPlan) -> np.ndarray:
    """The mean square of each frame, from one running sum."""
    total = np.concatenate([[0.0], np.cumsum(samples.astype(np.float64) ** 2)])
    starts = np.arange(0, len(samples) - plan.frame + 1, plan.hop)
    return (total[starts + plan.frame] - total[starts]) / plan.frame


def speech_level(power: np.ndarray, plan: DiarisationPlan) -> float:
    ordered = np.sort(power)
    loud, quiet = ordered[int(0.95 * (len(ordered) - 1))], ordered[int(0.1 * (len(ordered) - 1))]
    return max(loud * plan.below_loud, min(quiet * plan.above_quiet, loud * plan.most_quiet), plan.least)


def parts_of(is_speech: np.ndarray, plan: DiarisationPlan, length: int) -> list[tuple[int, int]]:
    """Runs of frames without their short pauses and without what is too short, in samples."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], is_speech.astype(int), [0]])))
    joined: list[list[int]] = []
    for begin, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        if joined and begin - joined[-1][1] < plan.shortest_pause:
            joined[-1][1] = end
        else:
            joined.append([begin, end])
    parts: list[tuple[int, int]] = []
    for begin, end in joined:
        if end - begin < plan.shortest_speech:
            continue
        first = max(0, (begin - plan.margin) * plan.hop)
        last = min(length, (end - 1 + plan.margin) * plan.hop + plan.frame)
        if parts and first < parts[-1][1]:
            first = parts[-1][1]
        parts.append((first, last))
    return parts
