"""Several fitted recipes as one: their features side by side, for an ensemble whose members are prepared differently."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from .fitted import FittedRecipe
from .graph import GraphBuilder
from .raw import InputColumn


class JoinedRecipe:
    """Like `FittedRecipe`; `place` says which features are whose."""

    def __init__(self, parts: Mapping[str, FittedRecipe], schema: Sequence[InputColumn]) -> None:
        self.parts = dict(parts)
        used = {column.name: column for part in self.parts.values() for column in part.inputs}
        # The raw columns that any part uses, in the table's order.
        self.inputs = [used[column.name] for column in schema if column.name in used]
        self.feature_names = [f"{key}: {name}" for key, part in self.parts.items() for name in part.feature_names]
        edges = np.cumsum([0, *(len(part.feature_names) for part in self.parts.values())])
        self.place = {key: slice(int(edges[k]), int(edges[k + 1])) for k, key in enumerate(self.parts)}

    def transform(self, frame: pd.DataFrame) -> np.ndarray:
        """float32 features of raw rows, part beside part."""
        return np.hstack([part.transform(frame) for part in self.parts.values()])

    def emit(self, graph: GraphBuilder) -> str:
        """Adds every part to the graph; returns the tensor of all features."""
        tensors = [part.emit(graph) for part in self.parts.values()]
        return tensors[0] if len(tensors) == 1 else graph.node("Concat", tensors, axis=1, hint="features")

    def origins(self) -> list[list[str]]:
        """The raw columns that each feature is made from."""
        return [columns for part in self.parts.values() for columns in part.origins()]

    def describe(self) -> list[dict[str, Any]]:
        """What the steps learned, part after part."""
        return [line for part in self.parts.values() for line in part.describe()]
