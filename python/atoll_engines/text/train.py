"""Training on text: search among the algorithms, validate, fit on all rows, export, say what mattered."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from atoll_engines.contract import Job, Report
from atoll_engines.errors import BadInput
from atoll_engines.tabular.algorithms.model import Setting
from atoll_engines.tabular.data import read_frame
from atoll_engines.tabular.folds import Division
from atoll_engines.tabular.limits import Limits, read_limits
from atoll_engines.tabular.plain_preparation import PlainPreparation
from atoll_engines.tabular.request import Request, read_request
from atoll_engines.tabular.train import make_search
from atoll_engines.tabular.training_table import Labels, Source, open_source, read_labels
from atoll_engines.tabular.trial import Trials
from atoll_engines.text.algorithms import TASKS, chosen_algorithms
from atoll_engines.text.augment import Augmentation
from atoll_engines.text.documents import Documents, chosen_documents, refuse_empty
from atoll_engines.text.finish import TextFinish
from atoll_engines.text.options import TextOptions, read_options
from atoll_engines.text.pipeline import setting_of
from atoll_engines.text.setting import TextSetting
from atoll_engines.text.solution import TextSolution
from atoll_engines.text.tasks import has_package, run_for
from atoll_engines.text.weights import weights_folder


def run(job: Job, report: Report) -> dict[str, Any]:
    """The engine `text.train`."""
    if has_package(job.parameters.get("task")):
        return run_for(job.parameters["task"], "train", job, report)
    started = time.monotonic()
    request = refuse_what_texts_lack(read_request(job.parameters, TASKS, None))
    options = read_options(job.parameters.get("options") or {})
    source = open_source(job, replace(request, recipe={}))
    documents = chosen_documents(source.columns, request.target, job.parameters.get("options") or {})
    # The names are checked before anything is read.
    chosen_algorithms(request.algorithms, request.task, bare_setting(job, request, documents), {})
    frame, texts = read_documents(source, documents, report)
    filled = refuse_empty(texts, frame.index.to_numpy(), [one.name for one in documents.inputs])
    warn_of_empty(filled, frame.index.to_numpy(), report)
    labels = read_labels(job, request, source, report, also=filled)
    setting = job_setting(job, request, labels, documents, options, report)
    algorithms = chosen_algorithms(request.algorithms, request.task, setting, options.overrides())
    labels = replace(labels, division=suited(labels.division, [one.name for one in algorithms]))
    preparation = PlainPreparation(frame[labels.usable], texts[labels.usable], labels.target.values, request.task)
    trials = Trials(preparation, labels.division, setting.base, request.metric, request.at_least)
    report.log(f"{len(labels.row_ids)} documents from {', '.join(one.name for one in documents.inputs)}, {labels.division.note}.")
    limits = few_trials(read_limits(job.parameters.get("search") or {}), job.parameters.get("search") or {}, algorithms)
    search = make_search(job, report, request, trials, algorithms, limits, started, is_for_ensemble=False)
    best = search.run()
    algorithm = next(one for one in algorithms if one.name == best.algorithm)
    solution = TextSolution(trials, algorithm, best, search.kept.get(best.trial), keeps_validated=not options.refit)
    finish = TextFinish(job, report, request, labels, trials, search, solution, None, limits.seconds, started)
    return finish.with_documents(documents).run([])


def refuse_what_texts_lack(request: Request) -> Request:
    """Settings that mean nothing here are refused rather than passed over."""
    if request.calibration != "none":
        raise BadInput("Calibration is for the tabular algorithms; leave it out for text.", parameter="calibration")
    if request.imbalance not in ("auto", "none", "class_weight", "random_over", "random_under"):
        raise BadInput(
            f'"{request.imbalance}" makes up rows between others, which texts are not. Choose class_weight, random_over or random_under.',
            parameter="imbalance",
        )
    return request


def bare_setting(job: Job, request: Request, documents: Documents) -> TextSetting:
    return setting_of(Setting(request.task, 0, job.seed, job.threads), documents, weights=weights_folder(job))


def job_setting(
    job: Job, request: Request, labels: Labels, documents: Documents, options: TextOptions, report: Report
) -> TextSetting:
    """What every model of the job shares."""
    base = Setting(request.task, len(labels.target.classes or ()), job.seed, job.threads)
    return setting_of(
        base,
        documents,
        augmentation=Augmentation(options.word_dropout, options.synonyms, options.synonym_share),
        report=report,
        checkpoints=job.checkpoints,
        weights=weights_folder(job),
        freeze=options.freeze,
        options=job.parameters.get("options") or {},
    )


def read_documents(source: Source, documents: Documents, report: Report) -> tuple[pd.DataFrame, np.ndarray]:
    """The text columns of every row, and the document that they make."""
    names = [one.name for one in documents.inputs]
    frame = pd.concat([read_frame(table, names) for table in source.tables])
    return frame, documents.of(frame)


def warn_of_empty(filled: np.ndarray, rows: np.ndarray, report: Report) -> None:
    empty = np.flatnonzero(~filled)
    if empty.size:
        report.warning(
            "empty_documents",
            f"{empty.size} rows hold no text and are left out, the first is row {int(rows[empty[0]])}.",
            rows=int(empty.size),
            row=int(rows[empty[0]]),
        )


def suited(division: Division, names: list[str]) -> Division:
    """One fold where a transformer competes: it takes too long to be fitted five times over."""
    if "text_transformer" not in names or len(division.folds) == 1:
        return division
    return Division("holdout", division.folds[:1], f"the first of {division.note}")


def few_trials(limits: Limits, asked: dict[str, Any], algorithms: list[Any]) -> Limits:
    """A network is fitted with its defaults; more trials only where they are asked for."""
    if "text_transformer" not in [one.name for one in algorithms] or (asked.get("trials") or 0) > 1 or limits.strategy == "none":
        return limits
    return replace(limits, strategy="none")
