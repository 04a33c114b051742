"""Training on images: read each once, search among the networks, validate on a holdout, export, put the export to the proof."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from atoll_engines.contract import Job, Report
from atoll_engines.errors import BadInput, what_exists
from atoll_engines.image.algorithms import BACKBONE_RATE, TASKS, chosen_algorithms
from atoll_engines.image.decode import Unreadable, content_of, decode
from atoll_engines.image.finish import ImageFinish, ImageSolution
from atoll_engines.image.networks.families import SIZES, TYPES, read_config
from atoll_engines.image.options import ImageOptions, read_options
from atoll_engines.image.preparation import ImageTrials, one_holdout
from atoll_engines.image.preprocess import Preprocess, preprocess_graph
from atoll_engines.image.setting import ImageSetting
from atoll_engines.image.store import read_images, tell_damaged
from atoll_engines.tabular.algorithms.model import Setting
from atoll_engines.tabular.data import read_frame
from atoll_engines.tabular.plain_preparation import PlainPreparation
from atoll_engines.tabular.request import Request, read_request
from atoll_engines.tabular.search import Limits, read_limits
from atoll_engines.tabular.train import make_search
from atoll_engines.tabular.training_table import Source, open_source, read_labels

# Sides of images where the job names none: the smallest that is not below the data's own.
SIDES = (28, 32, 48, 64, 96, 128)
LOOKED_AT = 200


def run(job: Job, report: Report) -> dict[str, Any]:
    """The engine `image.train`."""
    started = time.monotonic()
    request = refuse_what_images_lack(read_request(job.parameters, TASKS, None))
    options = read_options(job.parameters.get("options") or {})
    weights, kind = given_weights(job)
    chosen_algorithms(request.algorithms, request.task, None, options.overrides(), kind)
    source = open_source(job, replace(request, recipe={}))
    column = image_column(source, options)
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
    trials = ImageTrials(preparation, labels.division, setting.base, request.metric, request.at_least, images=setting)
    report.log(f"{len(labels.row_ids)} images of {size} x {size} pixels, {labels.division.note}.")
    search = make_search(job, report, request, trials, algorithms, limits, started, is_for_ensemble=False)
    best = search.run()
    best = best_of_networks(search, best)
    algorithm = next(one for one in algorithms if one.name == best.algorithm)
    solution = ImageSolution(trials, algorithm, best, search.kept.get(best.trial), refit=options.refit)
    finish = ImageFinish(job, report, request, labels, trials, search, solution, None, limits.seconds, started)
    return finish.with_images(column, graph).run([])


class Quiet:
    """Says nothing: what it would say is said later."""

    def warning(self, *_: Any, **__: Any) -> None: ...


def best_of_networks(search: Any, best: Any) -> Any:
    """The best record that looks at pixels at all: a package of the constant baseline would serve no image."""
    if best.algorithm != "baseline":
        return best
    complete = [record for record in search.records if record.algorithm != "baseline" and record.outcome.state == "complete"]
    return max(complete, key=search.gain)


def refuse_what_images_lack(request: Request) -> Request:
    """Settings that mean nothing here are refused rather than passed over."""
    if request.calibration != "none":
        raise BadInput("Calibration is for the tabular algorithms; leave it out for images.", parameter="calibration")
    if request.imbalance not in ("auto", "none", "class_weight", "random_over", "random_under"):
        raise BadInput(
            f'"{request.imbalance}" makes up rows between others, which images are not. Choose class_weight, random_over or random_under.',
            parameter="imbalance",
        )
    return request


def image_column(source: Source, options: ImageOptions) -> str:
    """The column of images: as the options name it, else the only one of that type."""
    names = [one.name for one in source.columns if one.type == "image"]
    if options.column:
        if options.column not in names:
            raise BadInput(
                f'There is no image column "{options.column}". {what_exists(options.column, names, "image columns")}', parameter="column"
            )
        return options.column
    if not names:
        raise BadInput("The data set has no image column. Upload a folder or an archive of images, or choose an algorithm for tables.")
    return names[0]


def given_weights(job: Job) -> tuple[Path | None, str | None]:
    """The folder of the channel `weights`, and the algorithm whose kind they are."""
    if not job.has_channel("weights"):
        return None, None
    channel = job.channel("weights")
    folder = channel
    if not (folder / "config.json").is_file():
        inner = [one for one in sorted(channel.iterdir()) if one.is_dir() and (one / "config.json").is_file()]
        if len(inner) != 1:
            raise BadInput("The weights hold no config.json, so what they are weights of is not known.", channel="weights")
        folder = inner[0]
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
    sides, is_grey = [], True
    for place in range(0, len(cells), max(1, len(cells) // LOOKED_AT)):
        try:
            image = decode(content_of(cells.iloc[place], folders[place]))
        except Unreadable:
            continue
        sides.append(min(image.shape[:2]))
        is_grey = is_grey and bool((image[..., 0] == image[..., 1]).all() and (image[..., 0] == image[..., 2]).all())
    side = float(np.median(sides)) if sides else SIDES[0]
    fitting = next((one for one in SIDES if one >= side), SIDES[-1])
    return size or fitting, channels or (1 if is_grey else 3)


def few_trials(search: dict[str, Any]) -> Limits:
    """A network is fitted with its defaults; more trials only where they are asked for."""
    limits = read_limits(search)
    if (search.get("trials") or 0) > 1:
        return limits
    return Limits(limits.trials, search.get("budgetSeconds"), "none")
