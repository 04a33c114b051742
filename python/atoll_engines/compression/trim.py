"""The engine `compression.trim`: the same algorithm with fewer columns, as long as validation says that they are enough."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from atoll_engines.compression.derived import open_derived
from atoll_engines.compression.fewer_columns import steps_without
from atoll_engines.contract import Job, Report, write_json
from atoll_engines.errors import BadInput
from atoll_engines.recipes import named_columns
from atoll_engines.tabular import train
from atoll_engines.tabular.algorithms import ALGORITHMS
from atoll_engines.tabular.algorithms.model import Setting
from atoll_engines.tabular.metrics import sign
from atoll_engines.tabular.request import read_request
from atoll_engines.tabular.sides import left_columns
from atoll_engines.tabular.training_table import open_source, read_labels
from atoll_engines.tabular.trial import Trials

# Shares of the columns that are tried, the most important first.
SHARES = (0.8, 0.65, 0.5, 0.4, 0.3, 0.22, 0.16, 0.1, 0.06)


@dataclass(frozen=True)
class Tried:
    """So many of the most important columns, and the metric on the folds with them."""

    columns: list[str]
    mean: float
    error: float


def run(job: Job, report: Report) -> dict[str, Any]:
    """Tries ever fewer columns, takes the fewest within the allowed standard errors of the best, and trains on those."""
    derived = open_derived(job)
    if not derived.is_table or any(one["type"] == "text" for one in derived.signature["inputs"]):
        raise BadInput("Columns can be trimmed from models of tables of numbers and categories.")
    algorithm = (job.parameters.get("algorithms") or [""])[0]
    if algorithm not in ALGORITHMS or ALGORITHMS[algorithm].is_ensemble:
        raise BadInput("An ensemble has no columns of its own to trim. Distil it into one model, then trim that.", algorithm=algorithm)
    steps = (job.parameters.get("recipe") or {}).get("steps") or []
    ranked = by_importance(derived.folder / "explain.json", [one["name"] for one in derived.signature["inputs"]], steps)
    errors = float(job.parameters.get("standardErrors", 1))
    toward = sign(read_request(job.parameters).metric)
    sizes = [len(ranked), *sorted({max(1, math.ceil(share * len(ranked))) for share in SHARES} - {len(ranked)}, reverse=True)]
    tried: list[Tried] = []
    for number, size in enumerate(sizes):
        report.progress("trim", number, len(sizes) + 1, None, f"{size} of {len(ranked)} columns")
        tried.append(measure(job, report, ranked[:size]))
        report.metric("validation.by_columns", tried[-1].mean, step=size)
    best = max(tried, key=lambda one: toward * one.mean)
    allowed = [one for one in tried if toward * (best.mean - one.mean) <= errors * best.error]
    chosen = min(allowed, key=lambda one: len(one.columns))
    report.log(f"{len(chosen.columns)} of {len(ranked)} columns: {chosen.mean:.4f}, the best is {best.mean:.4f} ± {best.error:.4f}.")
    if len(chosen.columns) == len(ranked):
        raise BadInput(
            f"No column can go: with fewer, validation falls by more than {errors:g} standard errors ({best.error:.4g}) below the best. "
            "Allow more standard errors, or distil the model."
        )
    report.progress("trim", len(sizes), len(sizes) + 1, None, f"training on {len(chosen.columns)} columns")
    result = train.run(only(job, chosen.columns), report)
    facts = {
        "method": "trim", "standardErrors": errors, "columns": {"before": len(ranked), "after": len(chosen.columns)},
        "dropped": [name for name in ranked if name not in chosen.columns],
        "tried": [{"columns": len(one.columns), "mean": one.mean, "error": one.error} for one in tried],
    }  # fmt: skip
    record = json.loads((job.model / "training.json").read_text("utf-8"))
    write_json(job.model / "training.json", record | {"derived": facts})
    return {**result, **facts}


def by_importance(path: Any, columns: Sequence[str], steps: Sequence[dict[str, Any]]) -> list[str]:
    """The columns, the one first whose values matter most when they are mixed up; of those that one feature is made of all as the first."""
    known = json.loads(path.read_text("utf-8")).get("permutation") if path.is_file() else None
    if not known:
        raise BadInput("The package does not say how much its columns matter, so it is not known which could go. Train it anew.")
    means = {one["column"]: float(one["mean"]) for one in known}
    # What was not weighed, for want of time, may matter more than anything.
    matters = {name: means.get(name, math.inf) for name in columns}
    for step in steps:
        # Without one of them the feature is gone, whatever mixing up that one alone would do.
        together = [name for name in named_columns([{**step, "columns": None}]) if name in matters]
        for name in together:
            matters[name] = max(matters[one] for one in together)
    return sorted(columns, key=lambda name: -matters[name])


def only(job: Job, columns: list[str]) -> Job:
    """The same job on these columns alone."""
    recipe = job.parameters.get("recipe") or {"auto": True}
    if not recipe.get("auto"):
        recipe = {"steps": steps_without(recipe.get("steps") or [], set(columns))}
    return replace(job, parameters=job.parameters | {"onlyColumns": columns, "recipe": recipe})


def measure(job: Job, report: Report, columns: list[str]) -> Tried:
    """The metric on the folds, with the original's algorithm and settings."""
    fewer = only(job, columns)
    request = read_request(fewer.parameters)
    source = open_source(fewer, request)
    labels = read_labels(fewer, request, source, Quiet())
    preparation = train.prepare(fewer, request, source, labels, report)
    left = left_columns(request, source)
    setting = Setting(request.task, len(labels.target.classes or ()), job.seed, job.threads, left=left)
    trials = Trials(preparation, labels.division, setting, request.metric, request.at_least)
    name = request.algorithms[0]
    params = ALGORITHMS[name].defaults | ((request.search.get("space") or {}).get(name) or {})
    outcome = trials.run(ALGORITHMS[name], params, give_up=lambda interim: None)
    if outcome.state != "complete":
        raise BadInput(f"With {len(columns)} columns the model could not be fitted: {outcome.reason}.")
    return Tried(columns, outcome.score, outcome.std / math.sqrt(max(1, len(outcome.folds))))


class Quiet:
    """Says nothing: the training at the end says it once."""

    def warning(self, *_: Any, **__: Any) -> None: ...
