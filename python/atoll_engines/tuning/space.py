"""A search space as points of the unit cube.

A space is written `{"name": {"int": [low, high]} | {"float": [low, high]} | {"choice": [values]}}`, with `"log": true` where steps
multiply and `"when": {"other": value | [values]}` where a parameter only exists for some values of another. A plain value is fixed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Axis:
    """One searched parameter. Numbers lie in [0, 1]; a choice is its index."""

    name: str
    kind: str
    low: float = 0.0
    high: float = 1.0
    is_log: bool = False
    values: tuple[Any, ...] = ()
    # The parameter exists where each of these others has one of the values.
    when: tuple[tuple[str, tuple[Any, ...]], ...] = ()

    def to_unit(self, value: Any) -> float:
        """A value's place; NaN where it is none of this axis."""
        if self.kind == "choice":
            return float(self.values.index(value)) if value in self.values else math.nan
        if not isinstance(value, (int, float)) or isinstance(value, bool) or not self.low <= value <= self.high:
            return math.nan
        if self.high == self.low:
            return 0.5
        low, high, at = self._bounds(float(value))
        return (at - low) / (high - low)

    def from_unit(self, place: float) -> Any:
        if self.kind == "choice":
            return self.values[min(len(self.values) - 1, max(0, int(place)))]
        low, high, _ = self._bounds(self.low)
        at = low + min(1.0, max(0.0, place)) * (high - low)
        value = math.exp(at) if self.is_log else at
        if self.kind == "int":
            return int(min(self.high, max(self.low, math.floor(value + 0.5))))
        return float(min(self.high, max(self.low, value)))

    def _bounds(self, value: float) -> tuple[float, float, float]:
        # A whole number owns the half on either side of it, so that the ends are drawn as often as the middle.
        half = 0.5 if self.kind == "int" else 0.0
        if not self.is_log:
            return self.low - half, self.high + half, value
        return math.log(max(self.low - half, 1e-300 if not half else 0.5)), math.log(self.high + half), math.log(value)


class Space:
    """The searched parameters of a space, and its fixed ones."""

    def __init__(self, space: dict[str, Any]) -> None:
        self.fixed = {name: range_ for name, range_ in space.items() if not isinstance(range_, dict)}
        self.axes = [axis(name, range_) for name, range_ in space.items() if isinstance(range_, dict)]
        self.is_choice = np.array([one.kind == "choice" for one in self.axes], bool)
        self.sizes = np.array([len(one.values) for one in self.axes], int)
        # How far apart neighbouring values of a whole number lie; 0 for others.
        self.steps = np.array([1.0 / (one.high - one.low + 1) if one.kind == "int" else 0.0 for one in self.axes])
        self._at = {one.name: number for number, one in enumerate(self.axes)}

    def __len__(self) -> int:
        return len(self.axes)

    def to_unit(self, params: dict[str, Any]) -> np.ndarray:
        """float64 [axes]; NaN where the point has no such parameter."""
        return np.array([one.to_unit(params[one.name]) if one.name in params else math.nan for one in self.axes])

    def from_unit(self, point: np.ndarray) -> dict[str, Any]:
        """The parameters at a point, without those whose condition does not hold there."""
        values = {one.name: one.from_unit(float(place)) for one, place in zip(self.axes, point, strict=True)}
        return self.fixed | {one.name: values[one.name] for one in self.axes if self.exists(one, values | self.fixed)}

    def has(self, name: str, values: dict[str, Any]) -> bool:
        """Whether a parameter exists beside these values of the others."""
        return self.exists(self.axes[self._at[name]], values | self.fixed)

    def exists(self, axis_: Axis, values: dict[str, Any]) -> bool:
        """Whether the conditions hold, and those of the parameters that they name."""
        for name, wanted in axis_.when:
            if values.get(name) not in wanted:
                return False
            if name in self._at and not self.exists(self.axes[self._at[name]], values):
                return False
        return True

    def random(self, random: np.random.Generator, rows: int) -> np.ndarray:
        """float64 [rows, axes], uniform."""
        points = random.random((rows, len(self.axes)))
        points[:, self.is_choice] = np.floor(points[:, self.is_choice] * self.sizes[self.is_choice])
        return points

    def spread(self, rows: int, seed: int) -> np.ndarray:
        """float64 [rows, axes]: a scrambled Sobol sequence (Owen 1998), which fills the space more evenly than chance."""
        from scipy.stats import qmc

        sampler = qmc.Sobol(max(1, len(self.axes)), scramble=True, seed=seed)
        points = sampler.random_base2(max(0, math.ceil(math.log2(max(1, rows)))))[:rows, : len(self.axes)]
        points[:, self.is_choice] = np.floor(points[:, self.is_choice] * self.sizes[self.is_choice])
        return points


def axis(name: str, range_: dict[str, Any]) -> Axis:
    when = tuple((other, tuple(values) if isinstance(values, list) else (values,)) for other, values in (range_.get("when") or {}).items())
    if "choice" in range_:
        return Axis(name, "choice", values=tuple(range_["choice"]), when=when)
    kind = "int" if "int" in range_ else "float"
    low, high = range_[kind]
    return Axis(name, kind, float(low), float(high), bool(range_.get("log")), when=when)
