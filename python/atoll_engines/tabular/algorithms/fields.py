"""Features as factorisation machines and networks read them: standardised numbers, and codes of categories as places in one table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from atoll_engines.onnx_models import outputs
from atoll_engines.tabular.algorithms.linear import medians

if TYPE_CHECKING:
    from atoll_engines.recipes.graph import GraphBuilder

# A value farther out than this many standard deviations counts as that far: one odd cell must not rule an answer.
FARTHEST = 8.0


class Fields:
    """Fitted on float32 features; `codes` gives for each feature how many categories its codes count, 0 for a number.

    Every category column has a place of its own for what training never saw (code -1), the first of its places.
    """

    def __init__(self, x: np.ndarray, codes: tuple[int, ...]) -> None:
        counts = np.array(codes if codes else [0] * x.shape[1], np.int64)
        self.code_columns = np.flatnonzero(counts > 0)
        self.number_columns = np.flatnonzero(counts == 0)
        self.counts = counts[self.code_columns]
        # Where each column's places begin in the joint table.
        self.offsets = np.concatenate([[0], np.cumsum(self.counts + 1)])[:-1].astype(np.int64)
        self.places_count = int(np.sum(self.counts + 1))
        numbers = x[:, self.number_columns]
        self.fill = medians(numbers) if numbers.shape[1] else np.zeros(0, np.float32)
        filled = np.where(np.isnan(numbers), self.fill, numbers).astype(np.float64)
        self.mean = filled.mean(axis=0)
        self.scale = filled.std(axis=0)
        self.scale[self.scale < 1e-12] = 1.0

    def numbers(self, x: np.ndarray) -> np.ndarray:
        """float32 [rows, numbers], standardised."""
        numbers = x[:, self.number_columns]
        filled = np.where(np.isnan(numbers), self.fill, numbers).astype(np.float64)
        return np.clip((filled - self.mean) / self.scale, -FARTHEST, FARTHEST).astype(np.float32)

    def places(self, x: np.ndarray) -> np.ndarray:
        """int64 [rows, category columns]: each cell's place in the joint table."""
        codes = x[:, self.code_columns].astype(np.float64)
        codes = np.where(np.isnan(codes), -1.0, codes)
        inside = (codes > -0.5) & (codes < self.counts - 0.5)
        return np.where(inside, np.rint(codes) + 1, 0).astype(np.int64) + self.offsets

    def emit_numbers(self, graph: GraphBuilder, features: str) -> str:
        """The standardised numbers as float32."""
        own = graph.node("Gather", [features, graph.constant(self.number_columns, np.int64)], axis=1, hint="own")
        filled = outputs.to_double(graph, outputs.fill_missing(graph, own, self.fill))
        centred = graph.node("Sub", [filled, graph.constant(self.mean[None, :], np.float64)])
        scaled = graph.node("Div", [centred, graph.constant(self.scale[None, :], np.float64)])
        least, most = (graph.constant(value, np.float64) for value in (-FARTHEST, FARTHEST))
        return outputs.to_float(graph, graph.node("Min", [graph.node("Max", [scaled, least]), most]))

    def emit_places(self, graph: GraphBuilder, features: str) -> str:
        """The places as int64."""

        def number(value: object) -> str:
            return graph.constant(value, np.float64)

        own = graph.node("Gather", [features, graph.constant(self.code_columns, np.int64)], axis=1, hint="own")
        codes = outputs.to_double(graph, outputs.fill_missing(graph, own, np.full(len(self.counts), -1, np.float32)))
        above = graph.node("Greater", [codes, number(-0.5)])
        below = graph.node("Less", [codes, number((self.counts - 0.5)[None, :])])
        places = graph.node("Add", [graph.node("Round", [codes]), number(1.0)])
        places = graph.node("Where", [graph.node("And", [above, below]), places, number(0.0)])
        whole = graph.node("Cast", [places], to=outputs.INT64)
        return graph.node("Add", [whole, graph.constant(self.offsets[None, :], np.int64)])
