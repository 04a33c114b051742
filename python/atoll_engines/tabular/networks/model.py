"""A network as a model: torch fits it, numpy predicts with it, and the graph carries the same arithmetic."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from atoll_engines.errors import BadInput, EngineError
from atoll_engines.onnx_models import outputs
from atoll_engines.tabular.algorithms.fields import Fields
from atoll_engines.tabular.algorithms.model import Debugger, Setting, Watch
from atoll_engines.tabular.networks.arithmetic import GraphArithmetic, GraphWeights, NumpyArithmetic, Tensor
from atoll_engines.tabular.networks.layers import Initial, Weights

if TYPE_CHECKING:
    from atoll_engines.recipes.graph import GraphBuilder

BLOCK = 2048
# How far numpy's answers may be from torch's.
SAME = 1e-3


class Network:
    """`make(numbers, categories, places, outputs, params)` gives the network: `begin(initial)` and `forward(ops, w, numbers, places)`."""

    def __init__(self, make: Callable[..., Any], params: dict[str, Any], setting: Setting) -> None:
        self.make, self.params, self.setting = make, params, setting
        self.rounds: int | None = None
        self.weights: Weights = {}
        self.debugger: Debugger | None = None

    def fit(self, x: np.ndarray, y: np.ndarray, weights: np.ndarray | None = None, watch: Watch | None = None) -> None:
        need_torch()
        from atoll_engines.tabular.networks.training import Part, train

        self.fields = Fields(x, self.setting.codes)
        answers = self.setting.classes if self.setting.classes > 2 else 1
        self.network = self.made(answers)
        initial = Initial(self.setting.seed)
        self.network.begin(initial)
        target = y.astype(np.int64)
        if not self.setting.classes:
            self.middle, self.spread = float(np.average(y, weights=weights)), float(np.std(y)) or 1.0
            reach = float(y.max() - y.min())
            # A network's line goes on for ever where a row lies far out; half the range beyond what was seen is far enough.
            self.least, self.most = float(y.min() - 0.5 * reach), float(y.max() + 0.5 * reach)
            target = self._standard(y)
        scaled = None if weights is None else (weights / weights.mean()).astype(np.float32)
        hidden = self.fields.offsets
        part = Part(self.fields.numbers(x), self.fields.places(x), target, hidden, scaled)
        watched = None
        if watch is not None:
            seen = watch.target.astype(np.int64) if self.setting.classes else self._standard(watch.target)
            watched = Part(self.fields.numbers(watch.features), self.fields.places(watch.features), seen, hidden)
        module, fitted = train(self.network, initial.weights, part, watched, watch, self.params, self.setting, self._loss, self.debugger)
        # What is kept of a model is no place for the report of its job.
        self.debugger = None
        self.rounds = fitted.best_epoch if watch is not None else None
        self.weights = module.weights()
        self._prove(module, part)

    def made(self, answers: int) -> Any:
        return self.make(len(self.fields.fill), len(self.fields.counts), self.fields.places_count, answers, self.params)

    def _standard(self, y: np.ndarray) -> np.ndarray:
        return ((y - self.middle) / self.spread).astype(np.float32)

    def _prove(self, module: Any, part: Any) -> None:
        """Predictions come from numpy, so what torch trained is asked the same once."""
        import torch

        rows = np.arange(min(256, len(part)))
        numbers, places, _, _ = part.batch(rows, None)
        module.cpu().eval()
        with torch.no_grad():
            there = module(numbers, places).numpy()
        here = self.network.forward(NumpyArithmetic(), self._wide(), part.numbers[rows].astype(np.float64), part.places[rows])
        apart = float(np.abs(there - here).max() / max(1.0, float(np.abs(there).max())))
        if not apart <= SAME:
            raise EngineError(f"The trained network answers otherwise outside torch (by {apart:.2g}).")

    def _loss(self, raw: np.ndarray, target: np.ndarray) -> float:
        """Log loss of what the members say together, or its mean squared error in units of the target's spread."""
        if not self.setting.classes:
            return float(np.mean((raw[:, :, 0].mean(axis=1) - target) ** 2))
        p = self._answer(raw)[np.arange(len(target)), target]
        return float(-np.mean(np.log(np.maximum(p, 1e-7)))) if np.isfinite(p).all() else float("nan")

    def predict(self, x: np.ndarray) -> np.ndarray:
        ops, weights = NumpyArithmetic(), self._wide()
        parts = []
        for start in range(0, len(x), BLOCK):
            rows = x[start : start + BLOCK]
            raw = self.network.forward(ops, weights, self.fields.numbers(rows).astype(np.float64), self.fields.places(rows))
            parts.append(self._answer(raw))
        width = max(1, self.setting.classes)
        result = np.concatenate(parts) if parts else np.zeros((0, width), np.float32)
        return result if self.setting.classes else result[:, 0]

    def _wide(self) -> Weights:
        return {name: values.astype(np.float64) for name, values in self.weights.items()}

    def _answer(self, raw: np.ndarray) -> np.ndarray:
        """The mean of the members' probabilities or values."""
        if not self.setting.classes:
            value = raw.mean(axis=1).astype(np.float64) * self.spread + self.middle
            return np.clip(value, self.least, self.most).astype(np.float32)
        if self.setting.classes == 2:
            p = (1 / (1 + np.exp(-np.clip(raw.astype(np.float64), -80, 80)))).mean(axis=1)
            return np.hstack([1 - p, p]).astype(np.float32)
        wide = raw.astype(np.float64)
        odds = np.exp(wide - wide.max(axis=-1, keepdims=True))
        return (odds / odds.sum(axis=-1, keepdims=True)).mean(axis=1).astype(np.float32)

    def inputs(self, graph: GraphBuilder, features: str) -> tuple[Tensor | None, str | None]:
        """Numbers and places as the network reads them, each None where there are none."""
        numbers = Tensor(graph, outputs.to_double(graph, self.fields.emit_numbers(graph, features))) if len(self.fields.fill) else None
        return numbers, self.fields.emit_places(graph, features) if len(self.fields.counts) else None

    def emit(self, graph: GraphBuilder, features: str) -> str:
        raw = self.network.forward(GraphArithmetic(graph), GraphWeights(graph, self._wide()), *self.inputs(graph, features))
        wide = raw.name
        axis = graph.constant([1], np.int64)
        if not self.setting.classes:
            value = graph.node("ReduceMean", [wide, axis], keepdims=0)
            value = graph.node("Mul", [value, graph.constant(self.spread, np.float64)])
            value = graph.node("Add", [value, graph.constant(self.middle, np.float64)])
            least, most = (graph.constant(one, np.float64) for one in (self.least, self.most))
            return outputs.to_float(graph, graph.node("Min", [graph.node("Max", [value, least]), most]))
        if self.setting.classes == 2:
            p = graph.node("ReduceMean", [graph.node("Sigmoid", [wide]), axis], keepdims=0)
            return outputs.to_float(graph, outputs.two_classes(graph, p, np.float64))
        p = graph.node("ReduceMean", [graph.node("Softmax", [wide], axis=-1), axis], keepdims=0)
        return outputs.to_float(graph, p)


def need_torch() -> None:
    """A sentence that says which runtime has torch, where there is none."""
    if importlib.util.find_spec("torch") is None:
        raise BadInput('Networks are trained in the runtime "deep", which has torch; this job runs in another.')
