"""The learning rate by step, as a function of the step alone: nothing to store but what a plateau has seen."""

from __future__ import annotations

import math

from atoll_engines.neural.plan import TrainingPlan

# One-cycle (Smith and Topin 2018): the rate starts and ends far below its peak.
CYCLE_START, CYCLE_END, CYCLE_RISE = 1 / 25, 1e-4, 0.3
COSINE_END = 0.01


def factor(plan: TrainingPlan, step: int, steps_per_epoch: int) -> float:
    """What the learning rate is multiplied by at a step (counted from 0); a plateau's reductions come on top."""
    total = max(1, plan.epochs * steps_per_epoch)
    if plan.schedule == "one_cycle":
        return one_cycle(step / total)
    rise = round(plan.warmup * total)
    if step < rise:
        return (step + 1) / (rise + 1)
    if plan.schedule == "cosine":
        done = (step - rise) / max(1, total - rise)
        return COSINE_END + (1 - COSINE_END) * 0.5 * (1 + math.cos(math.pi * min(1.0, done)))
    if plan.schedule == "step":
        return plan.step_factor ** (step // steps_per_epoch // plan.step_every)
    return 1.0


def one_cycle(done: float) -> float:
    if done < CYCLE_RISE:
        return between(CYCLE_START, 1.0, done / CYCLE_RISE)
    return between(1.0, CYCLE_END, (done - CYCLE_RISE) / (1 - CYCLE_RISE))


def between(start: float, end: float, share: float) -> float:
    return end + (start - end) * 0.5 * (1 + math.cos(math.pi * min(1.0, share)))


class Plateau:
    """Lowers the rate when the validation has not gained for `step_every` epochs."""

    def __init__(self, plan: TrainingPlan) -> None:
        self.plan, self.factor, self.waited = plan, 1.0, 0

    def after_epoch(self, has_gained: bool) -> None:
        if self.plan.schedule != "plateau":
            return
        self.waited = 0 if has_gained else self.waited + 1
        if self.waited >= self.plan.step_every:
            self.factor, self.waited = self.factor * self.plan.step_factor, 0

    def state(self) -> dict[str, float]:
        return {"factor": self.factor, "waited": self.waited}

    def restore(self, state: dict[str, float]) -> None:
        self.factor, self.waited = float(state["factor"]), int(state["waited"])
