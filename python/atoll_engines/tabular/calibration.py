"""Calibration: turning scores into probabilities that mean what they say, fitted on out-of-fold predictions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from atoll_engines.errors import BadInput
from atoll_engines.onnx_models import outputs

if TYPE_CHECKING:
    from atoll_engines.recipes.graph import GraphBuilder

EDGE = 1e-7
# The least distance between two points of an isotonic curve.
STEEPEST_STEP = 2e-3


@dataclass(frozen=True)
class Curve:
    """One class's calibration as a piecewise-linear curve or, with `slope`, a sigmoid of the log odds."""

    points: np.ndarray
    values: np.ndarray
    slope: float | None = None
    offset: float = 0.0

    def apply(self, p: np.ndarray) -> np.ndarray:
        if self.slope is not None:
            return 1 / (1 + np.exp(-(self.slope * log_odds(p) + self.offset)))
        return np.interp(p, self.points, self.values)

    def emit(self, graph: GraphBuilder, p: str) -> str:
        """[N, 1] float64 probability → its calibrated value."""
        if self.slope is not None:
            low, high = graph.constant(EDGE, np.float64), graph.constant(1 - EDGE, np.float64)
            safe = graph.node("Clip", [p, low, high])
            odds = graph.node("Log", [graph.node("Div", [safe, graph.node("Sub", [graph.constant(1.0, np.float64), safe])])])
            line = graph.node("Mul", [odds, graph.constant(self.slope, np.float64)])
            return graph.node("Sigmoid", [graph.node("Add", [line, graph.constant(self.offset, np.float64)])])
        return self._emit_lines(graph, p)

    def _emit_lines(self, graph: GraphBuilder, p: str) -> str:
        """The curve as a start and a sum of bends: y(p) = y0 + sum of dslope_i * max(0, clip(p) - x_i)."""
        steps = np.diff(self.points)
        slopes = np.append(np.diff(self.values) / steps, 0.0)
        bends = np.diff(slopes, prepend=0.0)
        low, high = graph.constant(self.points[0], np.float64), graph.constant(self.points[-1], np.float64)
        inside = graph.node("Clip", [p, low, high])
        past = graph.node("Relu", [graph.node("Sub", [inside, graph.constant(self.points[None, :], np.float64)])])
        rise = graph.node("MatMul", [past, graph.constant(bends[:, None], np.float64)])
        return graph.node("Add", [rise, graph.constant(self.values[0], np.float64)])


@dataclass(frozen=True)
class Calibrator:
    """A curve for the positive class or, with more than two classes, one for each, and then all divided by their sum."""

    curves: tuple[Curve, ...]

    def apply(self, p: np.ndarray) -> np.ndarray:
        p = p.astype(np.float64)
        if len(self.curves) == 1:
            positive = np.clip(self.curves[0].apply(p[:, 1]), 0, 1)
            return np.column_stack([1 - positive, positive]).astype(np.float32)
        each = np.column_stack([curve.apply(p[:, k]) for k, curve in enumerate(self.curves)]) + EDGE
        return (each / each.sum(axis=1, keepdims=True)).astype(np.float32)

    def emit(self, graph: GraphBuilder, probabilities: str) -> str:
        wide = outputs.to_double(graph, probabilities)
        if len(self.curves) == 1:
            positive = self.curves[0].emit(graph, column(graph, wide, 1))
            zero, one = graph.constant(0.0, np.float64), graph.constant(1.0, np.float64)
            return outputs.to_float(graph, outputs.two_classes(graph, graph.node("Clip", [positive, zero, one]), np.float64))
        each = [curve.emit(graph, column(graph, wide, k)) for k, curve in enumerate(self.curves)]
        raised = graph.node("Add", [graph.node("Concat", each, axis=1), graph.constant(EDGE, np.float64)])
        total = graph.node("ReduceSum", [raised, graph.constant([1], np.int64)], keepdims=1)
        return outputs.to_float(graph, graph.node("Div", [raised, total]))


def fit_calibrator(kind: str, probabilities: np.ndarray, actual: np.ndarray) -> Calibrator | None:
    """Fit on out-of-fold probabilities; `none` gives no calibrator."""
    if kind in (None, "none"):
        return None
    if kind not in ("sigmoid", "isotonic"):
        raise BadInput(f'There is no calibration "{kind}"; there are: none, sigmoid, isotonic.')
    make = sigmoid_curve if kind == "sigmoid" else isotonic_curve
    if probabilities.shape[1] == 2:
        return Calibrator((make(probabilities[:, 1], actual == 1),))
    return Calibrator(tuple(make(probabilities[:, k], actual == k) for k in range(probabilities.shape[1])))


def sigmoid_curve(p: np.ndarray, hit: np.ndarray) -> Curve:
    """A sigmoid of the log odds."""
    slope, offset = sigmoid_of_margins(log_odds(p.astype(np.float64)), hit)
    return Curve(np.zeros(0), np.zeros(0), slope, offset)


def sigmoid_of_margins(margins: np.ndarray, hit: np.ndarray) -> tuple[float, float]:
    """Slope and offset of a sigmoid from margins to probabilities (Platt 1999, with his smoothed targets)."""
    from scipy.optimize import minimize

    positives, negatives = hit.sum(), (~hit).sum()
    wanted = np.where(hit, (positives + 1) / (positives + 2), 1 / (negatives + 2))

    def loss(line: np.ndarray) -> tuple[float, np.ndarray]:
        raised = line[0] * margins + line[1]
        value = np.sum(np.logaddexp(0, raised) - wanted * raised)
        rest = 1 / (1 + np.exp(-raised)) - wanted
        return float(value), np.array([np.sum(rest * margins), np.sum(rest)])

    slope, offset = minimize(loss, np.array([1.0, 0.0]), jac=True, method="L-BFGS-B").x
    return float(slope), float(offset)


def isotonic_curve(p: np.ndarray, hit: np.ndarray) -> Curve:
    """Zadrozny and Elkan 2002."""
    from sklearn.isotonic import IsotonicRegression

    fitted = IsotonicRegression(out_of_bounds="clip").fit(p.astype(np.float64), hit.astype(np.float64))
    points, values = fitted.X_thresholds_.astype(np.float64), fitted.y_thresholds_.astype(np.float64)
    if len(points) == 1:
        points, values = np.array([points[0], points[0] + 1.0]), np.repeat(values, 2)
    kept = spaced(points, STEEPEST_STEP)
    return Curve(points[kept], values[kept])


def spaced(points: np.ndarray, gap: float) -> list[int]:
    """Positions of points at least `gap` apart, the first among them: a steeper line would turn rounding into a jump."""
    kept = [0]
    for position in range(1, len(points)):
        if points[position] - points[kept[-1]] >= gap:
            kept.append(position)
    if len(kept) == 1:
        kept.append(len(points) - 1)
    return kept


def column(graph: GraphBuilder, tensor: str, index: int) -> str:
    return graph.node("Gather", [tensor, graph.constant([index], np.int64)], axis=1)


def log_odds(p: np.ndarray) -> np.ndarray:
    safe = np.clip(p, EDGE, 1 - EDGE)
    return np.log(safe / (1 - safe))
