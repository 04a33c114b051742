"""Training on images: read each once, search among the networks, validate on a holdout, export, put the export to the proof."""

from __future__ import annotations

import importlib
import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from atoll_engines.contract import Job, Report
from atoll_engines.errors import BadInput
from atoll_engines.image.algorithms import BACKBONE_RATE, TASKS, chosen_algorithms
from atoll_engines.image.decode import Unreadable, content_of, decode
from atoll_engines.image.finish import ImageFinish
from atoll_engines.image.networks.families import SIZES, TYPES, read_config
from atoll_engines.image.options import ImageOptions, read_options
from atoll_engines.image.preprocess import Preprocess, preprocess_graph
from atoll_engines.image.setting import ImageSetting
from atoll_engines.image.spatial.tasks import PLACES
from atoll_engines.image.store import read_images, tell_damaged
from atoll_engines.media.request import item_column, refuse_what_items_lack
from atoll_engines.media.solution import NetworkSolution
from atoll_engines.media.trials import MediaTrials, Quiet, best_of_networks, few_trials, one_holdout
from atoll_engines.tabular.algorithms.model import Setting
from atoll_engines.tabular.data import read_frame
from atoll_engines.tabular.plain_preparation import PlainPreparation
from atoll_engines.tabular.request import read_request
from atoll_engines.tabular.train import make_search
from atoll_engines.tabular.training_table import open_source, read_labels

# Sides of images where the job names none: the smallest that is not below the data's own.
SIDES = (28, 32, 48, 64, 96, 128)
LOOKED_AT = 200


def run(job: Job, report: Report) -> dict[str, Any]:
    """The engine `image.train`."""
    if job.parameters.get("task") in PLACES:
        return importlib.import_module("atoll_engines.image.spatial.train").run(job, report)
    started = time.monotonic()
    request = refuse_what_items_lack(read_request(job.parameters, TASKS, None), "images")
    options = read_options(job.parameters.get("options") or {})
    weights, kind = given_weights(job)
    chosen_algorithms(request.algorithms, request.task, None, options.overrides(), kind)
    source = open_source(job, replace(request, recipe={}))
    column = item_column(source, "image", options.column, "Upload a folder or an archive of images")
    frame = pd.concat([read_frame(table, [column]) for table in source.tables])
    # A target that nothing can be learnt from is refused before any image is read.
    read_labels(job, request, source, Quiet(), also=None)
    folders = [folder for table in source.tables for folder in [table.files[0].parent / "media"] * table.rows]
    size, channels = shape_of(options, frame[column], folders, weights)
    graph = preprocess_graph(size, channels, options.fit)
    paths = frame[column].tolist()
    images, damaged = read_images(paths, folders, Preprocess(graph), size, channels, job.checkpoints, job.threads, report)
    tell_damaged(damaged, paths, frame.index.to_numpy(), report)
    readable = np.ones(len(paths), bool)
    readable[[place for place, _ in damaged]] = False
    labels = read_labels(job, request, source, report, also=readable)
    labels = replace(labels, division=one_holdout(labels.division, job.seed))
    limits = few_trials(job.parameters.get("search") or {})
    setting = ImageSetting(
        base=Setting(request.task, len(labels.target.classes), job.seed, job.threads),
        size=size,
        channels=channels,
        classes=labels.target.classes,
        images=images,
        options=options.given,
        augmentation=options.augmentation,
        report=report,
        checkpoints=job.checkpoints,
        weights=weights,
        freeze=options.freeze,
        unfreeze_every=options.unfreeze_every,
        backbone_rate=options.backbone_rate if options.backbone_rate is not None else BACKBONE_RATE if weights else 1.0,
    )
    algorithms = chosen_algorithms(request.algorithms, request.task, setting, options.overrides(), kind)
    preparation = PlainPreparation(frame[labels.usable], np.flatnonzero(labels.usable), labels.target.values, request.task)
    trials = MediaTrials(preparation, labels.division, setting.base, request.metric, request.at_least, media=setting)
    report.log(f"{len(labels.row_ids)} images of {size} x {size} pixels, {labels.division.note}.")
    search = make_search(job, report, request, trials, algorithms, limits, started, is_for_ensemble=False)
    best = search.run()
    best = best_of_networks(search, best)
    algorithm = next(one for one in algorithms if one.name == best.algorithm)
    solution = NetworkSolution(trials, algorithm, best, search.kept.get(best.trial), refit=options.refit)
    finish = ImageFinish(job, report, request, labels, trials, search, solution, None, limits.seconds, started)
    return finish.with_images(column, graph).run([])


def given_folder(job: Job) -> Path | None:
    """The folder of the channel `weights` that holds config.json."""
    if not job.has_channel("weights"):
        return None
    channel = job.channel("weights")
    if (channel / "config.json").is_file():
        return channel
    inner = [one for one in sorted(channel.iterdir()) if one.is_dir() and (one / "config.json").is_file()]
    if len(inner) != 1:
        raise BadInput("The weights hold no config.json, so what they are weights of is not known.", channel="weights")
    return inner[0]


def given_weights(job: Job) -> tuple[Path | None, str | None]:
    """The folder of the channel `weights`, and the algorithm whose kind they are."""
    folder = given_folder(job)
    if folder is None:
        return None, None
    config = json.loads((folder / "config.json").read_text("utf-8"))
    kind = next((name for name, kinds in TYPES.items() if config.get("model_type") in kinds), None)
    asked = [name for name in job.parameters.get("algorithms") or ["auto"] if name in SIZES]
    for name in asked or ([kind] if kind else list(SIZES)[:1]):
        read_config(folder, name)
    return folder, kind


def shape_of(options: ImageOptions, cells: pd.Series, folders: list[Path], weights: Path | None) -> tuple[int, int]:
    """Side and colours: as asked, as given weights want them, or as the data has them."""
    size, channels = options.size, options.channels
    if weights is not None:
        config = json.loads((weights / "config.json").read_text("utf-8"))
        wanted = config.get("image_size")
        size = size or (int(wanted) if isinstance(wanted, int) else 224)
        if channels not in (None, config.get("num_channels", 3)):
            raise BadInput(f"The weights read images of {config.get('num_channels', 3)} colours, not {channels}.", parameter="channels")
        channels = int(config.get("num_channels", 3))
    if size and channels:
        return size, channels
    side, is_grey = middle_side(cells, folders, min)
    fitting = next((one for one in SIDES if one >= side), SIDES[-1])
    return size or fitting, channels or (1 if is_grey else 3)


def long_side(cells: pd.Series, folders: list[Path]) -> tuple[float, bool]:
    """The usual longer side of the images, and whether all are grey."""
    return middle_side(cells, folders, max)


def middle_side(cells: pd.Series, folders: list[Path], of: Callable[[tuple[int, int]], int]) -> tuple[float, bool]:
    sides, is_grey = [], True
    for place in range(0, len(cells), max(1, len(cells) // LOOKED_AT)):
        try:
            image = decode(content_of(cells.iloc[place], folders[place]))
        except Unreadable:
            continue
        sides.append(of(image.shape[:2]))
        is_grey = is_grey and bool((image[..., 0] == image[..., 1]).all() and (image[..., 0] == image[..., 2]).all())
    return float(np.median(sides)) if sides else SIDES[0], is_grey
