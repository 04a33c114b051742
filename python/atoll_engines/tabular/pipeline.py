"""The trained pipeline: raw rows in, probabilities or predictions out, in Python or as one graph."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from atoll_engines.recipes import FittedRecipe, GraphBuilder, InputColumn
from atoll_engines.tabular.algorithms.model import Model
from atoll_engines.tabular.calibration import Calibrator
from atoll_engines.tabular.metrics import labels_of


@dataclass
class Pipeline:
    """A fitted recipe, a model on its features, and a calibrator where one was asked for."""

    recipe: FittedRecipe
    model: Model
    calibrator: Calibrator | None
    task: str
    classes: tuple[str, ...] | None
    threshold: float | None

    @property
    def inputs(self) -> list[InputColumn]:
        """The raw columns that the recipe really uses."""
        return self.recipe.inputs

    def predict(self, frame: pd.DataFrame) -> np.ndarray:
        """float32 probabilities [rows, classes], or predictions [rows]."""
        return self.predict_features(self.recipe.transform(frame))

    def predict_features(self, features: np.ndarray) -> np.ndarray:
        predicted = self.model.predict(features)
        return self.calibrator.apply(predicted) if self.calibrator else predicted

    @property
    def further(self) -> list[tuple[str, int]]:
        """Outputs beside the answer, with their widths."""
        return getattr(self.model, "further", [])

    def predict_further(self, frame: pd.DataFrame) -> dict[str, np.ndarray]:
        """float32 [rows, width] of each further output."""
        return self.model.predict_further(self.recipe.transform(frame)) if self.further else {}

    def labels(self, predicted: np.ndarray) -> list[str]:
        """The class of each row of probabilities."""
        return [self.classes[k] for k in labels_of(predicted, self.threshold)]

    def to_onnx(self) -> Any:
        """Preparation and model as one ONNX graph over the raw columns."""
        graph = GraphBuilder(self.recipe.inputs)
        features = self.recipe.emit(graph)
        answer = self.model.emit(graph, features)
        if self.calibrator:
            answer = self.calibrator.emit(graph, answer)
        name = "prediction" if self.task == "regression" else "probabilities"
        width = 1 if self.task == "regression" else len(self.classes)
        graph.output(answer, name)
        if self.further:
            for (other, _), tensor in zip(self.further, self.model.emit_further(graph, features), strict=True):
                graph.output(tensor, other)
        return graph.finish([(one, 1, ("N", wide)) for one, wide in ((name, width), *self.further)])
