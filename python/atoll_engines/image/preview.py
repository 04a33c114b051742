"""Augmented samples to look at: some images as they are, and changed as training would change them."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import pandas as pd
import torch

from atoll_engines.contract import Job, Report, write_json
from atoll_engines.errors import BadInput
from atoll_engines.image.augment import Augmentation, change, draw
from atoll_engines.image.decode import Unreadable, content_of, decode
from atoll_engines.image.options import OWN, ImageOptions, read_options
from atoll_engines.image.preprocess import Preprocess, preprocess_graph
from atoll_engines.image.spatial.tasks import PLACES
from atoll_engines.image.train import shape_of
from atoll_engines.neural.plan import choice, number, whole
from atoll_engines.tabular.data import open_table, read_frame

MOST_SIDE = 256


def run(job: Job, report: Report) -> dict[str, Any]:
    """The engine `image.preview`: channel `train`; parameters `options` as for training, `samples`, `variants`, `format` (png, jpeg).

    Leaves output/data/samples/<k>-<v>.png (v 0 is the image as the network would see it unchanged) and samples.json.
    """
    if job.parameters.get("task") in PLACES:
        return importlib.import_module("atoll_engines.image.spatial.preview").run(job, report)
    options = read_options({name: value for name, value in (job.parameters.get("options") or {}).items() if name in (*OWN, "mixup")})
    samples = whole(1, 24)("samples", job.parameters.get("samples") or 6)
    variants = whole(1, 12)("variants", job.parameters.get("variants") or 5)
    mixup = number(0, 10)("mixup", options.given.get("mixup") or 0)
    table = open_table(job.channel("train"))
    names = [column.name for column in table.columns if column.type == "image"]
    column = options.column or (names[0] if names else None)
    if column not in names:
        raise BadInput("The data set has no image column." if not names else f'There is no image column "{column}".', parameter="column")
    cells = read_frame(table, [column])[column]
    order = np.random.default_rng(job.seed).permutation(len(cells))
    folder = table.files[0].parent / "media"
    size, channels = preview_shape(options, cells, folder)
    pictures, items = readable(cells, order, samples, folder, Preprocess(preprocess_graph(size, channels, options.fit)))
    written = write_samples(job, np.stack(pictures), draws_of(job, options.augmentation, len(pictures), variants, mixup))
    lines = [{"item": item, "files": files} for item, files in zip(items, written, strict=True)]
    write_json(job.output / "samples.json", {"size": size, "channels": channels, "samples": lines})
    report.artifact("output/data/samples.json", "samples", "Images as training changes them")
    return {"samples": len(lines), "variants": variants, "size": size, "channels": channels}


def preview_shape(options: ImageOptions, cells: pd.Series, folder: Any) -> tuple[int, int]:
    size, channels = shape_of(options, cells, [folder] * len(cells), None)
    return min(size, MOST_SIDE), channels


def readable(cells: pd.Series, order: np.ndarray, count: int, folder: Any, preprocess: Preprocess) -> tuple[list[np.ndarray], list[str]]:
    pictures: list[np.ndarray] = []
    items: list[str] = []
    for place in order:
        if len(pictures) == count:
            break
        if cells.iloc[place] is None:
            continue
        try:
            pictures.append(preprocess(decode(content_of(cells.iloc[place], folder), str(cells.iloc[place]))))
        except Unreadable:
            continue
        items.append(str(cells.iloc[place]))
    if not pictures:
        raise BadInput("None of the images can be read.")
    return pictures, items


def draws_of(job: Job, augmentation: Augmentation, count: int, variants: int, mixup: float = 0.0) -> list[dict[str, torch.Tensor]]:
    """What happens to the images in each variant; the first leaves them as they are."""
    generators = [torch.Generator().manual_seed(job.seed * 1000 + version) for version in range(1, variants + 1)]
    return [{}, *(draw(augmentation, count, generator, mixup) for generator in generators)]


def write_samples(job: Job, pictures: np.ndarray, draws: list[dict[str, torch.Tensor]]) -> list[list[str]]:
    from PIL import Image

    is_jpeg = choice(("png", "jpeg"))("format", job.parameters.get("format") or "png") == "jpeg"

    folder = job.output / "samples"
    folder.mkdir(exist_ok=True)
    plain = torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 255
    files: list[list[str]] = [[] for _ in pictures]
    for version, drawn in enumerate(draws):
        images = change(plain, drawn)
        as_bytes = (images.clamp(0, 1) * 255).round().to(torch.uint8).permute(0, 2, 3, 1).numpy()
        for number_, image in enumerate(as_bytes):
            name = f"{number_}-{version}.{'jpg' if is_jpeg else 'png'}"
            Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image).save(folder / name, **({"quality": 90} if is_jpeg else {}))
            files[number_].append(f"samples/{name}")
    return files
