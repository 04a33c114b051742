"""What validation settles: how quiet speech may be, and how far apart two voices are."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from atoll_engines.audio.diarisation.plan import DiarisationPlan, decibels
from atoll_engines.audio.diarisation.recordings import Conversation
from atoll_engines.audio.diarisation.score import NO_ERRORS, DiarisationErrors, diarisation_errors
from atoll_engines.audio.diarisation.turns import Embed, Heard, hear, turns_of

LEVELS = (-25, -30, -35, -40, -45, -50)
THRESHOLDS = tuple(round(0.05 * k, 2) for k in range(1, 29))


@dataclass(frozen=True)
class Settled:
    """The plan, and the error at every threshold that was tried."""

    plan: DiarisationPlan
    curve: list[dict[str, float]]


def settle(conversations: list[Conversation], plan: DiarisationPlan, embed: Embed, collar: float, threshold: float | None) -> Settled:
    """First the level, by what is missed and added when nobody is told apart; then the threshold, by the whole error."""
    plan = replace(plan, below_loud=decibels(min(LEVELS, key=lambda level: speech_errors(conversations, plan, level, collar))))
    heard = [hear(one.samples, plan, embed) for one in conversations]
    tried = THRESHOLDS if threshold is None else (threshold,)
    rates = {each: errors_of(conversations, heard, replace(plan, threshold=each), collar).rate for each in tried}
    best = min(rates.values())
    # Of those that are as good, the middle one is the farthest from being wrong.
    good = [each for each, rate in rates.items() if rate <= best + 1e-9]
    curve = [{"threshold": each, "diarisation_error_rate": rate} for each, rate in rates.items()]
    return Settled(replace(plan, threshold=good[len(good) // 2]), curve)


def speech_errors(conversations: list[Conversation], plan: DiarisationPlan, level: int, collar: float) -> float:
    """Missed and added speech at a level, with everybody one speaker."""
    tried = replace(plan, below_loud=decibels(level), speakers=1)
    total = NO_ERRORS
    for one in conversations:
        heard = hear(one.samples, tried, lambda cut: np.ones((len(cut), 1)))
        everybody = [turn | {"speaker": "all"} for turn in one.turns]
        total += diarisation_errors(everybody, turns_of(heard, tried), collar)
    return total.missed + total.added


def errors_of(conversations: list[Conversation], heard: list[Heard], plan: DiarisationPlan, collar: float) -> DiarisationErrors:
    total = NO_ERRORS
    for one, each in zip(conversations, heard, strict=True):
        total += diarisation_errors(one.turns, turns_of(each, plan), collar)
    return total
