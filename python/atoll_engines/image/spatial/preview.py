"""Augmented samples with their boxes or masks, which move as the pictures do."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from atoll_engines.contract import Job, Report, write_json
from atoll_engines.errors import BadInput
from atoll_engines.image.decode import decode
from atoll_engines.image.preprocess import Preprocess, preprocess_graph
from atoll_engines.image.preview import MOST_SIDE, draws_of, write_samples
from atoll_engines.image.spatial.options import OWN, SpatialOptions, read_options
from atoll_engines.image.spatial.part import Answering
from atoll_engines.image.spatial.pipeline import part_of
from atoll_engines.image.spatial.placement import placement_of
from atoll_engines.image.spatial.train import read_rows, shape_of
from atoll_engines.media.damaged import Unreadable, content_of
from atoll_engines.neural.plan import whole


def run(job: Job, report: Report) -> dict[str, Any]:
    """`image.preview` for the tasks detection and segmentation; parameters also `task` and `target`."""
    parameters = job.parameters
    part = part_of(parameters["task"])
    given = {name: value for name, value in (parameters.get("options") or {}).items() if name in OWN}
    options = read_options(given, part.task)
    samples = whole(1, 24)("samples", parameters.get("samples") or 6)
    variants = whole(1, 12)("variants", parameters.get("variants") or 5)
    if not parameters.get("target"):
        raise BadInput("The preview names no target column.", parameter="target")
    column, frame, folders, _, _ = read_rows(job, options, parameters["target"], report)
    size, channels = shape_of(options, frame[column], folders, None)
    size = min(size, MOST_SIDE)
    about = Answering((), size)
    truths, faults = part.learn_classes(frame[parameters["target"]], folders, options, about)
    bad = {place for place, _ in faults}
    preprocess = Preprocess(preprocess_graph(size, channels, options.fit))
    pictures, squares, items = [], [], []
    for place in np.random.default_rng(job.seed).permutation(len(frame)):
        if len(pictures) == samples:
            break
        item = frame[column].iloc[place]
        if place in bad or item is None:
            continue
        try:
            image = decode(content_of(item, folders[place], "image"), str(item))
        except Unreadable:
            continue
        if part.check_size(truths[place], *image.shape[:2], str(item)):
            continue
        pictures.append(preprocess(image))
        squares.append(part.in_square(truths[place], placement_of(*image.shape[:2], size, options.fit), about))
        items.append(str(item))
    if not pictures:
        raise BadInput("None of the images can be read and fits what is known of it.")
    draws = draws_of(job, options.augmentation, len(pictures), variants)
    written = write_samples(job, np.stack(pictures), draws)
    moved = moved_truths(part.task, squares, draws, about, options)
    lines = [{"item": item, "files": files, **truth} for item, files, truth in zip(items, written, moved, strict=True)]
    write_json(job.output / "samples.json", {"size": size, "channels": channels, "classes": about.classes, "samples": lines})
    report.artifact("output/data/samples.json", "samples", "Images as training changes them")
    return {"samples": len(lines), "variants": variants, "size": size, "channels": channels}


def moved_truths(
    task: str, squares: list[np.ndarray], draws: list[dict[str, torch.Tensor]], about: Answering, options: SpatialOptions
) -> list[dict[str, Any]]:
    """For each sample what is where in each of its variants: objects in pixels of the square, or masks."""
    from atoll_engines.image.detection.rows import DetectionRows, moved_boxes
    from atoll_engines.image.segmentation.part import picture
    from atoll_engines.image.segmentation.rows import moved_masks

    places = np.arange(len(squares))
    found: list[dict[str, Any]] = [{"objects": []} if task == "detection" else {"masks": []} for _ in squares]
    if task == "detection":
        empty = np.zeros((len(squares), 1, 1, 1), np.uint8)
        batch = DetectionRows(empty, squares, places, about.size, options.augmentation).batch(places, None)
        for drawn in draws:
            kinds, boxes = batch["kinds"], batch["boxes"]
            if "map" in drawn:
                kinds, boxes = moved_boxes(kinds, boxes, drawn["map"], about.size)
            for at, one in enumerate(found):
                one["objects"].append([
                    {"label": about.classes[kind], "box": [float(x1), float(y1), float(x2 - x1), float(y2 - y1)]}
                    for kind, (x1, y1, x2, y2) in zip(kinds[at].tolist(), boxes[at].tolist(), strict=True)
                    if kind >= 0
                ])  # fmt: skip
        return found
    masks = torch.from_numpy(np.stack(squares))
    for drawn in draws:
        moved = moved_masks(masks, drawn["map"]) if "map" in drawn else masks
        for one, mask in zip(found, moved.numpy(), strict=True):
            one["masks"].append(picture(mask))
    return found
