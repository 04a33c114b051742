"""What validation settles: how quiet speech may be, and how far apart two voices are."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from atoll_engines.audio.diarisation.activity import speech_parts
from atoll_engines.audio.diarisation.grouping import Merges, merges_within
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
    merges = [merges_within(one.vectors, plan) for one in heard]
    # A collar would hide what happens to short turns.
    rates = {each: errors_of(conversations, heard, merges, replace(plan, threshold=each), 0.0).rate for each in tried}
    best = min(rates.values())
    # Of those that are as good, the middle one is the farthest from being wrong.
    good = [each for each, rate in rates.items() if rate <= best + 1e-9]
    curve = [{"threshold": each, "diarisation_error_rate": rate} for each, rate in rates.items()]
    return Settled(replace(plan, threshold=good[len(good) // 2]), curve)


def speech_errors(conversations: list[Conversation], plan: DiarisationPlan, level: int, collar: float) -> float:
    """Missed and added speech at a level, with everybody one speaker."""
    tried = replace(plan, below_loud=decibels(level))
    total = NO_ERRORS
    for one in conversations:
        found = [turn_of(part, tried) for part in speech_parts(one.samples, tried)]
        everybody = [turn | {"speaker": "all"} for turn in one.turns]
        total += diarisation_errors(everybody, found, collar)
    return total.missed + total.added


def turn_of(part: tuple[int, int], plan: DiarisationPlan) -> dict[str, Any]:
    return {"start": part[0] / plan.rate, "end": part[1] / plan.rate, "speaker": "all"}


def errors_of(
    conversations: list[Conversation], heard: list[Heard], merges: list[Merges], plan: DiarisationPlan, collar: float
) -> DiarisationErrors:
    total = NO_ERRORS
    for one, each, known in zip(conversations, heard, merges, strict=True):
        total += diarisation_errors(one.turns, turns_of(each, plan, known), collar)
    return total
