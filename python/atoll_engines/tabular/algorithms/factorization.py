"""Factorisation machine (Rendle 2010), fitted by alternating least squares (Rendle et al. 2011).

Every pair of columns interacts through short vectors, so that pairs never seen together still have an answer:
user and item, postcode and product.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from atoll_engines.onnx_models import outputs
from atoll_engines.tabular.algorithms.fields import Fields
from atoll_engines.tabular.algorithms.model import CLASSIFICATION, REGRESSION, Algorithm, Setting, Watch

if TYPE_CHECKING:
    from atoll_engines.recipes.graph import GraphBuilder

PATIENCE = 3
BLOCK = 65_536
# Vectors begin this far from zero, where their pull is.
START = 0.05


class FactorizationMachine:
    """One machine for a regression or two classes, else one for each class under a common softmax.

    A coordinate is set to the minimum of a parabola that touches the loss from above: of squared error the loss itself, of
    logistic loss one with the curvature 1/4, so that no step can make the loss larger. The categories of a column never
    occur together, so all of them move at once.
    """

    def __init__(self, params: dict[str, Any], setting: Setting) -> None:
        self.params, self.setting = params, setting
        self.rounds: int | None = None

    def fit(self, x: np.ndarray, y: np.ndarray, weights: np.ndarray | None = None, watch: Watch | None = None) -> None:
        self.fields = Fields(x, self.setting.codes)
        fit = Fit(self, x, y, weights)
        best, best_state, since = np.inf, None, 0
        sweeps = int(self.params["sweeps"])
        for sweep in range(1, sweeps + 1):
            fit.sweep()
            self.rounds = sweep
            if watch is None:
                continue
            loss = fit.loss_of(watch.features, watch.target)
            if watch.on_round:
                watch.on_round(sweep, loss)
            if loss < best * (1 - 1e-4):
                best, best_state, since = loss, (sweep, fit.state()), 0
            else:
                since += 1
            if since >= PATIENCE or watch.is_over:
                break
        if best_state is not None:
            self.rounds = best_state[0]
            fit.restore(best_state[1])

    def margins(self, x: np.ndarray) -> np.ndarray:
        """float64 [rows, machines]."""
        parts = []
        for start in range(0, len(x), BLOCK):
            numbers = self.fields.numbers(x[start : start + BLOCK]).astype(np.float64)
            places = self.fields.places(x[start : start + BLOCK])
            columns = []
            for table, lines, offset in zip(self.table, self.lines, self.offset, strict=True):
                rows = table[places]
                sums = rows.sum(axis=1) + numbers @ lines
                squares = (rows[:, :, 1:] ** 2).sum(axis=1) + numbers**2 @ lines[:, 1:] ** 2
                columns.append(offset + sums[:, 0] + 0.5 * (sums[:, 1:] ** 2 - squares).sum(axis=1))
            parts.append(np.column_stack(columns))
        return np.concatenate(parts) if parts else np.zeros((0, len(self.table)))

    def predict(self, x: np.ndarray) -> np.ndarray:
        margins = self.margins(x)
        if not self.setting.classes:
            return np.clip(margins[:, 0] * self.spread + self.middle, self.least, self.most).astype(np.float32)
        return probabilities(margins).astype(np.float32)

    def emit(self, graph: GraphBuilder, features: str) -> str:
        def number(value: Any) -> str:
            return graph.constant(value, np.float64)

        axis = graph.constant([1], np.int64)
        numbers = outputs.to_double(graph, self.fields.emit_numbers(graph, features)) if len(self.fields.fill) else None
        places = self.fields.emit_places(graph, features) if len(self.fields.counts) else None
        margins = []
        for table, lines, offset in zip(self.table, self.lines, self.offset, strict=True):
            sums, squares = [], []
            if places is not None:
                rows = graph.node("Gather", [number(table), places], axis=0)
                sums.append(graph.node("ReduceSum", [rows, axis], keepdims=0))
                squares.append(graph.node("ReduceSumSquare", [rows, axis], keepdims=0))
            if numbers is not None:
                sums.append(graph.node("MatMul", [numbers, number(lines)]))
                squares.append(graph.node("MatMul", [graph.node("Mul", [numbers, numbers]), number(lines**2)]))
            total = sums[0] if len(sums) == 1 else graph.node("Add", sums)
            square = squares[0] if len(squares) == 1 else graph.node("Add", squares)
            pairs = graph.node("Sub", [graph.node("Mul", [total, total]), square])
            # The first column is the straight line; the others are the vectors.
            width = table.shape[1]
            line = graph.node("MatMul", [total, number(np.eye(width)[:, :1])])
            halves = number(np.r_[0.0, np.full(width - 1, 0.5)][:, None])
            margins.append(graph.node("Add", [graph.node("Add", [line, graph.node("MatMul", [pairs, halves])]), number(offset)]))
        if not self.setting.classes:
            value = graph.node("Add", [graph.node("Mul", [margins[0], number(self.spread)]), number(self.middle)])
            within = graph.node("Min", [graph.node("Max", [value, number(self.least)]), number(self.most)])
            return outputs.to_float(graph, within)
        if self.setting.classes == 2:
            return outputs.to_float(graph, outputs.sigmoid_classes(graph, margins[0], np.float64))
        return outputs.to_float(graph, outputs.softmax_classes(graph, graph.node("Concat", margins, axis=1)))


class Fit:
    """The state of a fit: parameters, margins, and of each vector's component its sum over a row's columns."""

    def __init__(self, model: FactorizationMachine, x: np.ndarray, y: np.ndarray, weights: np.ndarray | None) -> None:
        self.model, fields, params = model, model.fields, model.params
        classes = model.setting.classes
        machines = 1 if classes <= 2 else classes
        random = np.random.default_rng(model.setting.seed)
        width = 1 + int(params["factors"])
        self.numbers = np.asfortranarray(fields.numbers(x).astype(np.float64))
        self.places = np.asfortranarray(fields.places(x))
        self.weights = np.ones(len(y)) if weights is None else weights / weights.mean()
        if classes:
            self.target = (y[:, None] == (np.arange(1, 2) if classes == 2 else np.arange(classes))).astype(np.float64)
            self.curve = 0.25
        else:
            model.middle, model.spread = float(np.average(y, weights=weights)), float(np.std(y)) or 1.0
            # Hardly beyond what the targets were: no rating is far below the least that was ever given.
            reach = float(y.max() - y.min())
            model.least, model.most = float(y.min() - 0.05 * reach), float(y.max() + 0.05 * reach)
            self.target = ((y - model.middle) / model.spread)[:, None]
            self.curve = 1.0
        model.table = random.normal(0, START, (machines, fields.places_count, width))
        model.table[:, :, 0] = 0
        # What training never saw begins, and stays, without an opinion.
        model.table[:, fields.offsets, :] = 0
        model.lines = random.normal(0, START, (machines, self.numbers.shape[1], width))
        model.lines[:, :, 0] = 0
        model.offset = np.zeros(machines)
        self.reg = np.r_[float(params["reg_line"]), np.full(width - 1, float(params["reg_vectors"]))]
        self.margins = model.margins(x)

    def sweep(self) -> None:
        """Every parameter once."""
        for machine in range(len(self.model.table)):
            self.move_offset(machine)
            for component in range(self.model.table.shape[2]):
                self.move_component(machine, component)

    def gradient(self, machine: int) -> np.ndarray:
        if not self.model.setting.classes:
            return self.margins[:, 0] - self.target[:, 0]
        p = probabilities(self.margins)
        return (p[:, 1] if self.model.setting.classes == 2 else p[:, machine]) - self.target[:, machine]

    def move_offset(self, machine: int) -> None:
        step = -np.average(self.gradient(machine), weights=self.weights) / self.curve
        self.model.offset[machine] += step
        self.margins[:, machine] += step

    def move_component(self, machine: int, component: int) -> None:
        """One component of all vectors, column after column; component 0 is the straight line."""
        table, lines = self.model.table[machine, :, component], self.model.lines[machine, :, component]
        sums = None
        if component:
            sums = self.numbers @ lines
            for column in range(self.places.shape[1]):
                sums = sums + table[self.places[:, column]]
        for column in range(self.places.shape[1]):
            self.move_codes(machine, component, column, table, sums)
        for column in range(self.numbers.shape[1]):
            self.move_number(machine, component, column, lines, sums)

    def move_codes(self, machine: int, component: int, column: int, table: np.ndarray, sums: np.ndarray | None) -> None:
        fields = self.model.fields
        first, count = int(fields.offsets[column]), int(fields.counts[column]) + 1
        codes = self.places[:, column] - first
        own = table[first : first + count]
        pull = np.ones(len(codes)) if sums is None else sums - own[codes]
        slope = np.bincount(codes, self.weights * self.gradient(machine) * pull, count) + self.reg[component] * own
        bend = np.bincount(codes, self.weights * self.curve * pull**2, count) + self.reg[component]
        step = -slope / np.maximum(bend, 1e-12)
        step[0] = 0.0 if not (codes == 0).any() else step[0]
        own += step
        self.margins[:, machine] += pull * step[codes]
        if sums is not None:
            sums += step[codes]

    def move_number(self, machine: int, component: int, column: int, lines: np.ndarray, sums: np.ndarray | None) -> None:
        x = self.numbers[:, column]
        pull = x if sums is None else x * (sums - lines[column] * x)
        slope = float(np.dot(self.weights * self.gradient(machine), pull)) + self.reg[component] * lines[column]
        bend = float(np.dot(self.weights * self.curve, pull**2)) + self.reg[component]
        step = -slope / max(bend, 1e-12)
        lines[column] += step
        self.margins[:, machine] += pull * step
        if sums is not None:
            sums += x * step

    def loss_of(self, x: np.ndarray, y: np.ndarray) -> float:
        """Mean squared error, or log loss, of rows set aside."""
        margins = self.model.margins(x)
        if not self.model.setting.classes:
            return float(np.mean((margins[:, 0] - (y - self.model.middle) / self.model.spread) ** 2))
        return float(-np.mean(np.log(np.maximum(probabilities(margins)[np.arange(len(y)), y], 1e-12))))

    def state(self) -> tuple[np.ndarray, ...]:
        return self.model.table.copy(), self.model.lines.copy(), self.model.offset.copy()

    def restore(self, state: tuple[np.ndarray, ...]) -> None:
        self.model.table, self.model.lines, self.model.offset = state


def probabilities(margins: np.ndarray) -> np.ndarray:
    """Of one margin the two classes' probabilities, of several their softmax."""
    if margins.shape[1] == 1:
        p = 1 / (1 + np.exp(-np.clip(margins, -700, 700)))
        return np.hstack([1 - p, p])
    odds = np.exp(margins - margins.max(axis=1, keepdims=True))
    return odds / odds.sum(axis=1, keepdims=True)


ALGORITHMS = (
    Algorithm(
        "factorization_machine", "Factorisation machine", CLASSIFICATION + REGRESSION, "embedding", FactorizationMachine,
        defaults={"factors": 16, "reg_line": 4.0, "reg_vectors": 12.0, "sweeps": 40},
        space={
            "factors": {"int": [2, 64], "log": True},
            "reg_line": {"float": [0.1, 50.0], "log": True},
            "reg_vectors": {"float": [1.0, 200.0], "log": True},
        },
        starts=({"factors": 4, "reg_line": 3.0, "reg_vectors": 60.0},),
        rounds="sweeps",
        most_rows=2_000_000,
    ),
)  # fmt: skip
