"""A trained text model: rows in, probabilities or predictions out; kept in `native/` without a pickle."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from atoll_engines.compression.graph_models import is_of_graph, texts_of
from atoll_engines.contract import Job, write_json
from atoll_engines.evaluation import multilabel
from atoll_engines.evaluation.package import Package, package_folders
from atoll_engines.recipes import InputColumn
from atoll_engines.tabular.algorithms.model import Setting
from atoll_engines.tabular.metrics import labels_of
from atoll_engines.text.algorithms import load_model
from atoll_engines.text.augment import Augmentation
from atoll_engines.text.documents import Documents
from atoll_engines.text.setting import TextModel, TextSetting


@dataclass
class TextPipeline:
    """Documents of rows, and a model of them."""

    documents: Documents
    model: TextModel
    task: str
    classes: tuple[str, ...] | None
    threshold: float | None
    thresholds: list[float] | None = None

    @property
    def inputs(self) -> list[InputColumn]:
        return list(self.documents.inputs)

    def predict(self, frame: pd.DataFrame) -> np.ndarray:
        return self.predict_texts(self.documents.of(frame))

    def predict_texts(self, texts: np.ndarray) -> np.ndarray:
        return self.model.predict(texts)

    def labels(self, predicted: np.ndarray) -> list[Any]:
        if self.task == "multilabel":
            return multilabel.labels(multilabel.chosen(predicted, self.thresholds or [0.5] * len(self.classes)), self.classes)
        return [self.classes[k] for k in labels_of(predicted, self.threshold)]

    def save(self, folder: Path, algorithm: str, params: dict[str, Any], base: Setting) -> None:
        self.model.save(folder)
        about = {
            "algorithm": algorithm, "params": params, "setting": asdict(base), "task": self.task,
            "columns": [one.name for one in self.documents.inputs], "separator": self.documents.separator,
            "classes": self.classes, "threshold": self.threshold, "thresholds": self.thresholds,
        }  # fmt: skip
        write_json(folder / "pipeline.json", about)


def setting_of(base: Setting, documents: Documents, **more: Any) -> TextSetting:
    """A model's setting; without augmentation unless it says so."""
    plain = {"augmentation": Augmentation(0.0, {}, 0.0)}
    return TextSetting(base=base, separator=documents.separator, columns=len(documents.inputs), **(plain | more))


def open_package(job: Job) -> Package:
    """The package in the channel `model`."""
    folders = package_folders(job, "pipeline.json")
    about = json.loads((folders.native / "pipeline.json").read_text("utf-8"))
    base = Setting(**(about["setting"] | {"threads": job.threads}))
    documents = Documents(tuple(InputColumn(name, "text") for name in about["columns"]), about["separator"])
    if is_of_graph(folders.native):
        model: Any = texts_of(folders.model)
    else:
        model = load_model(folders.native, about["algorithm"], about["params"], setting_of(base, documents))
    classes = tuple(about["classes"]) if about["classes"] else None
    pipeline = TextPipeline(documents, model, about["task"], classes, about["threshold"], about["thresholds"])
    return Package(pipeline, folders.signature(), folders.training())
