"""A trained image model: rows in, probabilities out; kept in `native/` as JSON and safetensors."""

from __future__ import annotations

import base64
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from atoll_engines.compression.graph_models import images_of, is_of_graph
from atoll_engines.contract import Job, Report, write_json
from atoll_engines.errors import BadInput
from atoll_engines.evaluation import multilabel
from atoll_engines.evaluation.package import Package, package_folders
from atoll_engines.image.decode import content_of, decode
from atoll_engines.image.model import ImageModel
from atoll_engines.image.preprocess import Preprocess
from atoll_engines.image.setting import ImageSetting
from atoll_engines.image.store import tell_damaged
from atoll_engines.image.variants import smaller, variant
from atoll_engines.recipes import InputColumn
from atoll_engines.tabular.algorithms.model import Setting
from atoll_engines.tabular.metrics import labels_of

CHUNK = 512
# Larger photographs are sent as smaller copies.
MOST_PARITY_BYTES = 256 << 20
MOST_KEPT_BYTES = 1 << 30


@dataclass
class ImagePipeline:
    """The preprocessing graph, and a network behind it."""

    column: str
    model: ImageModel
    preprocess: Preprocess
    task: str
    classes: tuple[str, ...]
    threshold: float | None
    thresholds: list[float] | None = None
    # Where the items of the rows lie; None where rows carry their images themselves.
    media: Path | None = None
    # Prepared images of the items, by path: they are asked for again and again in an evaluation.
    kept: dict[str, np.ndarray] = field(default_factory=dict)

    @property
    def inputs(self) -> list[InputColumn]:
        return [InputColumn(self.column, "image")]

    def predict(self, frame: pd.DataFrame) -> np.ndarray:
        parts = [self.predict_cells(frame[self.column].iloc[start : start + CHUNK]) for start in range(0, len(frame), CHUNK)]
        return np.concatenate(parts) if parts else np.zeros((0, len(self.classes)), np.float32)

    def predict_cells(self, cells: pd.Series) -> np.ndarray:
        images = np.stack([self.pixels(value, row) for row, value in cells.items()])
        return self.predict_images(images)

    def predict_images(self, images: np.ndarray) -> np.ndarray:
        """Of prepared images."""
        return self.model.answer(images, np.arange(len(images)))[0]

    def pixels(self, value: Any, row: Any) -> np.ndarray:
        if value is None or (isinstance(value, float) and np.isnan(value)):
            raise BadInput(f'Row {row} has no image in "{self.column}".', column=self.column, row=row)
        name = str(value) if self.media else ""
        if name in self.kept:
            return self.kept[name]
        pixels = self.preprocess(decode(content_of(value, self.media), name))
        if self.media and len(self.kept) * pixels.nbytes < MOST_KEPT_BYTES:
            self.kept[name] = pixels
        return pixels

    def readable(self, frame: pd.DataFrame, report: Report) -> np.ndarray:
        """Marks the rows whose image can be read; the others are named."""
        damaged = []
        for place, (row, value) in enumerate(frame[self.column].items()):
            try:
                self.pixels(value, row)
            except BadInput as error:
                damaged.append((place, error.message))
        tell_damaged(damaged, frame[self.column].tolist(), frame.index.to_numpy(), report, "the evaluation")
        readable = np.ones(len(frame), bool)
        readable[[place for place, _ in damaged]] = False
        return readable

    def labels(self, predicted: np.ndarray) -> list[Any]:
        if self.task == "multilabel":
            return multilabel.labels(multilabel.chosen(predicted, self.thresholds or [0.5] * len(self.classes)), self.classes)
        return [self.classes[k] for k in labels_of(predicted, self.threshold)]

    def parity_rows(self, frame: pd.DataFrame, wanted: int, seed: int) -> tuple[list[str], list[dict[str, Any]], np.ndarray, bool]:
        """Images as clients would send them, other files of the same pictures, what is answered to each; whether all rows are there."""
        random = np.random.default_rng(seed)
        order = random.permutation(len(frame))[:wanted]
        kinds, requests, pixels = [], [], []
        for number, place in enumerate(np.append(np.sort(order), order[: max(20, wanted // 8)])):
            content, kind = content_of(frame[self.column].iloc[place], self.media), "held_out"
            if number >= len(order):
                content, kind = variant(content, number, random), "perturbed"
            elif len(content) > MOST_PARITY_BYTES / wanted:
                content, kind = smaller(content), "perturbed"
            kinds.append(kind)
            requests.append({self.column: base64.b64encode(content).decode("ascii")})
            pixels.append(self.preprocess(decode(content)))
        answers = [self.predict_images(np.stack(pixels[at : at + CHUNK])) for at in range(0, len(pixels), CHUNK)]
        return kinds, requests, np.concatenate(answers), len(order) == len(frame)

    def save(self, native: Path, graph: bytes) -> None:
        self.model.save(native)
        (native / "preprocess.onnx").write_bytes(graph)
        setting = self.model.setting
        about = {
            "column": self.column, "task": self.task, "classes": self.classes, "threshold": self.threshold, "thresholds": self.thresholds,
            "size": setting.size, "channels": setting.channels, "base": asdict(setting.base),
        }  # fmt: skip
        write_json(native / "pipeline.json", about)


def open_package(job: Job, channel: str | None = None) -> Package:
    """The package in the channel `model`, reading the items of a channel."""
    folders = package_folders(job, "pipeline.json")
    about = json.loads((folders.native / "pipeline.json").read_text("utf-8"))
    classes = tuple(about["classes"])
    base = Setting(**(about["base"] | {"threads": job.threads, "codes": ()}))
    empty = np.zeros((0, about["size"], about["size"], about["channels"]), np.uint8)
    if is_of_graph(folders.native):
        model: Any = images_of(folders.model)
    else:
        model = ImageModel.load(folders.native, ImageSetting(base, about["size"], about["channels"], classes, empty))
    preprocess = Preprocess((folders.native / "preprocess.onnx").read_bytes())
    media = job.channel(channel) / "media" if channel else None
    pipeline = ImagePipeline(about["column"], model, preprocess, about["task"], classes, about["threshold"], about["thresholds"], media)
    return Package(pipeline, folders.signature(), folders.training())
