"""A model as its own library loads it: what it takes, what it answers, and the graphs that might answer as it does."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from atoll_engines.errors import BadInput, EngineError
from atoll_engines.recipes import GraphBuilder, InputColumn
from atoll_engines.recipes.raw import STRING_TYPES

# Beyond so many classes or columns it is not a table's model any more, and pages could not show it.
MOST_CLASSES, MOST_COLUMNS = 2000, 5000


@dataclass
class Column:
    """One raw column that an original takes, as far as it is known; `type` is None where nothing says it."""

    name: str
    type: str | None = None
    # None: not tried yet. False: the original refuses a row without it.
    nullable: bool | None = None
    # Values that the original knows, as words.
    categories: list[str] | None = None
    # Whether the original refuses a value that is none of them.
    is_closed: bool = False
    low: float | None = None
    high: float | None = None
    # Numbers at which the original changes its mind.
    points: list[float] = field(default_factory=list)
    is_whole: bool = False

    @property
    def input(self) -> InputColumn:
        return InputColumn(self.name, self.type or "number")

    @property
    def is_words(self) -> bool:
        return self.type in STRING_TYPES


class Original(ABC):
    """A loaded model over the rows of a table. Subclasses say what is asked of whom."""

    library = ""
    algorithm = ""

    def __init__(self) -> None:
        self.columns: list[Column] = []
        self.task: str | None = None
        self.classes: tuple[str, ...] | None = None
        self.params: dict[str, Any] = {}
        self.notes: list[str] = []
        # Whether the names of the columns are the original's own, rather than made up from their number.
        self.is_named = True
        # Names of classes that are only numbers 0, 1, …: the user may know better ones.
        self.is_class_named = True

    @abstractmethod
    def answer(self, frame: pd.DataFrame) -> np.ndarray:
        """Probabilities [rows, classes], or predictions [rows], by the library itself."""

    def labels(self, frame: pd.DataFrame) -> list[str] | None:
        """The classes that the library itself chooses; None where it has no say in it."""
        return None

    def graphs(self) -> Iterator[bytes]:
        """Graphs that should answer as the original does, the fastest first; EngineError where there is none."""
        raise EngineError("Models of this kind have no graph here.")

    def settle(self) -> None:  # noqa: B027
        """Once columns, task and classes are known: whatever else there is to find out."""

    def kept(self) -> dict[str, Any]:
        """What of the way it is asked must be remembered, beside its files."""
        return {}

    def complete(self, seen: dict[str, list[str]]) -> None:  # noqa: B027
        """Take what the user's rows, or the user, tell of words that the file holds in pieces."""

    def named(self, classes: tuple[str, ...]) -> None:
        """Take the user's names of the classes, in the original's order."""
        self.classes = classes


def word(value: Any) -> str:
    """A value as a table spells it: whole floats without their point, truth values as words."""
    if hasattr(value, "item") and not isinstance(value, (str, bytes)):
        value = value.item()
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def called(model: Any) -> str:
    """A class by the name that its users import it by."""
    module = ".".join(part for part in type(model).__module__.split(".") if not part.startswith("_"))
    return f"{module}.{type(model).__name__}"


def typed(frame: pd.DataFrame, columns: list[Column]) -> pd.DataFrame:
    """The columns in the original's order, numbers as float64 and words as objects with NaN for missing, whatever a request held."""
    values: dict[str, Any] = {}
    for column in columns:
        cells = frame[column.name]
        if column.is_words:
            kept = cells.astype(object)
            values[column.name] = kept.where(cells.notna() & (kept != ""), np.nan)
        elif column.type == "datetime":
            values[column.name] = pd.to_datetime(cells, utc=True, errors="coerce", format="ISO8601").dt.tz_localize(None)
        elif column.type == "boolean" and cells.notna().all():
            # Some steps look at the type of a column, not only at its values.
            values[column.name] = cells.map(bool).astype(bool)
        elif cells.dtype == object:
            values[column.name] = pd.to_numeric(cells, errors="coerce").astype(np.float64)
        else:
            values[column.name] = cells.astype(np.float64)
    return pd.DataFrame(values, index=frame.index)


def builder(columns: list[Column]) -> GraphBuilder:
    return GraphBuilder([column.input for column in columns])


def numbered(count: int) -> list[str]:
    """Names for columns that have none."""
    return [f"x{number}" for number in range(count)]


def lacking(field: str, why: str, choices: list[Any] | None = None) -> BadInput:
    """What only the user can say, and did not."""
    return BadInput(why, missing=[{"field": field, "why": why, "choices": choices or []}])


def first_line(error: BaseException) -> str:
    """What went wrong, in the library's own words, without paths of the machine."""
    text = next((line for line in str(error).splitlines() if line.strip()), "") or type(error).__name__
    text = re.sub(r"(?:/[\w.\-]+){2,}/", "", text)
    return f"{type(error).__name__}: {text[:300]}" if not isinstance(error, EngineError) else text[:400]
