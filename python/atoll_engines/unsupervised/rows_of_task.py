"""How raw rows become features: by a recipe, or, of texts, by counting words."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import pandas as pd

from atoll_engines.recipes import InputColumn
from atoll_engines.unsupervised.preparation import Steps, choose_steps, fit_preparation
from atoll_engines.unsupervised.request import Request


class Prepare(Protocol):
    """Fits a preparation on rows; gives it and the rows' features."""

    def fit(self, frame: pd.DataFrame) -> tuple[Any, np.ndarray]: ...

    def recipe(self, preparation: Any) -> dict[str, Any]:
        """What recipe.json says of it."""
        ...


class ByRecipe:
    """Features by a recipe, whose steps are chosen once for all folds."""

    def __init__(self, frame: pd.DataFrame, schema: list[InputColumn], request: Request, seed: int) -> None:
        self.schema, self.task, self.seed = schema, request.task, seed
        self.steps: Steps = choose_steps(frame, schema, request.task, request.recipe, seed)

    def fit(self, frame: pd.DataFrame) -> tuple[Any, np.ndarray]:
        return fit_preparation(self.steps, frame, self.schema, self.task, self.seed)

    def recipe(self, preparation: Any) -> dict[str, Any]:
        return {"steps": self.steps.steps, "reasons": self.steps.reasons, "fitted": preparation.describe()}


def prepare_for(frame: pd.DataFrame, schema: list[InputColumn], request: Request, seed: int) -> Prepare:
    if request.task == "topics":
        from atoll_engines.unsupervised.topics.words import ByWords

        return ByWords(schema[0])
    if request.task == "embedding":
        from atoll_engines.unsupervised.vectors.sequences import ByWordOrder

        return ByWordOrder(schema[0])
    return ByRecipe(frame, schema, request, seed)
