"""A script's model as a pipeline over the rows of a table: what evaluation and serving ask of every package."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from atoll_engines.errors import BadInput
from atoll_engines.recipes import InputColumn
from atoll_engines.script.handler import Handler
from atoll_engines.tabular.metrics import labels_of


@dataclass
class ScriptPipeline:
    """Raw rows in, probabilities or predictions out, by the user's functions."""

    handler: Handler
    inputs: list[InputColumn]
    task: str
    classes: tuple[str, ...] | None
    threshold: float | None
    # The user's functions answer with one thing alone.
    further: ClassVar[tuple[tuple[str, int], ...]] = ()

    @property
    def recipe(self) -> SimpleNamespace:
        return SimpleNamespace(inputs=self.inputs)

    def predict(self, frame: pd.DataFrame) -> np.ndarray:
        """float32 probabilities [rows, classes], or predictions [rows]."""
        rows = typed(frame, self.inputs)
        answer = self.handler(rows, self.task != "regression")
        return read_answer(answer, len(rows), self.task, self.classes)

    def labels(self, predicted: np.ndarray) -> list[str]:
        return [self.classes[k] for k in labels_of(predicted, self.threshold)]


def typed(frame: pd.DataFrame, inputs: list[InputColumn]) -> pd.DataFrame:
    """The columns in the order and with the types of training, whatever a request held."""
    columns: dict[str, pd.Series] = {}
    for column in inputs:
        values = frame[column.name]
        if column.type in ("number", "integer", "boolean"):
            values = pd.to_numeric(values, errors="coerce").astype(np.float64)
        elif column.type == "datetime":
            values = pd.to_datetime(values, utc=True, errors="coerce").dt.tz_localize(None)
        else:
            values = values.astype(object).where(values.notna(), None)
        columns[column.name] = values
    return pd.DataFrame(columns, index=frame.index)


def read_answer(answer: Any, rows: int, task: str, classes: tuple[str, ...] | None) -> np.ndarray:
    """Probabilities or numbers from what a script answers: a vector, a matrix, or an object that holds one."""
    if isinstance(answer, dict):
        held = [answer[name] for name in ("probabilities", "predictions", "scores", "instances") if name in answer]
        if not held:
            raise BadInput(f"The script's answer is an object without predictions; it has {', '.join(map(str, answer))}.")
        answer = held[0]
    if hasattr(answer, "detach"):
        answer = answer.detach().cpu().numpy()
    values = np.asarray(answer)
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if len(values) != rows:
        raise BadInput(f"The script answered {len(values)} values for {rows} rows; one for each row is needed.")
    if task == "regression":
        return as_numbers(values).astype(np.float32)
    if values.ndim == 2:
        if values.shape[1] != len(classes):
            raise BadInput(f"The script answered {values.shape[1]} values a row; there are {len(classes)} classes.")
        return as_numbers(values).astype(np.float32)
    numbers = {name: number for number, name in enumerate(classes)}
    words = [word(value) for value in values.tolist()]
    if all(one in numbers for one in words):
        return np.eye(len(classes), dtype=np.float32)[[numbers[one] for one in words]]
    if len(classes) == 2 and values.dtype.kind in "fiu" and np.all((values >= 0) & (values <= 1)):
        positive = values.astype(np.float32)
        return np.stack([1 - positive, positive], axis=1)
    strange = next(one for one in words if one not in numbers)
    raise BadInput(f'The script answered "{strange}", which is neither a class ({", ".join(classes[:10])}) nor a probability.')


def as_numbers(values: np.ndarray) -> np.ndarray:
    try:
        return values.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise BadInput(f"The script answered something that is not a number: {error}.") from error


def word(value: Any) -> str:
    """A class as the target column spells it: whole floats without their point, truth values as words."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
