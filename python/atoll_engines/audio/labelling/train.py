"""Training on labelled sounds: read each once, search among the networks, validate on a holdout, export, prove the export."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from atoll_engines.audio.algorithms import LABELS
from atoll_engines.audio.choose import BACKBONE_RATE, chosen_algorithms, given_weights, rate_of_weights
from atoll_engines.audio.labelling.finish import AudioFinish
from atoll_engines.audio.options import AudioOptions, read_options
from atoll_engines.audio.setting import AudioSetting
from atoll_engines.audio.store import read_sounds, shape_of, tell_damaged
from atoll_engines.contract import Job, Report
from atoll_engines.errors import BadInput
from atoll_engines.media.request import item_column, refuse_what_items_lack
from atoll_engines.media.solution import NetworkSolution
from atoll_engines.media.trials import MediaTrials, Quiet, best_of_networks, few_trials, one_holdout
from atoll_engines.tabular.algorithms.model import Setting
from atoll_engines.tabular.data import read_frame
from atoll_engines.tabular.plain_preparation import PlainPreparation
from atoll_engines.tabular.request import Request, read_request
from atoll_engines.tabular.train import make_search
from atoll_engines.tabular.training_table import Source, open_source, read_labels

# Of longer sounds the beginning is heard, unless the job asks for more.
MOST_SECONDS = 10.0
MELS, MELS_BELOW_16K = 64, 40


def run(job: Job, report: Report) -> dict[str, Any]:
    """The engine `audio.train` for tasks with labels."""
    started = time.monotonic()
    request = refuse_what_items_lack(read_request(job.parameters, LABELS, None), "sounds")
    options = read_options(job.parameters.get("options") or {})
    weights = given_weights(job)
    chosen_algorithms(request.algorithms, request.task, None, options.overrides(), weights is not None)
    source = open_source(job, replace(request, recipe={}))
    column = item_column(source, "audio", options.column, "Upload a folder or an archive of recordings")
    request = with_speakers_apart(request, source, options, report)
    frame = pd.concat([read_frame(table, [column]) for table in source.tables])
    # A target that nothing can be learnt from is refused before any sound is read.
    read_labels(job, request, source, Quiet(), also=None)
    folders = [folder for table in source.tables for folder in [table.files[0].parent / "media"] * table.rows]
    cells = frame[column].tolist()
    rate, samples = shape_of(cells, folders, options.rate or wanted_rate(weights), options.seconds, MOST_SECONDS)
    sounds, damaged = read_sounds(cells, folders, rate, samples, job.checkpoints, job.threads, report)
    tell_damaged(damaged, cells, frame.index.to_numpy(), report)
    readable = np.ones(len(cells), bool)
    readable[[place for place, _ in damaged]] = False
    labels = read_labels(job, request, source, report, also=readable)
    labels = replace(labels, division=one_holdout(labels.division, job.seed))
    limits = few_trials(job.parameters.get("search") or {})
    setting = AudioSetting(
        base=Setting(request.task, len(labels.target.classes), job.seed, job.threads),
        rate=rate,
        samples=samples,
        mels=options.mels or (MELS if rate >= 16000 else MELS_BELOW_16K),
        classes=labels.target.classes,
        sounds=sounds,
        options=options.given,
        augmentation=options.augmentation,
        report=report,
        checkpoints=job.checkpoints,
        weights=weights,
        freeze=options.freeze,
        backbone_rate=options.backbone_rate if options.backbone_rate is not None else BACKBONE_RATE if weights else 1.0,
    )
    algorithms = chosen_algorithms(request.algorithms, request.task, setting, options.overrides(), weights is not None)
    preparation = PlainPreparation(frame[labels.usable], np.flatnonzero(labels.usable), labels.target.values, request.task)
    trials = MediaTrials(preparation, labels.division, setting.base, request.metric, request.at_least, media=setting)
    report.log(f"{len(labels.row_ids)} sounds, {samples / rate:g} s of each at {rate} Hz, {labels.division.note}.")
    search = make_search(job, report, request, trials, algorithms, limits, started, is_for_ensemble=False)
    best = best_of_networks(search, search.run())
    algorithm = next(one for one in algorithms if one.name == best.algorithm)
    solution = NetworkSolution(trials, algorithm, best, search.kept.get(best.trial), refit=options.refit)
    finish = AudioFinish(job, report, request, labels, trials, search, solution, None, limits.seconds, started)
    return finish.of_column(column).run([])


def with_speakers_apart(request: Request, source: Source, options: AudioOptions, report: Report) -> Request:
    """Validation on speakers that were not learned from, where the data names speakers and they are not what is asked."""
    names = {one.name for one in source.columns}
    column = options.speaker_column
    if column is not None and column not in names | {request.target, request.group_column}:
        raise BadInput(f'There is no column "{column}" of speakers.', parameter="speakerColumn")
    if column is None:
        column = next((name for name in ("speaker", "speaker_id", "reader", "client_id") if name in names), None)
    if request.group_column or request.time_column or column in (None, request.target):
        return request
    speakers = pd.concat([read_frame(table, [column]) for table in source.tables])[column].nunique()
    if speakers < 3:
        return request
    report.log(f'Validated on speakers that are not learned from (column "{column}", {speakers} speakers).')
    return replace(request, kind="grouped", group_column=column, folds=min(request.folds, speakers))


def wanted_rate(weights: Path | None) -> int | None:
    return rate_of_weights(weights) if weights else None
