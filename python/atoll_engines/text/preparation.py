"""The documents of a training job, in the place where other families have features."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from atoll_engines.tabular.folds import Fold
from atoll_engines.tabular.preparation import FoldFeatures


@dataclass
class NoRecipe:
    """Text engines prepare by themselves; there is nothing for a recipe to do."""

    is_automatic: bool = False
    derived: list = field(default_factory=list)

    def steps(self, family: str | None) -> tuple[list[dict[str, Any]], list[str]]:
        return [], []


@dataclass
class TextPreparation:
    """Texts and target by row; a model learns its vocabulary from the texts of its own fold alone."""

    frame: pd.DataFrame
    texts: np.ndarray
    target: np.ndarray
    task: str
    recipes: NoRecipe = field(default_factory=NoRecipe)

    def fold(self, family: str | None, number: int, fold: Fold) -> FoldFeatures:
        return FoldFeatures(self.texts[fold.train], self.target[fold.train], self.texts[fold.valid], self.target[fold.valid], fold.train)

    def part(self, family: str | None, fold: Fold) -> tuple[None, FoldFeatures]:
        return None, self.fold(family, 0, fold)

    def everything(self, family: str | None) -> tuple[None, np.ndarray, np.ndarray]:
        return None, self.texts, self.target
