"""How the members' answers become one: a weighted mean, or a model of its own that reads them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from atoll_engines.onnx_models import outputs
from atoll_engines.tabular.algorithms.model import Model

if TYPE_CHECKING:
    from atoll_engines.recipes.graph import GraphBuilder

# A forest may be quite sure; beyond this its log odds would say more than it knows.
SURE = 1e-4


class Combine(Protocol):
    """`answers` are [members, rows, classes], or [members, rows] of a regression; `raw` features where the meta model reads them too."""

    def apply(self, answers: np.ndarray, raw: np.ndarray | None) -> np.ndarray: ...

    def emit(self, graph: GraphBuilder, answers: list[str], raw: str | None) -> str: ...


@dataclass
class WeightedMean:
    """The weighted mean of the members' probabilities or predictions, in float64."""

    weights: np.ndarray

    def apply(self, answers: np.ndarray, raw: np.ndarray | None = None) -> np.ndarray:
        total = np.zeros(answers.shape[1:], np.float64)
        for weight, one in zip(self.weights, answers, strict=True):
            total += weight * one.astype(np.float64)
        return total.astype(np.float32)

    def emit(self, graph: GraphBuilder, answers: list[str], raw: str | None = None) -> str:
        total = None
        for weight, one in zip(self.weights, answers, strict=True):
            part = graph.node("Mul", [outputs.to_double(graph, one), graph.constant(float(weight), np.float64)])
            total = part if total is None else graph.node("Add", [total, part])
        return outputs.to_float(graph, total)


@dataclass
class MetaModel:
    """A model on the members' log odds (their predictions, of a regression), with raw features beside them where asked for."""

    model: Model
    classes: int
    reads_raw: bool

    def apply(self, answers: np.ndarray, raw: np.ndarray | None) -> np.ndarray:
        return self.model.predict(meta_features(answers, self.classes, raw if self.reads_raw else None))

    def emit(self, graph: GraphBuilder, answers: list[str], raw: str | None) -> str:
        parts = [self._emit_one(graph, one) for one in answers]
        if self.reads_raw:
            parts.append(raw)
        joined = parts[0] if len(parts) == 1 else graph.node("Concat", parts, axis=1, hint="meta")
        return self.model.emit(graph, joined)

    def _emit_one(self, graph: GraphBuilder, answer: str) -> str:
        if not self.classes:
            return answer

        def number(value: float) -> str:
            return graph.constant(value, np.float64)

        p = outputs.to_double(graph, answer)
        if self.classes == 2:
            p = graph.node("Gather", [p, graph.constant([1], np.int64)], axis=1)
        p = graph.node("Min", [graph.node("Max", [p, number(SURE)]), number(1 - SURE)])
        odds = graph.node("Log", [p])
        if self.classes == 2:
            odds = graph.node("Sub", [odds, graph.node("Log", [graph.node("Sub", [number(1.0), p])])])
        return outputs.to_float(graph, odds)


def meta_features(answers: np.ndarray, classes: int, raw: np.ndarray | None) -> np.ndarray:
    """float32 [rows, features]: of two classes the log odds of each member, of more the logarithm of each probability."""
    if classes:
        p = answers.astype(np.float64)
        p = np.clip(p[:, :, 1:] if classes == 2 else p, SURE, 1 - SURE)
        odds = np.log(p) - np.log(1 - p) if classes == 2 else np.log(p)
    else:
        odds = answers[:, :, None]
    columns: list[Any] = [one.astype(np.float32) for one in odds]
    return np.ascontiguousarray(np.hstack(columns if raw is None else [*columns, raw]))
