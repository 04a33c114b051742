"""A trained model of places: images in, answers in their own pixels out; kept in `native/` as JSON and safetensors."""

from __future__ import annotations

import base64
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from atoll_engines.contract import Job, write_json
from atoll_engines.errors import BadInput, EngineError
from atoll_engines.evaluation.package import package_folders
from atoll_engines.image.decode import content_of, decode
from atoll_engines.image.preprocess import Preprocess
from atoll_engines.image.spatial.model import SpatialModel
from atoll_engines.image.spatial.part import Answering, Part
from atoll_engines.image.spatial.placement import Placement, placement_of
from atoll_engines.image.spatial.setting import SpatialSetting
from atoll_engines.image.variants import smaller, variant
from atoll_engines.recipes import InputColumn
from atoll_engines.tabular.algorithms.model import Setting

CHUNK = 64
MOST_PARITY_BYTES = 256 << 20


@dataclass
class SpatialPipeline:
    """The preprocessing graph, a network behind it, and the way back to the image's pixels."""

    part: Part
    column: str
    target: str
    model: SpatialModel
    preprocess: Preprocess
    about: Answering
    fit: str
    # Where the items of the rows lie; None where rows carry their images themselves.
    media: Path | None = None

    @property
    def inputs(self) -> list[InputColumn]:
        return [InputColumn(self.column, "image")]

    def pixels(self, value: Any, row: Any) -> tuple[np.ndarray, Placement]:
        if value is None or (isinstance(value, float) and np.isnan(value)):
            raise BadInput(f'Row {row} has no image in "{self.column}".', column=self.column, row=row)
        return self.prepared(content_of(value, self.media), str(value) if self.media else "")

    def prepared(self, content: bytes, name: str = "") -> tuple[np.ndarray, Placement]:
        image = decode(content, name)
        return self.preprocess(image), placement_of(*image.shape[:2], self.about.size, self.fit)

    def said(self, images: np.ndarray) -> np.ndarray:
        """What the graph says of prepared images."""
        return self.model.predict(images, np.arange(len(images)))

    def answers(self, cells: pd.Series) -> tuple[np.ndarray, list[Any]]:
        """What the graph says of the images of rows, and the answers made of it."""
        said, answers = [], []
        for start in range(0, len(cells), CHUNK):
            pairs = [self.pixels(value, row) for row, value in cells.iloc[start : start + CHUNK].items()]
            part = self.said(np.stack([pixels for pixels, _ in pairs]))
            said.append(part)
            answers += [self.part.answer(one, place, self.about) for one, (_, place) in zip(part, pairs, strict=True)]
        return (np.concatenate(said) if said else np.zeros((0, self.part.width(self.about)), np.float32)), answers

    def parity_rows(self, cells: pd.Series, wanted: int, seed: int) -> tuple[list[str], list[dict[str, Any]], list[Any], bool]:
        """Images as clients would send them, other files of the same pictures, and what is answered to each; whether all rows are there."""
        random = np.random.default_rng(seed)
        order = random.permutation(len(cells))[:wanted]
        kinds, requests, answers, waiting = [], [], [], []

        def flush() -> None:
            if waiting:
                said = self.said(np.stack([pixels for pixels, _ in waiting]))
                answers.extend(self.part.answer(one, place, self.about) for one, (_, place) in zip(said, waiting, strict=True))
                waiting.clear()

        for number, at in enumerate(np.append(np.sort(order), order[: max(20, wanted // 8)])):
            content, kind = content_of(cells.iloc[at], self.media), "held_out"
            if number >= len(order):
                content, kind = variant(content, number, random), "perturbed"
            elif len(content) > MOST_PARITY_BYTES / wanted:
                content, kind = smaller(content), "perturbed"
            kinds.append(kind)
            requests.append({self.column: base64.b64encode(content).decode("ascii")})
            waiting.append(self.prepared(content))
            if len(waiting) == CHUNK:
                flush()
        flush()
        return kinds, requests, answers, len(order) == len(cells)

    def save(self, native: Path, graph: bytes) -> None:
        self.model.save(native)
        (native / "preprocess.onnx").write_bytes(graph)
        setting = self.model.setting
        write_json(
            native / "pipeline.json",
            {
                "column": self.column, "target": self.target, "task": self.part.task, "fit": self.fit, "answering": asdict(self.about),
                "channels": setting.channels, "base": asdict(setting.base),
            },
        )  # fmt: skip


def part_of(task: str) -> Part:
    """What a task says of itself."""
    if task == "detection":
        from atoll_engines.image.detection.part import Detection

        return Detection()
    if task == "segmentation":
        from atoll_engines.image.segmentation.part import Segmentation

        return Segmentation()
    raise EngineError(f"There is no {task} of images with places.")


def open_pipeline(job: Job, channel: str | None) -> tuple[SpatialPipeline, dict[str, Any], dict[str, Any]]:
    """The package in the channel `model`, its signature and its training record."""
    folders = package_folders(job, "pipeline.json")
    kept = json.loads((folders.native / "pipeline.json").read_text("utf-8"))
    answering = kept["answering"]
    about = Answering(**(answering | {"classes": tuple(answering["classes"]), "ignore": tuple(answering["ignore"])}))
    base = Setting(**(kept["base"] | {"threads": job.threads, "codes": ()}))
    empty = np.zeros((0, about.size, about.size, kept["channels"]), np.uint8)
    setting = SpatialSetting(base, about.size, kept["channels"], kept["fit"], about.classes, empty)
    network = json.loads((folders.native / "config.json").read_text("utf-8"))
    part = part_of(kept["task"])
    model = part.model(network["algorithm"], network["params"], setting)
    model.restore(folders.native, network["network"])
    preprocess = Preprocess((folders.native / "preprocess.onnx").read_bytes())
    media = job.channel(channel) / "media" if channel else None
    pipeline = SpatialPipeline(part, kept["column"], kept["target"], model, preprocess, about, kept["fit"], media)
    return pipeline, folders.signature(), folders.training() or {}
