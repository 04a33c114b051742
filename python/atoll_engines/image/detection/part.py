"""Detection as training, evaluation and packages see it."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pandas as pd
import torch

from atoll_engines.image.augment import Augmentation
from atoll_engines.image.detection.boxes import as_array, classes_of, iou_matrix, read_column
from atoll_engines.image.detection.found import VALUES, as_told, found_objects
from atoll_engines.image.detection.metrics import matched, precisions_of
from atoll_engines.image.detection.networks import (
    MOST_FOUND,
    QUERY_KINDS,
    STRIDE,
    CentreNet,
    QueryNet,
    new_query_config,
)
from atoll_engines.image.detection.objective import CentreLoss, QueryLoss
from atoll_engines.image.detection.rows import DetectionRows
from atoll_engines.image.networks.build import scale_of_weights
from atoll_engines.image.spatial.model import Served, SpatialModel, SpatialNetwork
from atoll_engines.image.spatial.options import SpatialOptions
from atoll_engines.image.spatial.part import Answering, Fault
from atoll_engines.image.spatial.placement import Placement, to_square
from atoll_engines.image.spatial.setting import SpatialSetting
from atoll_engines.neural.plan import TrainingPlan
from atoll_engines.neural.protocols import Objective, Rows
from atoll_engines.onnx_models.torch_graph import without_traces
from atoll_engines.tabular.algorithms.model import Algorithm, of_a_job

TASK = "detection"
METRICS = ("mean_average_precision", "average_precision_50", "average_precision_75", "precision", "recall", "f1")
# At this overlap a served object counts as right.
RIGHT_AT = 0
NOTHING = "nothing"
MOST_ROWS = 100
# Two graphs are compared by what is at least this sure: of noise the order is chance.
DECIDED = 0.05
BASELINE_OBJECTS = 10


class DetectionModel(SpatialModel):
    """A detector over a job's images."""

    output = "objects"

    def build(self, mean: list[float], std: list[float], config: dict[str, Any] | None) -> tuple[SpatialNetwork, dict[str, Any]]:
        setting, classes = self.setting, len(self.setting.classes)
        facts: dict[str, Any] = {"from": "random numbers"}
        network: SpatialNetwork
        if self.algorithm == "image_centernet":
            network = CentreNet(setting.channels, setting.size, classes, int(self.params.get("width", 24)))
        else:
            weights = setting.weights if config is None else None
            if not config and weights is None:
                config = new_query_config(
                    str(self.params.get("size", "small")), setting.channels, setting.size, int(self.params.get("queries", 50))
                )
            network = QueryNet(config or {}, classes, setting.size, weights)
            facts["config"] = network.settings
            if weights:
                mean, std = scale_of_weights(weights) or (mean, std)
                facts["from"] = "given weights"
        network.set_scale(mean, std)
        return network, facts | {"mean": mean, "std": std}

    def plan(self) -> TrainingPlan:
        plan = super().plan()
        if self.algorithm == "image_centernet" or "rules" in self.setting.options:
            return plan
        # The last layer of each of its steps begins at nothing, by design.
        return replace(plan, rules=replace(plan.rules, watch=tuple(one for one in plan.rules.watch if one != "poor_initialisation")))

    def to_onnx(self) -> bytes:
        if self.algorithm == "image_centernet":
            return super().to_onnx()
        return traced_graph(Served(self.network), self.setting.size, self.setting.channels, self.output)

    def rows(self, places: np.ndarray, augmentation: Augmentation) -> Rows:
        return DetectionRows(self.setting.images, self.setting.targets, places, self.setting.size, augmentation)

    def objective(self) -> Objective:
        kind = CentreLoss if self.algorithm == "image_centernet" else QueryLoss
        return kind(self.setting.size, len(self.setting.classes), float(self.setting.options.get("nmsThreshold") or 0.6))


def traced_graph(served: Any, size: int, channels: int, output: str) -> bytes:
    """The older exporter: for transformers with sampled attention it takes a tenth of the time and says the same."""
    file = io.BytesIO()
    sample = torch.randint(0, 256, (2, size, size, channels), dtype=torch.uint8)
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()), torch.no_grad():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            served.eval(), (sample,), file, dynamo=False, opset_version=17, input_names=["image"], output_names=[output],
            dynamic_axes={"image": {0: "rows"}, output: {0: "rows"}},
        )  # fmt: skip
    model = onnx.load_from_string(file.getvalue())
    without_traces(model)
    return model.SerializeToString()


def usual_objects(setting: SpatialSetting, places: np.ndarray) -> np.ndarray:
    """The mean box of each class, as sure as the class is frequent."""
    width = min(MOST_FOUND, (setting.size // STRIDE) ** 2 * len(setting.classes))
    said = np.zeros((width, VALUES), np.float32)
    every = np.concatenate([setting.targets[place] for place in places] or [np.zeros((0, 5))])
    counts = sorted(((int((every[:, 0] == kind).sum()), kind) for kind in range(len(setting.classes))), reverse=True)
    for at, (count, kind) in enumerate(counts[: min(width, BASELINE_OBJECTS)]):
        if count:
            said[at] = [kind, min(0.99, count / max(1, len(places))), *every[every[:, 0] == kind, 1:].mean(0)]
    return said.ravel()


RATE = {"learning_rate": {"float": [5e-4, 1e-2], "log": True}}
ALGORITHMS = (
    Algorithm(
        "image_centernet", "Centre points", (TASK,), "image", of_a_job,
        defaults={
            "epochs": 40, "batch_size": 16, "learning_rate": 4e-3, "weight_decay": 0.02, "schedule": "one_cycle", "width": 24,
            "clip_norm": 5.0, "keep": "last",
        },
        space=RATE | {"width": {"choice": [16, 24, 32]}, "epochs": {"int": [20, 80]}},
        runtime="deep",
    ),
    Algorithm(
        "image_detr", "Detection transformer", (TASK,), "image", of_a_job,
        defaults={
            "epochs": 60, "batch_size": 16, "learning_rate": 6e-4, "weight_decay": 1e-4, "warmup": 0.05, "clip_norm": 1.0,
            "size": "small", "queries": 50, "keep": "last",
        },
        space={"learning_rate": {"float": [1e-4, 2e-3], "log": True}, "size": {"choice": ["small", "medium"]}},
        runtime="deep",
    ),
)  # fmt: skip
FROM_WEIGHTS = {"learning_rate": 1e-4, "epochs": 15, "batch_size": 4}


@dataclass
class Evidence:
    """One image: what is there [k, 5], and what was found [k, 6]."""

    actual: np.ndarray
    found: np.ndarray


def matched_pairs(actual: np.ndarray, told: np.ndarray) -> list[tuple[int, int]]:
    """Each object told, best first, with the free one that it overlaps most, if by a half."""
    overlap = iou_matrix(actual[:, 1:], told[:, 2:])
    free, pairs = np.ones(len(actual), bool), []
    for b in range(len(told)):
        if not len(actual):
            break
        # An object of its own class before others.
        order = np.where(free, overlap[:, b] + (actual[:, 0] == told[b, 0]) * (overlap[:, b] >= 0.5), -1.0)
        a = int(order.argmax())
        if free[a] and overlap[a, b] >= 0.5:
            pairs.append((a, b))
            free[a] = False
    return pairs


class Detection:
    """Objects: a label, a box, and how sure."""

    task = TASK
    metrics = METRICS
    output = "objects"
    model = DetectionModel
    algorithms = ALGORITHMS
    promise = ("image_centernet",)
    weight_kinds = dict.fromkeys(QUERY_KINDS, "image_detr")
    from_weights = FROM_WEIGHTS
    tolerance = 1e-3
    usual = staticmethod(usual_objects)

    def learn_classes(
        self, values: pd.Series, folders: list[Path], options: SpatialOptions, about: Answering
    ) -> tuple[list[Any], list[Fault]]:
        objects = read_column(values)
        about.classes = classes_of(objects, str(values.name))
        numbers = {label: number for number, label in enumerate(about.classes)}
        return [as_array(row, numbers) for row in objects], []

    def read_known(self, values: pd.Series, folders: list[Path], about: Answering) -> tuple[list[Any], list[Fault]]:
        numbers = {label: number for number, label in enumerate(about.classes)}
        truths: list[Any] = []
        faults: list[Fault] = []
        for place, row in enumerate(read_column(values)):
            unknown = sorted({label for label, _ in row} - numbers.keys())
            if unknown:
                faults.append((place, f'Row {values.index[place]} holds "{unknown[0]}", which training never saw.'))
            truths.append(None if unknown else as_array(row, numbers))
        return truths, faults

    def check_size(self, truth: np.ndarray, height: int, width: int, image: str) -> str | None:
        beyond = truth[(truth[:, 1] >= width) | (truth[:, 2] >= height) | (truth[:, 3] <= 0) | (truth[:, 4] <= 0)]
        if not len(beyond):
            return None
        x1, y1, x2, y2 = beyond[0, 1:]
        box = f"[{x1:g}, {y1:g}, {x2 - x1:g}, {y2 - y1:g}]"
        return f'"{image}" is {width} x {height} pixels, and the box {box} lies outside of it.'

    def in_square(self, truth: np.ndarray, place: Placement, about: Answering) -> np.ndarray:
        boxes = np.clip(truth[:, 1:], 0, [place.width, place.height] * 2)
        return np.concatenate([truth[:, :1], to_square(boxes, place)], 1).astype(np.float32)

    def width(self, about: Answering) -> int:
        return MOST_FOUND * VALUES

    def answer(self, said: np.ndarray, place: Placement, about: Answering) -> np.ndarray:
        return found_objects(said, place, about.nms)

    def evidence(self, truth: np.ndarray, answer: np.ndarray, about: Answering) -> Evidence:
        return Evidence(truth, answer)

    def scores(self, evidence: list[Evidence], about: Answering, weights: np.ndarray | None = None) -> dict[str, float]:
        parts = matched([one.actual for one in evidence], [one.found for one in evidence], len(about.classes))
        return self.scores_of(parts, about, weights)

    def scores_of(self, parts: list[Any], about: Answering, weights: np.ndarray | None = None) -> dict[str, float]:
        found = precisions_of(parts, weights)
        hits, told, there = self.counts(parts, about.threshold if about.threshold is not None else 0.3, weights)
        precision = hits / told if told else 0.0
        recall = hits / there if there else float("nan")
        return {
            "mean_average_precision": found.mean, "average_precision_50": found.at_50, "average_precision_75": found.at_75,
            "precision": precision, "recall": recall, "f1": 2 * hits / (told + there) if told + there else float("nan"),
        }  # fmt: skip

    def counts(self, parts: list[Any], threshold: float, weights: np.ndarray | None) -> tuple[float, float, float]:
        """Objects that are told and right at an overlap of a half, told, and there."""
        hits = told = there = 0.0
        for part in parts:
            kept = part.score >= threshold
            counted = np.ones(kept.sum()) if weights is None else weights[part.image[kept]]
            hits += float((part.hit[RIGHT_AT, kept] * counted).sum())
            told += float(counted.sum())
            there += float(part.objects.sum() if weights is None else (part.objects * weights).sum())
        return hits, told, there

    def best_threshold(self, evidence: list[Evidence], about: Answering) -> dict[str, Any]:
        """From which score on an object is told: the one with the best F1 at an overlap of a half."""
        parts = matched([one.actual for one in evidence], [one.found for one in evidence], len(about.classes))
        curve = []
        for threshold in np.round(np.arange(0.05, 0.96, 0.05), 2):
            hits, told, there = self.counts(parts, float(threshold), None)
            precision, recall = (hits / told if told else 0.0), (hits / there if there else 0.0)
            f1 = 2 * hits / (told + there) if told + there else 0.0
            curve.append({"threshold": float(threshold), "precision": precision, "recall": recall, "f1": f1, "cost": None})
        best = max(curve, key=lambda one: one["f1"])
        return {"value": best["threshold"], "rule": "the best F1 of objects at an overlap of a half, on the rows held out", "curve": curve}

    def resampled(self, evidence: list[Evidence], about: Answering, weights: list[np.ndarray]) -> list[dict[str, float]]:
        """The scores of each resample of the images; what is matched is matched once."""
        parts = matched([one.actual for one in evidence], [one.found for one in evidence], len(about.classes))
        return [self.scores_of(parts, about, one) for one in weights]

    def per_class(self, evidence: list[Evidence], about: Answering, count: int, seed: int) -> dict[str, Any]:
        from atoll_engines.image.spatial.evaluate import bounds, resamples

        parts = matched([one.actual for one in evidence], [one.found for one in evidence], len(about.classes))
        weights = resamples(len(evidence), count, seed)
        told = {}
        for name, part in zip(about.classes, parts, strict=True):
            scores = self.scores_of([part], about)
            drawn = [self.scores_of([part], about, one) for one in weights]
            told[name] = {
                "precision": scores["precision"], "recall": scores["recall"], "f1": scores["f1"], "support": int(part.objects.sum()),
                "averagePrecision": {"value": scores[METRICS[0]], **bounds([one[METRICS[0]] for one in drawn])},
                "averagePrecision50": {"value": scores[METRICS[1]], **bounds([one[METRICS[1]] for one in drawn])},
            }  # fmt: skip
        return told

    def image_score(self, one: Evidence, about: Answering) -> float:
        """F1 of the objects that are told of an image, at an overlap of a half; 1 where there is nothing and nothing is told."""
        told = one.found[one.found[:, 1] >= (about.threshold or 0)]
        pairs = matched_pairs(one.actual, told)
        hits = sum(one.actual[a, 0] == told[b, 0] for a, b in pairs)
        return 2 * hits / (len(told) + len(one.actual)) if len(told) + len(one.actual) else 1.0

    def confusion(self, evidence: list[Evidence], about: Answering, rows: np.ndarray) -> dict[str, Any]:
        """Objects told and there, paired where they overlap by a half; the rest is missed, or nothing was there."""
        names = [*about.classes, NOTHING]
        matrix = np.zeros((len(names), len(names)), np.int64)
        cells: dict[str, list[int]] = {}
        for one, row in zip(evidence, rows, strict=True):
            told = one.found[one.found[:, 1] >= (about.threshold or 0)]
            pairs = matched_pairs(one.actual, told)
            missed = set(range(len(one.actual))) - {a for a, _ in pairs}
            wrong = set(range(len(told))) - {b for _, b in pairs}
            met = [(int(one.actual[a, 0]), int(told[b, 0])) for a, b in pairs]
            met += [(int(one.actual[a, 0]), len(names) - 1) for a in missed] + [(len(names) - 1, int(told[b, 0])) for b in wrong]
            for real, said in met:
                matrix[real, said] += 1
                known = cells.setdefault(f"{names[real]}|{names[said]}", [])
                if len(known) < MOST_ROWS and (not known or known[-1] != int(row)):
                    known.append(int(row))
        return {"classes": names, "matrix": matrix.tolist(), "rows": cells}

    def shown(self, truth: np.ndarray, answer: np.ndarray, about: Answering) -> dict[str, Any]:
        """What there is and what was told, to be looked at."""
        return {"actual": json.loads(self.truth_text(truth, about)), "predicted": json.loads(self.as_text(answer, about))}

    def expected(self, answer: np.ndarray, about: Answering) -> list[dict[str, Any]]:
        """All that might be told, with a little below the threshold, so that serving can be compared at its edge."""
        least = (about.threshold or 0) - 10 * self.tolerance
        return as_told(answer[answer[:, 1] >= least], about.classes)

    def difference(self, one: np.ndarray, other: np.ndarray, about: Answering) -> float:
        """How far two answers are apart: scores, and edges as a share of the side; 1 where an object is missing."""
        place = Placement(about.size, about.size, about.size, about.size, 0, 0)
        a, b = found_objects(one, place, about.nms, DECIDED), found_objects(other, place, about.nms, DECIDED)
        worst = 0.0
        for mine, others in ((a, b), (b, a)):
            for kind, score, *box in mine:
                if score < DECIDED + 10 * self.tolerance:
                    continue
                same = others[others[:, 0] == kind]
                apart = np.maximum(np.abs(same[:, 1] - score), np.abs(same[:, 2:] - box).max(1) / about.size) if len(same) else np.ones(1)
                worst = max(worst, float(apart.min()))
        return worst

    def shape(self, about: Answering) -> dict[str, Any]:
        return {"nms": about.nms}

    def as_text(self, answer: np.ndarray, about: Answering) -> str:
        kept = answer[answer[:, 1] >= (about.threshold or 0)]
        return json.dumps([
            {"label": about.classes[int(k)], "score": round(float(s), 4), "box": [round(float(v), 2) for v in (x1, y1, x2 - x1, y2 - y1)]}
            for k, s, x1, y1, x2, y2 in kept
        ])  # fmt: skip

    def truth_text(self, truth: np.ndarray, about: Answering) -> str:
        return json.dumps([
            {"label": about.classes[int(k)], "box": [round(float(v), 2) for v in (x1, y1, x2 - x1, y2 - y1)]}
            for k, x1, y1, x2, y2 in truth
        ])  # fmt: skip
