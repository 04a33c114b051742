"""Columns on their way through a pipeline: words and numbers side by side, in order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from atoll_engines.errors import EngineError
from atoll_engines.recipes.graph_maths import GraphMaths, GraphTensor


@dataclass(frozen=True)
class Part:
    """Columns of one kind that follow one another: all of a tensor, or those at some places of it."""

    tensor: GraphTensor
    width: int
    is_words: bool


class Flow:
    """The columns that a step takes, or gives."""

    def __init__(self, maths: GraphMaths, parts: Sequence[Part]) -> None:
        self.maths = maths
        self.parts = [part for part in parts if part.width]

    @staticmethod
    def of_numbers(maths: GraphMaths, tensor: GraphTensor, width: int) -> Flow:
        return Flow(maths, [Part(tensor, width, False)])

    @staticmethod
    def joined(maths: GraphMaths, flows: Sequence[Flow]) -> Flow:
        return Flow(maths, [part for flow in flows for part in flow.parts])

    @property
    def width(self) -> int:
        return sum(part.width for part in self.parts)

    @property
    def kinds(self) -> list[bool]:
        """Of each column whether it holds words."""
        return [part.is_words for part in self.parts for _ in range(part.width)]

    def select(self, places: Sequence[int]) -> Flow:
        """Some of the columns, in the order asked."""
        if list(places) == list(range(self.width)):
            return self
        where = [(number, at) for number, part in enumerate(self.parts) for at in range(part.width)]
        runs: list[tuple[int, list[int]]] = []
        for place in places:
            number, at = where[place]
            if runs and runs[-1][0] == number:
                runs[-1][1].append(at)
            else:
                runs.append((number, [at]))
        chosen = []
        for number, at in runs:
            part = self.parts[number]
            tensor = part.tensor if at == list(range(part.width)) else self.maths.choose(part.tensor, at)
            chosen.append(Part(tensor, len(at), part.is_words))
        return Flow(self.maths, chosen)

    def numbers(self, who: str) -> GraphTensor:
        """All columns as one float64 tensor; words are a fault of the pipeline."""
        if any(part.is_words for part in self.parts):
            raise EngineError(f"{who} is given words, which have no numbers in a graph.")
        if not self.parts:
            raise EngineError(f"{who} is given no columns.")
        return self.one()

    def words(self, who: str) -> GraphTensor:
        if not self.parts or not all(part.is_words for part in self.parts):
            raise EngineError(f"{who} is given numbers and words together.")
        return self.one()

    def one(self) -> GraphTensor:
        return self.parts[0].tensor if len(self.parts) == 1 else self.maths.concat([part.tensor for part in self.parts])
