"""Training on a table: search, validate, fit on all rows, export, explain."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

from atoll_engines.contract import Job, Report
from atoll_engines.neural.plan import read_rules
from atoll_engines.tabular.algorithms import ALGORITHMS
from atoll_engines.tabular.algorithms.model import Algorithm, Debugger, Setting
from atoll_engines.tabular.derived import keep_what_pays
from atoll_engines.tabular.ensembles.plan import read_plan
from atoll_engines.tabular.ensembles.stage import Stage
from atoll_engines.tabular.finish import Finish
from atoll_engines.tabular.limits import Limits, read_limits
from atoll_engines.tabular.objectives import read_aims
from atoll_engines.tabular.preparation import Preparation, Recipes
from atoll_engines.tabular.request import Request, read_request
from atoll_engines.tabular.search import Search
from atoll_engines.tabular.sides import left_columns
from atoll_engines.tabular.streaming import StreamedPreparation, sample_to_judge
from atoll_engines.tabular.training_table import (
    STREAM_ABOVE,
    Labels,
    Source,
    open_source,
    read_features,
    read_labels,
)
from atoll_engines.tabular.trial import Trials

# Shares of a time budget: derived features first, the search until here, the rest for the final fit and explanations.
FEATURES_UNTIL, SEARCH_UNTIL = 0.2, 0.8
# On a very large table one fit may take this share of the budget, for the final fit takes as long again.
ONE_FIT_SHARE = 0.3


def run(job: Job, report: Report) -> dict[str, Any]:
    """The engine `tabular.train`."""
    started = time.monotonic()
    request = read_request(job.parameters)
    plan = read_plan(request)
    algorithms = plan.searched
    limits = read_limits(request.search)
    source = open_source(job, request)
    labels = read_labels(job, request, source, report)
    preparation = prepare(job, request, source, labels, report)
    left = left_columns(request, source)
    setting = Setting(request.task, len(labels.target.classes or ()), job.seed, job.threads, left=left)
    fit_seconds = ONE_FIT_SHARE * limits.seconds if limits.seconds else None
    debugger = Debugger(report, read_rules(request.options.get("rules")))
    trials = Trials(preparation, labels.division, setting, request.metric, request.at_least, fit_seconds, debugger)
    report.log(f"{len(labels.row_ids)} rows, {len(source.schema)} columns, {labels.division.note}.")
    derived = derive(job, report, trials, algorithms, limits, started)
    search = make_search(job, report, request, trials, algorithms, limits, started, bool(plan.kinds))
    best = search.run()
    if plan.fixed is not None:
        best = search.run_only([(ALGORITHMS[one["algorithm"]], one["params"]) for one in plan.fixed])
    left = None if limits.seconds is None else max(0.0, limits.seconds - (time.monotonic() - started))
    solution, ensemble = Stage(plan, request, trials, search, report, left).conclude(best)
    return Finish(job, report, request, labels, trials, search, solution, ensemble, limits.seconds, started).run(derived)


def prepare(
    job: Job, request: Request, source: Source, labels: Labels, report: Report
) -> Preparation | StreamedPreparation:
    """Raw rows in memory, or passing by where there are too many of them for that."""
    if len(labels.row_ids) > STREAM_ABOVE:
        return StreamedPreparation(source, labels, request, job, report)
    frame = read_features(source, labels)
    return Preparation(Recipes(frame, source.schema, labels.target.values, request.task, job.seed, request.recipe))


def derive(
    job: Job, report: Report, trials: Trials, algorithms: list[Algorithm], limits: Limits, started: float
) -> list[dict[str, Any]]:
    """Derived features, where the recipe is left to us; what is made of both objects of a pair would describe neither."""
    if not trials.preparation.recipes.is_automatic or len(algorithms) < 2 or algorithms[1].is_of_pairs:
        return []
    by_trees = next((one for one in algorithms if one.family == "tree" and one.rounds), None)
    if by_trees is None and algorithms[1].family == "embedding":
        # Networks gain from the same features as boosting does, which says so in a hundredth of their time.
        by_trees = ALGORITHMS["lightgbm"]
    until = started + FEATURES_UNTIL * (limits.seconds or 300.0)
    judging = trials
    if isinstance(trials.preparation, StreamedPreparation):
        judging = sample_to_judge(trials, job.seed)
    record = keep_what_pays(judging, by_trees or algorithms[1], report, job.checkpoints / "derived.json", until)
    if judging is not trials:
        trials.preparation.use_derived(judging.preparation.recipes.derived)
    return record


def make_search(
    job: Job,
    report: Report,
    request: Request,
    trials: Trials,
    algorithms: list[Algorithm],
    limits: Limits,
    started: float,
    is_for_ensemble: bool,
) -> Search:
    seconds = None if limits.seconds is None else SEARCH_UNTIL * limits.seconds
    aims = read_aims(request.search, request.task, request.metric)
    return Search(
        trials=trials,
        algorithms=algorithms,
        limits=replace(limits, seconds=seconds),
        imbalance=request.imbalance,
        spaces=request.search.get("space") or {},
        warm_start=request.search.get("warmStart") or [],
        is_same_data=request.search.get("warmStartKind") == "identical",
        checkpoint=job.checkpoints / "trials.jsonl",
        folder=job.folder,
        threads=job.threads,
        aims=aims,
        report=report,
        seed=job.seed,
        used_seconds=time.monotonic() - started,
        is_auto="auto" in request.algorithms,
        is_for_ensemble=is_for_ensemble,
    )
