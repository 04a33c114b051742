"""The columns a recipe works on: as values (training, preview) or as places in a graph (export)."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from .graph import GraphBuilder
from .graph_maths import GraphMaths, GraphTensor
from .maths import NumpyMaths
from .raw import NUMBER_TYPES, STRING_TYPES, InputColumn, column_values


class Columns(ABC):
    """Named, typed columns in order, with the operations (`maths`) that work on them."""

    maths: Any

    def __init__(self) -> None:
        self.types: dict[str, str] = {}

    def __contains__(self, name: str) -> bool:
        return name in self.types

    @property
    def names(self) -> list[str]:
        return list(self.types)

    def drop(self, names: Iterable[str]) -> None:
        for name in list(names):
            del self.types[name]
            self._forget(name)

    def keep(self, names: Iterable[str]) -> None:
        wanted = set(names)
        self.drop([name for name in self.types if name not in wanted])

    def put(self, names: Sequence[str], types: Sequence[str] | str, matrix: Any) -> None:
        """Stores the columns of a matrix; a name that exists keeps its place, a new one goes last."""
        kinds = [types] * len(names) if isinstance(types, str) else types
        for index, (name, kind) in enumerate(zip(names, kinds, strict=True)):
            self.types[name] = kind
            self._store(name, matrix, index)

    def rename(self, names: dict[str, str]) -> None:
        renamed = {names.get(name, name): kind for name, kind in self.types.items()}
        self._rename(names)
        self.types = renamed

    @abstractmethod
    def numbers(self, names: Sequence[str]) -> Any:
        """These columns side by side as a float64 matrix (an array or a graph tensor)."""
        ...

    @abstractmethod
    def strings(self, names: Sequence[str]) -> Any:
        """These columns side by side as a matrix of strings."""
        ...

    @abstractmethod
    def _store(self, name: str, matrix: Any, index: int) -> None:
        ...

    @abstractmethod
    def _forget(self, name: str) -> None:
        ...

    @abstractmethod
    def _rename(self, names: dict[str, str]) -> None:
        ...


class ValueColumns(Columns):
    """Columns as arrays."""

    def __init__(self, rows: int) -> None:
        super().__init__()
        self.rows = rows
        self.maths = NumpyMaths()
        self.values: dict[str, np.ndarray] = {}

    @classmethod
    def read(cls, frame: pd.DataFrame, inputs: Sequence[InputColumn]) -> "ValueColumns":
        """The raw columns of a data frame."""
        columns = cls(len(frame))
        for column in inputs:
            columns.types[column.name] = column.type
            columns.values[column.name] = column_values(frame, column)
        return columns

    def at(self, rows: np.ndarray) -> "ValueColumns":
        """The same columns for some of the rows (positions or a mask)."""
        chosen = ValueColumns(int(np.count_nonzero(rows)) if rows.dtype == bool else len(rows))
        chosen.types = dict(self.types)
        chosen.values = {name: values[rows] for name, values in self.values.items()}
        return chosen

    def at_now(self) -> "ValueColumns":
        """The columns as they are now, to compare with later; values are shared, not copied."""
        now = ValueColumns(self.rows)
        now.types, now.values = dict(self.types), dict(self.values)
        return now

    def missing(self, name: str) -> np.ndarray:
        """Where a column has no value."""
        values = self.values[name]
        return values == "" if self.types[name] in STRING_TYPES else np.isnan(values)

    def numbers(self, names: Sequence[str]) -> np.ndarray:
        matrix = np.empty((self.rows, len(names)), dtype=np.float64, order="F")
        for index, name in enumerate(names):
            matrix[:, index] = self.values[name]
        return matrix

    def strings(self, names: Sequence[str]) -> np.ndarray:
        matrix = np.empty((self.rows, len(names)), dtype=object)
        for index, name in enumerate(names):
            matrix[:, index] = self.values[name]
        return matrix

    def _store(self, name: str, matrix: np.ndarray, index: int) -> None:
        self.values[name] = matrix[:, index]

    def _forget(self, name: str) -> None:
        del self.values[name]

    def _rename(self, names: dict[str, str]) -> None:
        self.values = {names.get(name, name): values for name, values in self.values.items()}


class GraphColumns(Columns):
    """Columns as places in tensors of a graph; reading several at once costs as few nodes as can be."""

    def __init__(self, graph: GraphBuilder, inputs: Sequence[InputColumn]) -> None:
        super().__init__()
        self.graph = graph
        self.maths = GraphMaths(graph)
        self._places: dict[str, tuple[str, int]] = {}
        self._widths = {"numbers": len(graph.numbers), "strings": len(graph.strings)}
        for column in inputs:
            tensor = "numbers" if column.type in NUMBER_TYPES else "strings"
            held = graph.numbers if tensor == "numbers" else graph.strings
            self.types[column.name] = column.type
            self._places[column.name] = (tensor, held.index(column.name))

    def numbers(self, names: Sequence[str]) -> GraphTensor:
        return self._matrix(names)

    def strings(self, names: Sequence[str]) -> GraphTensor:
        return self._matrix(names)

    def put(self, names: Sequence[str], types: Sequence[str] | str, matrix: GraphTensor) -> None:
        self._widths[matrix.name] = len(names)
        super().put(names, types, matrix)

    def _matrix(self, names: Sequence[str]) -> GraphTensor:
        places = [self._places[name] for name in names]
        tensors = list(dict.fromkeys(tensor for tensor, _ in places))
        parts, order = [], {}
        for tensor in tensors:
            wanted = list(dict.fromkeys(index for held, index in places if held == tensor))
            for index in wanted:
                order[(tensor, index)] = len(order)
            parts.append(self._gather(tensor, wanted))
        joined = parts[0] if len(parts) == 1 else self.graph.node("Concat", parts, axis=1, hint="joined")
        self._widths[joined] = len(order)
        return GraphTensor(self.graph, self._gather(joined, [order[place] for place in places]))

    def _gather(self, tensor: str, indexes: list[int]) -> str:
        if indexes == list(range(self._widths[tensor])):
            return tensor
        picked = self.graph.node("Gather", [tensor, self.graph.constant(indexes, np.int64)], axis=1, hint="picked")
        self._widths[picked] = len(indexes)
        return picked

    def _store(self, name: str, matrix: GraphTensor, index: int) -> None:
        self._places[name] = (matrix.name, index)

    def _forget(self, name: str) -> None:
        del self._places[name]

    def _rename(self, names: dict[str, str]) -> None:
        self._places = {names.get(name, name): place for name, place in self._places.items()}
