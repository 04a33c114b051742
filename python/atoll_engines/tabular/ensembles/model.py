"""The ensemble as one model: its members on their own features, and what makes one answer of theirs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from atoll_engines.errors import EngineError
from atoll_engines.tabular.algorithms.model import Model, Watch
from atoll_engines.tabular.ensembles.combine import Combine

if TYPE_CHECKING:
    from atoll_engines.recipes.graph import GraphBuilder


@dataclass
class Ensemble:
    """Fitted members, each with its place among the features of a `JoinedRecipe`."""

    members: list[tuple[slice, Model]]
    combine: Combine
    # Where the meta model's raw features are, if it reads any.
    raw: slice | None
    rounds = None

    def fit(self, x: np.ndarray, y: np.ndarray, weights: np.ndarray | None = None, watch: Watch | None = None) -> None:
        raise EngineError("The members of an ensemble are fitted one by one.")

    def predict(self, x: np.ndarray) -> np.ndarray:
        answers = np.stack([model.predict(np.ascontiguousarray(x[:, place])) for place, model in self.members])
        return self.combine.apply(answers, None if self.raw is None else np.ascontiguousarray(x[:, self.raw]))

    def emit(self, graph: GraphBuilder, features: str) -> str:
        answers = [model.emit(graph, sliced(graph, features, place)) for place, model in self.members]
        answer = self.combine.emit(graph, answers, None if self.raw is None else sliced(graph, features, self.raw))
        # How many rows came by a node is for explaining a model that is those trees and nothing else.
        graph.forget_attribute("nodes_hitrates")
        return answer


def sliced(graph: GraphBuilder, features: str, place: slice) -> str:
    """Some of the features; an equal slice is made once however many members read it."""
    edges = [graph.constant([value], np.int64) for value in (place.start, place.stop, 1)]
    return graph.node("Slice", [features, *edges], hint="own")
