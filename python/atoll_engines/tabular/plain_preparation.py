"""Rows of families that prepare by themselves (texts, images), in the place where tables have features made by a recipe."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from atoll_engines.tabular.folds import Fold
from atoll_engines.tabular.preparation import FoldFeatures


@dataclass
class NoRecipe:
    """There is nothing for a recipe to do."""

    is_automatic: bool = False
    derived: list = field(default_factory=list)

    def steps(self, family: str | None) -> tuple[list[dict[str, Any]], list[str]]:
        return [], []


@dataclass
class PlainPreparation:
    """Items (texts, or places in an array of images) and target by row; what is learned of them is learned within a fold."""

    frame: pd.DataFrame
    items: np.ndarray
    target: np.ndarray
    task: str
    recipes: NoRecipe = field(default_factory=NoRecipe)

    def fold(self, family: str | None, number: int, fold: Fold) -> FoldFeatures:
        return FoldFeatures(self.items[fold.train], self.target[fold.train], self.items[fold.valid], self.target[fold.valid], fold.train)

    def part(self, family: str | None, fold: Fold) -> tuple[None, FoldFeatures]:
        return None, self.fold(family, 0, fold)

    def everything(self, family: str | None) -> tuple[None, np.ndarray, np.ndarray]:
        return None, self.items, self.target
