"""How each rule stands while a network learns, and the evidence it rests on, told as events for whoever watches."""

from __future__ import annotations

import math
import time
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from atoll_engines.neural.plan import RULES, TrainingPlan

WATCHING, OK, BROKEN, NOT_APPLICABLE, OFF = "watching", "ok", "broken", "not_applicable", "off"
# Lines of one picture; more cannot be told apart.
MOST_SERIES = 8
# Looks of one training of which the evidence is told; a long training skips evenly.
MOST_LOOKS = 200
TELL_SECONDS = 2.0


class Tells(Protocol):
    """What the rules need of a job's report."""

    def warning(self, code: str, message: str, **facts: Any) -> None: ...

    def event(self, type: str, **fields: Any) -> None: ...


@dataclass
class Standing:
    """One rule: what it last saw, the bound it is held to, and where and when it was broken."""

    rule: str
    state: str = WATCHING
    value: float | None = None
    threshold: float | None = None
    place: str | None = None
    step: int | None = None
    epoch: int | None = None
    message: str | None = None


class Standings:
    """The rules of one training."""

    def __init__(self, plan: TrainingPlan, report: Tells | None, training: str, where: dict[str, Any], looks: int) -> None:
        self.plan, self.report, self.training, self.where = plan, report, training, where
        watched = {*plan.rules.watch, *plan.rules.stop, "nan_loss"}
        self.of = {rule: Standing(rule, WATCHING if rule in watched else OFF) for rule in RULES}
        self.stride = max(1, -(-looks // MOST_LOOKS))
        self.looks, self.told_at = 0, -math.inf
        self.waiting: dict[str, dict[str, float]] = {}

    def not_applicable(self, rule: str, why: str) -> None:
        if self.of[rule].state == WATCHING:
            self.of[rule].state, self.of[rule].message = NOT_APPLICABLE, why

    def saw(self, rule: str, value: float | None, threshold: float | None, *, is_enough: bool = True, **when: int) -> None:
        """What a rule saw that is not broken; `is_enough` says whether it can be called well."""
        now = self.of[rule]
        if now.state in (OFF, BROKEN):
            return
        now.value, now.threshold, now.message = value, threshold, None
        now.step, now.epoch = when.get("step", now.step), when.get("epoch", now.epoch)
        now.state = OK if is_enough else WATCHING

    def broke(self, rule: str, place: str, message: str, **facts: Any) -> None:
        """A rule was broken; the first place stays, with its figures."""
        now = self.of[rule]
        if now.state == BROKEN:
            return
        now.state, now.place, now.message = BROKEN, place, message
        now.value, now.threshold = number(facts.get("value", now.value)), number(facts.get("threshold", now.threshold))
        now.step, now.epoch = facts.get("step", now.step), facts.get("epoch", now.epoch)
        self.tell(is_now=True)

    def evidence(self, rule: str, values: dict[str, float]) -> None:
        """Figures of this look, or of this epoch, by layer or name."""
        if self.report and self.of[rule].state != OFF and values:
            self.waiting[rule] = {name: values[name] for name in chosen(list(values))}

    def concludes_look(self, step: int) -> None:
        """Tell what was seen at a step."""
        is_told = self.looks % self.stride == 0
        self.looks += 1
        self.tell_evidence({"step": step} if is_told else None)

    def concludes_epoch(self, epoch: int) -> None:
        self.tell_evidence({"epoch": epoch})
        self.tell()

    def tell_evidence(self, when: dict[str, int] | None) -> None:
        waiting, self.waiting = self.waiting, {}
        if self.report and waiting and when is not None:
            self.report.event("evidence", training=self.training, values=waiting, **when)

    def tell(self, is_now: bool = False, ended: str | None = None) -> None:
        """How all rules stand; not more often than a page needs."""
        if not self.report or (not is_now and time.monotonic() - self.told_at < TELL_SECONDS):
            return
        self.told_at = time.monotonic()
        rules = [asdict(one) for one in self.of.values()]
        stop = ["nan_loss", *(rule for rule in self.plan.rules.stop if rule != "nan_loss")]
        self.report.event("rules", training=self.training, **self.where, rules=rules, stop=stop, ended=ended)

    def conclude(self, ended: str) -> None:
        for one in self.of.values():
            if one.state == WATCHING:
                one.message = one.message or "The training was too short to tell."
        self.tell(is_now=True, ended=ended)

    def state(self) -> list[dict[str, Any]]:
        return [asdict(one) for one in self.of.values()]

    def restore(self, state: list[dict[str, Any]]) -> None:
        for one in state:
            if one["rule"] in self.of and self.of[one["rule"]].state != OFF:
                self.of[one["rule"]] = Standing(**one)


def chosen(names: list[str]) -> list[str]:
    """Some of many names, evenly from the first to the last."""
    if len(names) <= MOST_SERIES:
        return names
    return [names[round(k * (len(names) - 1) / (MOST_SERIES - 1))] for k in range(MOST_SERIES)]


def number(value: Any) -> float | None:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None
