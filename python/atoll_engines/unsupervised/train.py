"""Training without a target: search, validate, fit on all rows, export, describe what was found."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

from atoll_engines.contract import Job, Report
from atoll_engines.unsupervised.algorithms import chosen_algorithms
from atoll_engines.unsupervised.algorithms.model import Setting
from atoll_engines.unsupervised.finish import Finish
from atoll_engines.unsupervised.measures import anomaly_labels
from atoll_engines.unsupervised.request import read_request
from atoll_engines.unsupervised.rows_of_task import prepare_for
from atoll_engines.unsupervised.search import Search
from atoll_engines.unsupervised.table import read_rows
from atoll_engines.unsupervised.trials import Trials


def run(job: Job, report: Report) -> dict[str, Any]:
    """The engine `unsupervised.train`."""
    started = time.monotonic()
    request = read_request(job.parameters)
    algorithms = chosen_algorithms(request.algorithms, request.task)
    rows = read_rows(job, request, report)
    if request.task == "anomaly" and rows.labels is not None:
        is_anomaly, name = anomaly_labels(rows.labels, job.parameters.get("positive"))
        rows = replace(rows, labels=is_anomaly)
        report.log(f'{int(is_anomaly.sum())} rows have the label "{name}" and count as known anomalies; fitting does not see them.')
    report.log(f"{len(rows.frame)} rows, {len(rows.schema)} columns, {request.folds} folds.")
    for algorithm in algorithms:
        if len(rows.frame) > algorithm.most_rows:
            report.warning(
                "fitted_on_sample",
                f"{algorithm.title} is fitted on {algorithm.most_rows} of {len(rows.frame)} rows, drawn at random.",
                algorithm=algorithm.name, rows=algorithm.most_rows,
            )  # fmt: skip
    setting = Setting(job.seed, job.threads)
    prepare = prepare_for(rows.frame, rows.schema, request, job.seed)
    trials = Trials(rows, prepare, request, setting)
    search = Search(trials, algorithms, request, job.checkpoints / "trials.jsonl", report, job.seed, started)
    best = search.run()
    return Finish(job, report, request, trials, search, best, started).run()
