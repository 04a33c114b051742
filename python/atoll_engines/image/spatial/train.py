"""Training a model of places: images and truths read once, a search among networks, a holdout, export, the package."""

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
from atoll_engines.image.preprocess import Preprocess, preprocess_graph
from atoll_engines.image.spatial.baseline import SameForAll
from atoll_engines.image.spatial.finish import SpatialFinish
from atoll_engines.image.spatial.options import SpatialOptions, read_options
from atoll_engines.image.spatial.part import Answering
from atoll_engines.image.spatial.pipeline import part_of
from atoll_engines.image.spatial.placement import placement_of
from atoll_engines.image.spatial.setting import SpatialSetting
from atoll_engines.image.spatial.trials import SpatialTrials, Truths
from atoll_engines.image.store import read_images, tell_damaged
from atoll_engines.image.train import given_folder, long_side
from atoll_engines.media.trials import few_trials, one_holdout
from atoll_engines.tabular.algorithms.model import Algorithm, Setting
from atoll_engines.tabular.data import open_table, read_frame
from atoll_engines.tabular.folds import divide
from atoll_engines.tabular.plain_preparation import PlainPreparation
from atoll_engines.tabular.request import KINDS, one_of
from atoll_engines.tabular.search import Search
from atoll_engines.tabular.training_table import has_target, refuse_absent

SIDES = (64, 96, 128, 160, 192, 256, 320)
FEWEST = 5


def run(job: Job, report: Report) -> dict[str, Any]:
    """`image.train` for the tasks detection and segmentation."""
    started = time.monotonic()
    parameters = job.parameters
    part = part_of(parameters["task"])
    options = read_options(parameters.get("options") or {}, part.task)
    target, metric = parameters.get("target"), parameters.get("metric") or part.metrics[0]
    if not target:
        raise BadInput("The job names no target column.", parameter="target")
    if metric not in part.metrics:
        raise BadInput(
            f'The metric "{metric}" does not fit {part.task}. {what_exists(metric, list(part.metrics), "metrics")}', parameter="metric"
        )
    weights, kind = given_weights(job, part)
    algorithms = chosen_algorithms(part, parameters.get("algorithms") or ["auto"], options, kind)
    asked = parameters.get("search") or {}
    if asked.get("objectives"):
        raise BadInput(f"A search for {part.task} has one objective, its metric. Leave the others out.", parameter="search.objectives")
    limits = few_trials(asked)
    column, frame, folders, given, validation = read_rows(job, options, target, report)
    size, channels = shape_of(options, frame[column], folders, weights)
    about = Answering((), size, nms=options.nms)
    graph = preprocess_graph(size, channels, options.fit)
    truths, faults = part.learn_classes(frame[target], folders, options, about)
    sides = np.zeros((len(frame), 2), np.int64)
    paths = frame[column].tolist()
    images, damaged = read_images(paths, folders, Preprocess(graph), size, channels, job.checkpoints, job.threads, report, sides)
    bad = {place for place, _ in damaged}
    faults = [(place, said) for place, said in faults if place not in bad]
    for place, truth in enumerate(truths):
        if truth is not None and place not in bad and (said := part.check_size(truth, *sides[place], str(paths[place]))):
            faults.append((place, said))
    tell_damaged(damaged + faults, paths, frame.index.to_numpy(), report)
    usable = np.ones(len(frame), bool)
    usable[[place for place, _ in damaged + faults]] = False
    places = np.flatnonzero(usable)
    if len(places) < FEWEST:
        raise BadInput(f"{len(places)} images can be learned from; at least {FEWEST} are needed.", rows=len(places))
    placements = [placement_of(*sides[place], size, options.fit) if usable[place] else None for place in range(len(frame))]
    squares = [part.in_square(truths[place], placements[place], about) if usable[place] else None for place in range(len(frame))]
    setting = SpatialSetting(
        base=Setting(part.task, 0, job.seed, job.threads),
        size=size, channels=channels, fit=options.fit, classes=about.classes, images=images, targets=squares,
        options={name: value for name, value in options.given.items() if name not in ("classNames", "ignore")},
        augmentation=options.augmentation, report=report, checkpoints=job.checkpoints, weights=weights, freeze=options.freeze,
        backbone_rate=options.backbone_rate if options.backbone_rate is not None else 0.1 if weights else 1.0,
    )  # fmt: skip
    division = divided(validation, frame[usable], given[usable], job.seed)
    # Folds count usable rows; models count places of images.
    division = replace(division, folds=tuple(replace(one, train=places[one.train], valid=places[one.valid]) for one in division.folds))
    preparation = PlainPreparation(frame, np.arange(len(frame)), np.zeros(len(frame)), part.task)
    trials = SpatialTrials(
        preparation, division, setting.base, metric, None, images=setting, part=part, about=about, truths=Truths(truths, placements)
    )
    report.log(f"{len(places)} images of {size} x {size} pixels, {len(about.classes)} classes, {division.note}.")
    search = Search(
        trials=trials, algorithms=algorithms, limits=limits, folder=job.folder, threads=job.threads, imbalance="none",
        spaces=asked.get("space") or {}, warm_start=asked.get("warmStart") or [],
        checkpoint=job.checkpoints / "trials.jsonl", report=report, seed=job.seed, used_seconds=time.monotonic() - started,
        is_auto="auto" in (parameters.get("algorithms") or ["auto"]),
    )  # fmt: skip
    best = search.run()
    algorithm = next(one for one in algorithms if one.name == best.algorithm)
    finish = SpatialFinish(
        job, report, part, about, trials, search, target=target, column=column, graph=graph, fit=options.fit, started=started
    )
    return finish.run(algorithm, best, frame, places)


def read_rows(
    job: Job, options: SpatialOptions, target: str, report: Report
) -> tuple[str, pd.DataFrame, list[Path], np.ndarray, dict[str, Any]]:
    """The image column, the rows with a target, where their items lie, which are to validate on, and how to divide."""
    tables = [open_table(job.channel("train"))]
    if job.has_channel("validation"):
        tables.append(open_table(job.channel("validation")))
    refuse_absent(tables[0], target, "target")
    names = [one.name for one in tables[0].columns if one.type == "image" and one.name != target]
    if options.column and options.column not in names:
        raise BadInput(
            f'There is no image column "{options.column}". {what_exists(options.column, names, "image columns")}', parameter="column"
        )
    if not names:
        raise BadInput("The data set has no image column beside the target.")
    column = options.column or names[0]
    asked = job.parameters.get("validation") or {}
    validation = {
        "kind": one_of("validation.kind", asked.get("kind") or "kfold", KINDS), "folds": int(asked.get("folds") or 5),
        "group": asked.get("groupColumn"), "time": asked.get("timeColumn"),
    }  # fmt: skip
    wanted = list(dict.fromkeys([column, target, *(one for one in (validation["group"], validation["time"]) if one)]))
    parts = [read_frame(table, wanted) for table in tables]
    frame = pd.concat(parts)
    folders = [table.files[0].parent / "media" for table, part in zip(tables, parts, strict=True) for _ in range(len(part))]
    given = np.repeat(np.arange(len(parts)) == 1, [len(part) for part in parts])
    usable = has_target(frame, target, report)
    kept = [folder for folder, is_kept in zip(folders, usable, strict=True) if is_kept]
    return column, frame[usable], kept, given[usable], validation


def divided(validation: dict[str, Any], frame: pd.DataFrame, given: np.ndarray, seed: int) -> Any:
    """One holdout, as the split says what may not be apart."""
    group, at = validation["group"], validation["time"]
    kind = "kfold" if validation["kind"] == "stratified" else validation["kind"]
    folds = max(2, min(validation["folds"], len(frame)))
    division = divide(
        np.zeros(len(frame)),
        "regression",
        kind,
        folds,
        seed,
        groups=frame[group] if group else None,
        times=frame[at] if at else None,
        given=given,
    )
    return one_holdout(division, seed)


def given_weights(job: Job, part: Any) -> tuple[Path | None, str | None]:
    """The folder of the channel `weights`, and the algorithm whose kind they are."""
    folder = given_folder(job)
    if folder is None:
        return None, None
    kind = json.loads((folder / "config.json").read_text("utf-8")).get("model_type")
    if not list(folder.glob("*.safetensors")):
        raise BadInput("The weights have no safetensors file. Convert them to model.safetensors.", file="model.safetensors")
    if kind not in part.weight_kinds:
        known = ", ".join(part.weight_kinds)
        raise BadInput(f'The weights are of the kind "{kind}", which is not one for {part.task} ({known}).', file="config.json", kind=kind)
    return folder, part.weight_kinds[kind]


def chosen_algorithms(part: Any, names: list[str], options: SpatialOptions, weights_kind: str | None) -> list[Algorithm]:
    """The baseline that looks at nothing, then those that the job asks for."""
    known = {one.name: one for one in part.algorithms}
    asked: list[str] = []
    for name in names:
        if name == "auto":
            asked += [weights_kind] if weights_kind else list(part.promise)
        elif name in known:
            asked.append(name)
        else:
            raise BadInput(
                f'There is no algorithm "{name}" for {part.task}. {what_exists(name, ["auto", *known], "algorithms")}', algorithm=name
            )
    overrides = options.overrides()

    def built(algorithm: Algorithm) -> Algorithm:
        defaults, space = dict(algorithm.defaults), dict(algorithm.space)
        if algorithm.name == weights_kind:
            defaults |= part.from_weights
            space = {}
        for name, value in overrides.items():
            if name in defaults:
                defaults[name] = value
                space.pop(name, None)
        build = lambda params, setting, name=algorithm.name: part.model(name, params, setting)  # noqa: E731
        return replace(algorithm, build=build, defaults=defaults, space=space)

    baseline = Algorithm(
        "baseline", "The same for every image", (part.task,), None, lambda params, setting: SameForAll(part.usual, setting)
    )
    return [baseline, *(built(known[name]) for name in dict.fromkeys(asked))]


def shape_of(options: SpatialOptions, cells: pd.Series, folders: list[Path], weights: Path | None) -> tuple[int, int]:
    """Side and colours: as asked, or as the data has them."""
    side, is_grey = long_side(cells, folders)
    fitting = next((one for one in SIDES if one >= side), SIDES[-1])
    channels = options.channels or (3 if weights is not None or not is_grey else 1)
    return options.size or fitting, channels
