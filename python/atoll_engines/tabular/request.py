"""What a training job asks for, read from its parameters and checked."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from atoll_engines.errors import BadInput, what_exists
from atoll_engines.tabular.imbalance import CHOICES
from atoll_engines.tabular.metrics import LOWER_IS_BETTER, metric_names
from atoll_engines.tabular.thresholds import Costs

TASKS = ("binary", "multiclass", "regression")
KINDS = ("stratified", "kfold", "grouped", "time", "holdout")
# `runtime` is for the platform, which has seen to it already.
OPTIONS = ("members", "meta", "passthrough", "base", "left", "runtime", "rules")
USUAL_METRIC = {"binary": "roc_auc", "multiclass": "f1_macro", "regression": "rmse", "multilabel": "f1_macro"}


@dataclass(frozen=True)
class Request:
    """The parameters of `tabular.train`, with defaults filled in."""

    task: str
    target: str
    positive: object
    metric: str
    at_least: float | None
    costs: Costs | None
    recipe: dict[str, Any]
    algorithms: list[str]
    search: dict[str, Any]
    kind: str
    folds: int
    group_column: str | None
    time_column: str | None
    imbalance: str
    calibration: str
    importance: bool
    options: dict[str, Any] = field(default_factory=dict)


def read_request(
    parameters: dict[str, Any], tasks: tuple[str, ...] = TASKS, known_options: tuple[str, ...] | None = OPTIONS
) -> Request:
    """Read the parameters; a value that cannot be meant is refused by its name. Of options not known here the caller sees to it."""
    task = parameters.get("task")
    if task not in tasks:
        raise BadInput(f'The task is "{task}"; it must be one of: {", ".join(tasks)}.', parameter="task")
    target = parameters.get("target")
    if not target:
        raise BadInput("The job names no target column.", parameter="target")
    metric = parameters.get("metric") or USUAL_METRIC[task]
    if metric not in metric_names(task):
        raise BadInput(
            f'The metric "{metric}" does not fit a {task} task. {what_exists(metric, metric_names(task), "metrics")}',
            parameter="metric",
        )
    goal = parameters.get("goal") or {}
    validation = parameters.get("validation") or {}
    imbalance = one_of("imbalance", parameters.get("imbalance") or "auto", CHOICES)
    if task == "regression" and imbalance not in ("auto", "none"):
        raise BadInput(f'"{imbalance}" answers unequal classes; a regression has none.', parameter="imbalance")
    if task == "multilabel" and imbalance not in ("auto", "none"):
        raise BadInput(f'"{imbalance}" answers unequal classes; with several labels a row there are none.', parameter="imbalance")
    folds = int(validation.get("folds") or 5)
    if not 2 <= folds <= 50:
        raise BadInput(f"{folds} folds were asked for; between 2 and 50 make sense.", parameter="folds")
    calibration = one_of("calibration", parameters.get("calibration") or "none", ("none", "sigmoid", "isotonic"))
    return Request(
        task=task,
        target=target,
        positive=parameters.get("positive"),
        metric=metric,
        at_least=goal.get("atLeast") if metric not in LOWER_IS_BETTER else None,
        costs=read_costs(goal) if task == "binary" else None,
        recipe=parameters.get("recipe") or {"auto": True},
        algorithms=list(parameters.get("algorithms") or ["auto"]),
        search=parameters.get("search") or {},
        kind=one_of("validation.kind", validation.get("kind") or "stratified", KINDS),
        folds=folds,
        group_column=validation.get("groupColumn"),
        time_column=validation.get("timeColumn"),
        imbalance=imbalance,
        calibration=calibration if task in ("binary", "multiclass") else "none",
        importance=parameters.get("importance", True),
        options=read_options(parameters.get("options") or {}) if known_options else {},
    )


def read_options(options: dict[str, Any]) -> dict[str, Any]:
    """What only tables know: of whom an ensemble is made, which columns describe the left object of a pair."""
    for name in options:
        if name not in OPTIONS:
            raise BadInput(f'There is no option "{name}" for tables. {what_exists(name, OPTIONS, "options")}', parameter=name)
    return options


def read_costs(goal: dict[str, Any]) -> Costs | None:
    """Costs where the goal gives either; the other counts as 1."""
    alarm, miss = goal.get("costFalsePositive"), goal.get("costFalseNegative")
    if alarm is None and miss is None:
        return None
    costs = Costs(1.0 if alarm is None else float(alarm), 1.0 if miss is None else float(miss))
    if min(costs.false_positive, costs.false_negative) < 0 or costs.false_positive + costs.false_negative == 0:
        raise BadInput("The costs of errors must not be below zero, and one must be above it.", parameter="goal")
    return costs


def one_of(name: str, value: str, known: tuple[str, ...]) -> str:
    if value not in known:
        raise BadInput(f'{name} is "{value}"; it must be one of: {", ".join(known)}.', parameter=name)
    return value
