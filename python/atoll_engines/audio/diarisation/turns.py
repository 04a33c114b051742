"""A recording to turns: speech, windows, embeddings, groups, and who speaks from when to when. The server does the same arithmetic."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from atoll_engines.audio.diarisation.activity import speech_parts
from atoll_engines.audio.diarisation.grouping import Merges, groups_of
from atoll_engines.audio.diarisation.plan import DiarisationPlan

# float32 [N, window] to vectors [N, width] of length 1.
Embed = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Heard:
    """The windows of a recording: which part of speech each is of, from sample to sample, and how it sounds."""

    parts: list[tuple[int, int]]
    part: np.ndarray
    begin: np.ndarray
    end: np.ndarray
    vectors: np.ndarray


def hear(samples: np.ndarray, plan: DiarisationPlan, embed: Embed) -> Heard:
    parts = speech_parts(samples, plan)
    places = [(number, begin, end) for number, part in enumerate(parts) for begin, end in windows_of(*part, plan)]
    cut = np.zeros((len(places), plan.window), np.float32)
    for row, (_, begin, end) in enumerate(places):
        cut[row, : end - begin] = samples[begin:end]
    part, begin, end = (np.array([one[k] for one in places], dtype=int) for k in range(3))
    return Heard(parts, part, begin, end, embed(cut))


def windows_of(begin: int, end: int, plan: DiarisationPlan) -> list[tuple[int, int]]:
    """Windows over a part of speech; the last one ends with it. A part that is shorter than a window is one."""
    if end - begin <= plan.window:
        return [(begin, end)]
    last = end - plan.window
    starts = list(range(begin, last, plan.step))
    return [(start, start + plan.window) for start in [*starts, last]]


def turns_of(heard: Heard, plan: DiarisationPlan, merges: Merges | None = None) -> list[dict[str, Any]]:
    """Who speaks when, in seconds. Between two windows the change lies midway between their middles."""
    if not len(heard.begin):
        return []
    groups = groups_of(heard.vectors, plan, merges)
    turns: list[dict[str, Any]] = []
    count = len(groups)
    begin = heard.parts[heard.part[0]][0]
    for row in range(count):
        is_last = row + 1 == count or heard.part[row + 1] != heard.part[row]
        if not is_last and groups[row + 1] == groups[row]:
            continue
        if is_last:
            end = heard.parts[heard.part[row]][1]
        else:
            end = (int(heard.begin[row] + heard.end[row]) // 2 + int(heard.begin[row + 1] + heard.end[row + 1]) // 2) // 2
        turns.append({"start": seconds(begin, plan), "end": seconds(end, plan), "speaker": f"S{groups[row] + 1}"})
        if row + 1 < count:
            begin = heard.parts[heard.part[row + 1]][0] if is_last else end
    return turns


def seconds(sample: int, plan: DiarisationPlan) -> float:
    """To the hundredth, halves upwards."""
    return math.floor(sample / plan.rate * 100 + 0.5) / 100


def as_words(turns: list[dict[str, Any]]) -> list[str]:
    """Turns as the check of serving compares them."""
    return [f"{one['start']:.2f}-{one['end']:.2f} {one['speaker']}" for one in turns]
