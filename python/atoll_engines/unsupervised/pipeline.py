"""The trained pipeline: raw rows in, groups, scores, places or topics out, in Python or as one graph."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from atoll_engines.recipes import GraphBuilder
from atoll_engines.unsupervised.algorithms.model import Model

FLOAT, INT64 = 1, 7


@dataclass
class Pipeline:
    """A fitted preparation and a model on its features."""

    preparation: Any
    model: Model
    task: str
    algorithm: str
    # Anomalies: a row is one when its score is not below this.
    threshold: float | None = None
    # Two more models, each fitted on another half of the rows, that tell how steady the scores are.
    twins: list[Model] = field(default_factory=list)

    @property
    def inputs(self) -> list[Any]:
        return self.preparation.inputs

    def predict(self, frame: pd.DataFrame) -> dict[str, np.ndarray]:
        return self.model.answer(self.preparation.transform(frame))

    def widths(self) -> dict[str, int | None]:
        """The outputs in order, with their number of columns; None for one value a row without a second dimension."""
        answer = self.model.answer(self.preparation.transform(self.empty_row()))
        return {name: None if values.ndim == 1 else values.shape[1] for name, values in answer.items()}

    def empty_row(self) -> pd.DataFrame:
        return pd.DataFrame({one.name: [None] for one in self.inputs}, dtype=object)

    def to_onnx(self) -> Any:
        """Preparation and model as one ONNX graph over the raw columns."""
        graph = GraphBuilder(self.inputs)
        answers = self.model.emit(graph, self.preparation.emit(graph))
        outputs = []
        for name, width in self.widths().items():
            graph.output(answers[name], name)
            outputs.append((name, INT64, ("N",)) if width is None else (name, FLOAT, ("N", width)))
        return graph.finish(outputs)
