"""Segmentation as training, evaluation and packages see it."""

from __future__ import annotations

import base64
import io
import json
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from atoll_engines.errors import BadInput
from atoll_engines.image.augment import Augmentation
from atoll_engines.image.decode import Unreadable
from atoll_engines.image.networks.build import scale_of_weights
from atoll_engines.image.segmentation.masks import (
    USUAL_IGNORED,
    VOID,
    MaskFile,
    as_classes,
    is_coloured,
    read_mask,
    refuse_too_many,
    value_name,
)
from atoll_engines.image.segmentation.metrics import METRICS, confusion_of, iou_by_class, scores_of
from atoll_engines.image.segmentation.networks import SegFormer, UNet, new_segformer_config
from atoll_engines.image.segmentation.objective import Segmenting
from atoll_engines.image.segmentation.rows import SegmentationRows
from atoll_engines.image.spatial.model import SpatialModel, SpatialNetwork
from atoll_engines.image.spatial.options import SpatialOptions
from atoll_engines.image.spatial.part import Answering, Fault
from atoll_engines.image.spatial.placement import Placement, mask_to_image, mask_to_square
from atoll_engines.image.spatial.setting import SpatialSetting
from atoll_engines.neural.protocols import Objective, Rows
from atoll_engines.tabular.algorithms.model import Algorithm, of_a_job

TASK = "segmentation"
# Pictures in a report are at most this large.
SHOWN_SIDE = 320
MOST_ROWS = 100


class SegmentationModel(SpatialModel):
    """A segmentation network over a job's images."""

    output = "mask"

    def build(self, mean: list[float], std: list[float], config: dict[str, Any] | None) -> tuple[SpatialNetwork, dict[str, Any]]:
        setting, classes = self.setting, len(self.setting.classes)
        facts: dict[str, Any] = {"from": "random numbers"}
        network: SpatialNetwork
        if self.algorithm == "image_unet":
            network = UNet(setting.channels, setting.size, classes, int(self.params.get("width", 16)))
        else:
            weights = setting.weights if config is None else None
            if not config and weights is None:
                config = new_segformer_config(str(self.params.get("size", "tiny")), setting.channels)
            network = SegFormer(config or {}, classes, setting.size, weights)
            facts["config"] = network.settings
            if weights:
                mean, std = scale_of_weights(weights) or (mean, std)
                facts["from"] = "given weights"
        network.set_scale(mean, std)
        return network, facts | {"mean": mean, "std": std}

    def rows(self, places: np.ndarray, augmentation: Augmentation) -> Rows:
        return SegmentationRows(self.setting.images, self.setting.targets, places, augmentation)

    def objective(self) -> Objective:
        return Segmenting(len(self.setting.classes))


def usual_mask(setting: SpatialSetting, places: np.ndarray) -> np.ndarray:
    """At each place of the square what is there most often."""
    counts = np.zeros((len(setting.classes), setting.size, setting.size), np.int32)
    for place in places:
        for kind in range(len(counts)):
            counts[kind] += setting.targets[place] == kind
    usual = int(counts.sum((1, 2)).argmax())
    return np.where(counts.any(0), counts.argmax(0), usual).astype(np.int32).ravel()


RATE = {"learning_rate": {"float": [5e-4, 1e-2], "log": True}}
ALGORITHMS = (
    Algorithm(
        "image_unet", "U-Net", (TASK,), "image", of_a_job,
        defaults={
            "epochs": 30, "batch_size": 16, "learning_rate": 4e-3, "weight_decay": 0.02, "schedule": "one_cycle", "width": 16,
            "clip_norm": 5.0, "keep": "last",
        },
        space=RATE | {"width": {"choice": [12, 16, 24, 32]}, "epochs": {"int": [15, 60]}},
        runtime="deep",
    ),
    Algorithm(
        "image_segformer", "SegFormer", (TASK,), "image", of_a_job,
        defaults={
            "epochs": 40, "batch_size": 16, "learning_rate": 1e-3, "weight_decay": 0.01, "warmup": 0.05, "size": "tiny", "keep": "last",
        },
        space={"learning_rate": {"float": [2e-4, 4e-3], "log": True}, "size": {"choice": ["tiny", "b0"]}},
        runtime="deep",
    ),
)  # fmt: skip


class Segmentation:
    """A class for each pixel."""

    task = TASK
    metrics = METRICS
    output = "mask"
    model = SegmentationModel
    algorithms = ALGORITHMS
    promise = ("image_unet",)
    weight_kinds = {"segformer": "image_segformer"}
    from_weights = {"learning_rate": 1e-4, "epochs": 15, "batch_size": 4}
    # Of an image's pixels so many may differ: two classes that are as likely as each other are told apart by rounding.
    tolerance = 5e-3
    usual = staticmethod(usual_mask)

    def learn_classes(
        self, values: pd.Series, folders: list[Path], options: SpatialOptions, about: Answering
    ) -> tuple[list[Any], list[Fault]]:
        masks = [MaskFile(str(value), folder) for value, folder in zip(values, folders, strict=True)]
        faults: list[Fault] = []
        about.colours = any_coloured(masks)
        seen: dict[int, int] = {}
        for place, mask in enumerate(masks):
            try:
                found = np.unique(read_mask(mask, about.colours))
            except Unreadable as error:
                faults.append((place, error.message))
                continue
            refuse_too_many(mask, len(found))
            for code in found:
                seen.setdefault(int(code), place)
        names = [value_name(code, about.colours) for code in sorted(seen)]
        about.ignore = usual_ignored(names, about.colours) if options.ignore is None else options.ignore
        names = [name for name in names if name not in about.ignore]
        if options.class_names and (strange := [name for name in names if name not in options.class_names]):
            code = next(code for code in seen if value_name(code, about.colours) == strange[0])
            raise BadInput(
                f'The mask "{masks[seen[code]].path}" holds the value {strange[0]}, which classNames does not name. '
                f"It names {', '.join(options.class_names)}; name it too, or put it into ignore.",
                file=masks[seen[code]].path, parameter="classNames",
            )  # fmt: skip
        refuse_too_many(masks[0], len(names))
        if len(names) < 2:
            raise BadInput(f'The masks of "{values.name}" hold one value only, so there is nothing to tell apart.', column=str(values.name))
        about.classes = tuple(options.class_names.get(name, name) for name in names)
        about.values = {name: number for number, name in enumerate(names)}
        bad = {place for place, _ in faults}
        return [None if place in bad else mask for place, mask in enumerate(masks)], faults

    def read_known(self, values: pd.Series, folders: list[Path], about: Answering) -> tuple[list[Any], list[Fault]]:
        truths: list[Any] = []
        faults: list[Fault] = []
        for place, (value, folder) in enumerate(zip(values, folders, strict=True)):
            mask = MaskFile(str(value), folder)
            truths.append(None)
            try:
                _, unknown = as_classes(read_mask(mask, about.colours), about.values, about.ignore, about.colours)
            except Unreadable as error:
                faults.append((place, error.message))
                continue
            if unknown:
                faults.append((place, f'The mask "{mask.path}" holds the value {unknown}, which training never saw.'))
            else:
                truths[-1] = mask
        return truths, faults

    def check_size(self, truth: MaskFile, height: int, width: int, image: str) -> str | None:
        shape = image_size(truth)
        if shape == (height, width):
            return None
        return f'The mask "{truth.path}" is {shape[1]} x {shape[0]} pixels and its image "{image}" {width} x {height}.'

    def in_square(self, truth: MaskFile, place: Placement, about: Answering) -> np.ndarray:
        return mask_to_square(self.mask(truth, about), place, about.size, VOID)

    def mask(self, truth: MaskFile, about: Answering) -> np.ndarray:
        return as_classes(read_mask(truth, about.colours), about.values, about.ignore, about.colours)[0]

    def width(self, about: Answering) -> int:
        return about.size * about.size

    def answer(self, said: np.ndarray, place: Placement, about: Answering) -> np.ndarray:
        return mask_to_image(said.reshape(about.size, about.size).astype(np.uint8), place)

    def evidence(self, truth: MaskFile, answer: np.ndarray, about: Answering) -> np.ndarray:
        return confusion_of(self.mask(truth, about), answer, len(about.classes), VOID)

    def scores(self, evidence: list[np.ndarray], about: Answering, weights: np.ndarray | None = None) -> dict[str, float]:
        stacked = np.stack(evidence)
        return scores_of(stacked.sum(0) if weights is None else np.tensordot(weights, stacked, 1))

    def resampled(self, evidence: list[np.ndarray], about: Answering, weights: list[np.ndarray]) -> list[dict[str, float]]:
        stacked = np.stack(evidence)
        return [scores_of(np.tensordot(one, stacked, 1)) for one in weights]

    def best_threshold(self, evidence: list[Any], about: Answering) -> None:
        return None

    def per_class(self, evidence: list[np.ndarray], about: Answering, count: int, seed: int) -> dict[str, Any]:
        """Of pixels: precision, recall, F1 (which is Dice), IoU with its interval; support is the pixels of the class."""
        from atoll_engines.image.spatial.evaluate import bounds, resamples

        stacked = np.stack(evidence)
        total = stacked.sum(0)
        drawn = np.array([iou_by_class(np.tensordot(one, stacked, 1)) for one in resamples(len(evidence), count, seed)])
        iou, told = iou_by_class(total), {}
        for kind, name in enumerate(about.classes):
            hits, said, there = float(total[kind, kind]), float(total[:, kind].sum()), float(total[kind].sum())
            told[name] = {
                "precision": hits / said if said else 0.0, "recall": hits / there if there else 0.0,
                "f1": 2 * hits / (said + there) if said + there else 0.0, "support": int(there),
                "iou": {"value": float(iou[kind]), **bounds(drawn[:, kind].tolist())},
            }  # fmt: skip
        return told

    def image_score(self, one: np.ndarray, about: Answering) -> float:
        """Mean IoU of an image over the classes in it."""
        score = scores_of(one)[METRICS[0]]
        return score if np.isfinite(score) else 1.0

    def confusion(self, evidence: list[np.ndarray], about: Answering, rows: np.ndarray) -> dict[str, Any]:
        """Pixels by class, and of each cell the images with most of them."""
        stacked = np.stack(evidence)
        cells = {}
        for real, name in enumerate(about.classes):
            for said, other in enumerate(about.classes):
                most = np.argsort(-stacked[:, real, said], kind="stable")[:MOST_ROWS]
                held = [int(rows[at]) for at in most if stacked[at, real, said] > 0]
                if held:
                    cells[f"{name}|{other}"] = held
        return {"classes": list(about.classes), "matrix": stacked.sum(0).tolist(), "rows": cells}

    def shown(self, truth: MaskFile, answer: np.ndarray, about: Answering) -> dict[str, Any]:
        """Both masks as small pictures of class numbers; what is left aside is 255."""
        return {"actual": picture(self.mask(truth, about)), "predicted": picture(answer)}

    def as_text(self, answer: np.ndarray, about: Answering) -> str:
        """The share of the image that each class takes."""
        shares = np.bincount(answer.ravel(), minlength=len(about.classes)) / answer.size
        return json.dumps({name: round(float(share), 4) for name, share in zip(about.classes, shares, strict=True)})

    def truth_text(self, truth: MaskFile, about: Answering) -> str:
        mask = self.mask(truth, about)
        known = mask[mask != VOID]
        shares = np.bincount(known, minlength=len(about.classes)) / max(1, known.size)
        return json.dumps({name: round(float(share), 4) for name, share in zip(about.classes, shares, strict=True)})

    def expected(self, answer: np.ndarray, about: Answering) -> dict[str, Any]:
        packed = base64.b64encode(zlib.compress(np.ascontiguousarray(answer).tobytes(), 6)).decode("ascii")
        return {"height": answer.shape[0], "width": answer.shape[1], "deflated": packed}

    def difference(self, one: np.ndarray, other: np.ndarray, about: Answering) -> float:
        return float((one != other).mean())

    def shape(self, about: Answering) -> dict[str, Any]:
        return {"maskValues": list(about.values)}


def image_size(mask: MaskFile) -> tuple[int, int]:
    codes = read_mask(mask, True)
    return codes.shape[0], codes.shape[1]


def any_coloured(masks: list[MaskFile]) -> bool:
    """By the first that can be read and is not black and white."""
    for mask in masks[:20]:
        try:
            if is_coloured(mask):
                return True
        except Exception:  # noqa: S112 - damaged files are named when they are read
            continue
    return False


def usual_ignored(names: list[str], colours: bool) -> tuple[str, ...]:
    """255 is "nothing is known here" where it is not one of two values."""
    return (USUAL_IGNORED,) if not colours and USUAL_IGNORED in names and len(names) > 2 else ()


def picture(mask: np.ndarray) -> str:
    from PIL import Image

    image = Image.fromarray(mask)
    scale = SHOWN_SIDE / max(mask.shape)
    if scale < 1:
        image = image.resize((max(1, round(mask.shape[1] * scale)), max(1, round(mask.shape[0] * scale))), Image.Resampling.NEAREST)
    file = io.BytesIO()
    image.save(file, "PNG")
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode('ascii')}"
