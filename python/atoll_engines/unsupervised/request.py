"""What a job without a target asks for, read from its parameters and checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from atoll_engines.errors import BadInput, what_exists
from atoll_engines.unsupervised.algorithms.model import TASKS
from atoll_engines.unsupervised.metrics import USUAL_METRIC, metric_names

# These figures compare rows with rows, so that smaller parts would say less of the whole.
MOST_FOLDS = 3
OPTIONS = {
    "labelColumn": "a column to compare the result with; never used in fitting",
    "textColumn": "the column of texts that topics or vectors of words are learned from",
    "clusters": "the number of groups, or the least and the most",
    "contamination": "the share of rows taken to be anomalies",
    "components": "how many numbers a projection gives",
    "topics": "the number of topics, or the least and the most",
}


@dataclass(frozen=True)
class Request:
    """The parameters of `unsupervised.train`, with defaults filled in."""

    task: str
    metric: str
    recipe: dict[str, Any]
    algorithms: list[str]
    search: dict[str, Any]
    folds: int
    label: str | None
    text: str | None
    # The least and the most number of groups or topics that are tried; None leaves it to the algorithm.
    groups: tuple[int, int] | None
    components: int | None
    contamination: float


def read_request(parameters: dict[str, Any]) -> Request:
    """Read the parameters; a value that cannot be meant is refused by its name."""
    task = parameters.get("task")
    if task not in TASKS:
        raise BadInput(f'The task is "{task}"; it must be one of: {", ".join(TASKS)}.', parameter="task")
    options = parameters.get("options") or {}
    for name in options:
        if name not in OPTIONS:
            raise BadInput(f'There is no option "{name}". {what_exists(name, OPTIONS, "options")}', parameter=f"options.{name}")
    label = options.get("labelColumn") or parameters.get("target") or None
    metric = parameters.get("metric") or USUAL_METRIC[task]
    if metric not in metric_names(task, with_label=True):
        known = metric_names(task, with_label=label is not None)
        raise BadInput(
            f'The metric "{metric}" does not fit a {task} task. {what_exists(metric, known, "metrics")}', parameter="metric"
        )
    if metric not in metric_names(task, with_label=label is not None):
        raise BadInput(
            f'The metric "{metric}" compares with known labels; name their column as options.labelColumn.', parameter="metric"
        )
    folds = int((parameters.get("validation") or {}).get("folds") or MOST_FOLDS)
    if folds < 2:
        raise BadInput(f"{folds} folds were asked for; at least 2 make sense.", parameter="folds")
    contamination = options.get("contamination")
    contamination = 0.02 if contamination is None else contamination
    if not isinstance(contamination, (int, float)) or not 0 < contamination < 0.5:
        raise BadInput(
            f"options.contamination is {contamination}; it is a share of the rows between 0 and 0.5.",
            parameter="options.contamination",
        )
    components = options.get("components")
    if components is not None and not (isinstance(components, int) and 1 <= components <= 500):
        raise BadInput(
            f"options.components is {components}; it is a whole number from 1 to 500.", parameter="options.components"
        )
    return Request(
        task=task,
        metric=metric,
        recipe=parameters.get("recipe") or {"auto": True},
        algorithms=list(parameters.get("algorithms") or ["auto"]),
        search=parameters.get("search") or {},
        folds=min(folds, MOST_FOLDS),
        label=label,
        text=options.get("textColumn"),
        groups=read_groups(options, "topics" if task == "topics" else "clusters"),
        components=components,
        contamination=float(contamination),
    )


def read_groups(options: dict[str, Any], name: str) -> tuple[int, int] | None:
    """The option as a range; one number is both its ends."""
    value = options.get(name)
    if value is None:
        return None
    ends = value if isinstance(value, list) else [value, value]
    whole = len(ends) == 2 and all(isinstance(end, int) and not isinstance(end, bool) for end in ends)
    if not whole or not 2 <= ends[0] <= ends[1] <= 200:
        raise BadInput(
            f"options.{name} is {value}; it is a whole number from 2 to 200, or the least and the most.",
            parameter=f"options.{name}",
        )
    return ends[0], ends[1]
