"""How a network is trained: the options that every neural engine has in common, read and checked."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from typing import Any

from atoll_engines.errors import BadInput, what_exists

OPTIMISERS = ("adamw", "adam", "sgd")
SCHEDULES = ("constant", "step", "plateau", "cosine", "one_cycle")
PRECISIONS = ("auto", "fp32", "bf16")
SAMPLERS = ("shuffle", "weighted")
CLASS_WEIGHTS = ("none", "balanced")
KEEP = ("best", "last")
SWITCH = ("auto", "on", "off")
RULES = (
    "vanishing_gradient", "exploding_gradient", "dead_relu", "saturated_activation", "loss_not_decreasing", "nan_loss",
    "overfitting", "overtraining", "class_imbalance", "poor_initialisation", "data_stall", "forgetting",
)  # fmt: skip


@dataclass(frozen=True)
class RulePlan:
    """Which rules are watched, and which of them end the job when they are broken."""

    watch: tuple[str, ...] = RULES
    stop: tuple[str, ...] = ()
    # Steps between two looks at gradients and activations; None: 50, and fewer in a short training.
    every: int | None = None


@dataclass(frozen=True)
class TrainingPlan:
    """One training: what is minimised how, for how long, and what is watched."""

    epochs: int = 10
    # Rows of one optimiser step are batch_size * accumulate, over all devices together.
    batch_size: int = 64
    accumulate: int = 1
    optimiser: str = "adamw"
    learning_rate: float = 1e-3
    momentum: float = 0.9
    weight_decay: float = 0.01
    l1: float = 0.0
    schedule: str = "cosine"
    # Share of all steps in which the learning rate rises from nothing.
    warmup: float = 0.0
    # `step`: epochs between two steps; `plateau`: epochs without gain; both multiply by `step_factor`.
    step_every: int = 3
    step_factor: float = 0.3
    label_smoothing: float = 0.0
    # Alpha of the Beta distribution that mixes pairs of rows; 0 is none.
    mixup: float = 0.0
    clip_norm: float | None = 1.0
    # Epochs without a better validation before training ends; None trains to the end.
    patience: int | None = None
    # Which weights are kept: those of the epoch with the best validation, or the last ones, which validation had no say in.
    keep: str = "best"
    precision: str = "auto"
    channels_last: str = "auto"
    compile: str = "auto"
    # Decay of a running mean of the weights, which is then what is validated and kept; 0 is none.
    ema: float = 0.0
    class_weights: str = "none"
    sampler: str = "shuffle"
    seed: int = 0
    threads: int = 1
    # Validate after so many epochs; the last epoch always is.
    validate_every: int = 1
    checkpoint_seconds: float = 60.0
    rules: RulePlan = field(default_factory=RulePlan)

    @property
    def step_rows(self) -> int:
        return self.batch_size * self.accumulate


def read_plan(
    options: dict[str, Any],
    seed: int = 0,
    threads: int = 1,
    defaults: dict[str, Any] | None = None,
    params: dict[str, Any] | None = None,
) -> TrainingPlan:
    """The plan that `options` (as users write them: `learningRate`) ask for; others than `PLAN_OPTIONS` are the caller's.

    `defaults` are the engine's own, `params` what a search tries; both name fields (`learning_rate`) and may hold others.
    """
    plan = replace(TrainingPlan(), **known_fields(defaults or {}), seed=seed, threads=threads)
    checked = {}
    for name, value in {**by_option(params or {}), **options}.items():
        if name in READERS and value is not None:
            option_field, read = READERS[name]
            checked[option_field] = read(name, value)
        elif name in NULLABLE and value is None:
            checked[READERS[name][0]] = None
    if "rules" in options:
        checked["rules"] = read_rules(options["rules"])
    plan = replace(plan, **checked)
    if plan.warmup and plan.schedule == "plateau":
        raise BadInput("warmup cannot be joined with the schedule plateau; choose another schedule.", parameter="warmup")
    return plan


def refuse_unknown(options: dict[str, Any], own: tuple[str, ...] | list[str] | set[str], noun: str) -> None:
    """Options that neither the plan nor the engine (`own`) knows are refused by name; `noun` is plural, e.g. "images"."""
    # `runtime` is for the platform, which has seen to it already.
    known = [*own, *PLAN_OPTIONS, "runtime"]
    for name in options:
        if name not in known:
            raise BadInput(f'There is no option "{name}" for {noun}. {what_exists(name, known, "options")}', parameter=name)


def number(low: float, high: float = math.inf, above: bool = False) -> Callable[[str, Any], float]:
    """A reader of numbers from `low` (or above it) to `high`."""

    def read(name: str, value: Any) -> float:
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
        if not is_number or value > high or (value <= low if above else value < low):
            bounds = f"{'above' if above else 'at least'} {low:g}" + ("" if high == math.inf else f" and at most {high:g}")
            raise BadInput(f"{name} is {value!r}; it must be a number {bounds}.", parameter=name)
        return float(value)

    return read


def whole(low: int, high: int) -> Callable[[str, Any], int]:
    """A reader of whole numbers."""

    def read(name: str, value: Any) -> int:
        is_whole = isinstance(value, (int, float)) and not isinstance(value, bool) and float(value).is_integer()
        if not is_whole or not low <= value <= high:
            raise BadInput(f"{name} is {value!r}; it must be a whole number from {low} to {high}.", parameter=name)
        return int(value)

    return read


def choice(known: tuple[str, ...]) -> Callable[[str, Any], str]:
    """A reader of one word out of several; true and false stand for on and off."""

    def read(name: str, value: Any) -> str:
        if isinstance(value, bool) and known == SWITCH:
            return "on" if value else "off"
        if value not in known:
            raise BadInput(f"{name} is {value!r}; it must be one of: {', '.join(known)}.", parameter=name)
        return value

    return read


def read_rules(asked: Any) -> RulePlan:
    """`{"watch": [names], "stop": [names], "every": 50}`; `false` watches none."""
    if asked is None:
        return RulePlan()
    if asked is False:
        return RulePlan(watch=("nan_loss",))
    if not isinstance(asked, dict):
        raise BadInput('rules must be an object such as {"stop": ["overfitting"]}.', parameter="rules")
    for name in asked:
        if name not in ("watch", "stop", "every"):
            raise BadInput(f'There is no "{name}" in rules; there are watch, stop and every.', parameter="rules")
    plan = RulePlan()
    named = {}
    for part in ("watch", "stop"):
        names = asked.get(part)
        if names is None:
            continue
        for name in names if isinstance(names, list) else [names]:
            if name not in RULES:
                raise BadInput(f'There is no rule "{name}". {what_exists(str(name), RULES, "rules")}', parameter="rules")
        named[part] = tuple(names)
    if "every" in asked:
        named["every"] = whole(1, 1_000_000)("rules.every", asked["every"])
    return replace(plan, **named)


READERS: dict[str, tuple[str, Callable[[str, Any], Any]]] = {
    "epochs": ("epochs", whole(1, 10_000)),
    "batchSize": ("batch_size", whole(1, 1_000_000)),
    "accumulate": ("accumulate", whole(1, 10_000)),
    "optimiser": ("optimiser", choice(OPTIMISERS)),
    "learningRate": ("learning_rate", number(0, 100, above=True)),
    "momentum": ("momentum", number(0, 0.9999)),
    "weightDecay": ("weight_decay", number(0, 10)),
    "l1": ("l1", number(0, 10)),
    "schedule": ("schedule", choice(SCHEDULES)),
    "warmup": ("warmup", number(0, 0.9)),
    "stepEvery": ("step_every", whole(1, 10_000)),
    "stepFactor": ("step_factor", number(0, 1, above=True)),
    "labelSmoothing": ("label_smoothing", number(0, 0.9)),
    "mixup": ("mixup", number(0, 10)),
    "clipNorm": ("clip_norm", number(0, above=True)),
    "patience": ("patience", whole(1, 10_000)),
    "keep": ("keep", choice(KEEP)),
    "precision": ("precision", choice(PRECISIONS)),
    "channelsLast": ("channels_last", choice(SWITCH)),
    "compile": ("compile", choice(SWITCH)),
    "ema": ("ema", number(0, 0.99999)),
    "classWeights": ("class_weights", choice(CLASS_WEIGHTS)),
    "sampler": ("sampler", choice(SAMPLERS)),
    "validateEvery": ("validate_every", whole(1, 10_000)),
    "checkpointSeconds": ("checkpoint_seconds", number(0)),
}
NULLABLE = ("clipNorm", "patience")
PLAN_OPTIONS = (*READERS, "rules")


def known_fields(values: dict[str, Any]) -> dict[str, Any]:
    names = {one.name for one in fields(TrainingPlan)}
    return {name: value for name, value in values.items() if name in names}


def by_option(params: dict[str, Any]) -> dict[str, Any]:
    """What a search tries, under the names of options."""
    options = {option_field: name for name, (option_field, _) in READERS.items()}
    return {options[name]: value for name, value in params.items() if name in options}
