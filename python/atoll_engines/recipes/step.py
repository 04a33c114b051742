"""What every recipe step has in common: parameters from the catalogue, chosen columns, fit, apply, origins."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from ..errors import BadInput, what_exists
from .catalogue import parameter_values
from .columns import Columns, ValueColumns

SELECTORS = {
    "*numbers": frozenset({"number", "integer", "boolean"}),
    "*categories": frozenset({"category"}),
    "*texts": frozenset({"text"}),
    "*datetimes": frozenset({"datetime"}),
    "*all": frozenset({"number", "integer", "boolean", "datetime", "category", "text"}),
}


@dataclass(frozen=True)
class FitContext:
    """What a step may learn from besides the columns: the target of the same rows, the task, the seed."""

    target: np.ndarray | None
    task: str
    seed: int

    def at(self, rows: np.ndarray) -> "FitContext":
        return self if self.target is None else replace(self, target=self.target[rows])


class Step(ABC):
    """One typed step. `apply` is written once and works on arrays and on a graph under construction."""

    step: ClassVar[str]
    # Column types the step can take; a selector picks among them, a named column of another type is an error.
    accepts: ClassVar[frozenset[str]]

    def __init__(self, number: int, given: dict[str, Any]):
        self.number = number
        self.given = given
        self.parameters = parameter_values(number, self.step, given)
        self.columns: list[str] = []

    def fit(self, columns: ValueColumns, context: FitContext) -> None:
        """Chooses the columns and learns from the training rows."""
        self.columns = self.select(columns)

    def fit_apply(self, columns: ValueColumns, context: FitContext) -> None:
        """Fits, then applies to the training rows themselves (cross-fitted where the step looks at the target)."""
        self.fit(columns, context)
        self.apply(columns, None)

    @abstractmethod
    def apply(self, columns: Columns, wanted: set[str] | None) -> None:
        """Changes the columns in place; makes at least the `wanted` ones (None: all)."""
        ...

    def origins(self, output: str) -> Sequence[str]:
        """The columns before this step that a column after it is made from."""
        return [output]

    def code_counts(self) -> dict[str, int]:
        """The columns that it turns into codes of categories, and how many categories each has."""
        return {}

    def summary(self) -> dict[str, Any]:
        """What was learned, readable and small."""
        return {}

    def here(self, columns: Columns) -> list[str]:
        """The step's columns that are present: at serving time only those the model needs are."""
        return [name for name in self.columns if name in columns]

    def select(self, columns: Columns, parameter: str = "columns", accepts: frozenset[str] | None = None) -> list[str]:
        """The columns a parameter means: a list of names or one selector such as "*numbers"."""
        accepted = self.accepts if accepts is None else accepts
        chosen = self.parameters[parameter]
        if isinstance(chosen, str) and chosen.startswith("*"):
            if chosen not in SELECTORS:
                raise self.error(f'there is no selector "{chosen}"; use one of {", ".join(SELECTORS)}')
            kinds = SELECTORS[chosen] & accepted
            return [name for name, kind in columns.types.items() if kind in kinds]
        names = [chosen] if isinstance(chosen, str) else list(dict.fromkeys(chosen))
        for name in names:
            self.need(columns, name, accepted)
        return names

    def need(self, columns: Columns, name: str, accepts: frozenset[str] | None = None) -> None:
        """Refuses a column that is not there or is of a type that the step cannot take."""
        if name not in columns.types:
            raise self.error(f'there is no column "{name}" at this point. {what_exists(name, columns.types)}', column=name)
        accepted = self.accepts if accepts is None else accepts
        kind = columns.types[name]
        if kind not in accepted:
            raise self.error(
                f'column "{name}" is of type {kind}, and this step takes {", ".join(sorted(accepted))}. {_advice(kind, accepted)}'.rstrip(),
                column=name,
                type=kind,
            )

    def refuse_taken(self, columns: Columns, names: Sequence[str]) -> None:
        """Refuses to make a column under a name that another column has."""
        for name in names:
            if name in columns.types:
                raise self.error(f'it would make a column "{name}", but there is one with that name already.', column=name)

    def error(self, sentence: str, **facts: Any) -> BadInput:
        """A refusal that says which step it is about."""
        text = sentence if sentence.endswith((".", "?")) else sentence + "."
        return BadInput(f"Step {self.number} ({self.step}): {text}", step=self.number, stepName=self.step, **facts)


class RowStep(Step):
    """A step that takes rows out of the training data and leaves served rows alone."""

    @abstractmethod
    def kept(self, columns: ValueColumns, context: FitContext) -> np.ndarray:
        """A mask of the training rows that stay."""
        ...

    def apply(self, columns: Columns, wanted: set[str] | None) -> None:
        return None


def finite(values: np.ndarray) -> np.ndarray:
    """The values that statistics are made from: neither missing nor infinite."""
    return values[np.isfinite(values)]


def _advice(kind: str, accepted: frozenset[str]) -> str:
    if kind in ("category", "text") and "number" in accepted:
        return "Encode or convert it first, or leave it out."
    if kind == "datetime":
        return "Take its date_parts or time_since first."
    if "category" in accepted and kind in ("number", "integer", "boolean"):
        return 'Convert it first: {"step": "convert", "to": "category"}.'
    return ""
