"""What a training asks for whose answers are texts, checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from atoll_engines.contract import Job
from atoll_engines.errors import BadInput, what_exists
from atoll_engines.sequences.metrics import METRICS
from atoll_engines.tabular.algorithms.model import Algorithm


@dataclass(frozen=True)
class Request:
    """One algorithm, its parameters and space, and how it is validated."""

    task: str
    target: str
    metric: str
    algorithm: Algorithm
    params: dict[str, Any]
    space: dict[str, Any]
    strategy: str
    trials: int
    seconds: float | None
    kind: str
    folds: int
    group_column: str | None
    time_column: str | None
    options: dict[str, Any]


def read_request(job: Job, task: str, algorithms: tuple[Algorithm, ...]) -> Request:
    parameters = job.parameters
    target = parameters.get("target")
    if not target:
        raise BadInput("The job names no target column: the one that holds the texts.", parameter="target")
    metric = parameters.get("metric") or METRICS[task][0]
    if metric not in METRICS[task]:
        raise BadInput(
            f'The metric "{metric}" does not fit a {task} task. {what_exists(metric, METRICS[task], "metrics")}', parameter="metric"
        )
    refuse_settings_of_classes(parameters, task)
    known = {one.name: one for one in algorithms}
    asked = [name for name in parameters.get("algorithms") or ["auto"] if name != "auto"] or [algorithms[0].name]
    for name in asked:
        if name not in known:
            raise BadInput(f'There is no algorithm "{name}" for the task {task}. {what_exists(name, known, "algorithms")}', algorithm=name)
    algorithm = known[asked[0]]
    search, validation = parameters.get("search") or {}, parameters.get("validation") or {}
    given = (search.get("space") or {}).get(algorithm.name) or {}
    fixed = {name: value for name, value in given.items() if not isinstance(value, dict)}
    space = {name: value for name, value in (given or algorithm.space).items() if isinstance(value, dict)}
    strategy = search.get("strategy") or "tpe"
    return Request(
        task=task, target=target, metric=metric, algorithm=algorithm,
        params=dict(algorithm.defaults) | fixed, space=space, strategy=strategy,
        # A network is fitted with its defaults; more trials only where they are asked for.
        trials=1 if strategy == "none" else int(search.get("trials") or 1), seconds=search.get("budgetSeconds"),
        kind=validation.get("kind") or "holdout", folds=int(validation.get("folds") or 5),
        group_column=validation.get("groupColumn"), time_column=validation.get("timeColumn"),
        options=dict(parameters.get("options") or {}),
    )  # fmt: skip


def refuse_settings_of_classes(parameters: dict[str, Any], task: str) -> None:
    """Settings that mean nothing here are refused rather than passed over."""
    if (parameters.get("calibration") or "none") != "none":
        raise BadInput(f"Calibration is of the probabilities of classes; a {task} task has none.", parameter="calibration")
    if (parameters.get("imbalance") or "auto") not in ("auto", "none"):
        raise BadInput(f"Unequal classes are of no concern to a {task} task; leave imbalance out.", parameter="imbalance")
    steps = (parameters.get("recipe") or {}).get("steps")
    if steps:
        raise BadInput(f"A {task} task reads its column as it is; leave the recipe out.", parameter="recipe")
