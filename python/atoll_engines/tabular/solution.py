"""What training settled on: the best trial's model, ready to be fitted on all rows or on some."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

from atoll_engines.recipes import FittedRecipe
from atoll_engines.recipes.joined import JoinedRecipe
from atoll_engines.tabular.algorithms.model import Algorithm, Model
from atoll_engines.tabular.folds import Fold
from atoll_engines.tabular.preparation import FoldFeatures
from atoll_engines.tabular.record import Record
from atoll_engines.tabular.streaming import StreamedPreparation
from atoll_engines.tabular.trial import Predictions, Trials, fit_model

Recipe = FittedRecipe | JoinedRecipe


class Solution(Protocol):
    """A single model or an ensemble of several."""

    algorithm: Algorithm
    record: Record

    @property
    def params(self) -> dict[str, Any]:
        """The parameters that the final model is fitted with."""
        ...

    def predictions(self) -> Predictions:
        """Its out-of-fold predictions."""
        ...

    def everything(self) -> tuple[Recipe, Model]:
        """Fitted on every training row."""
        ...

    def on_fold(self, fold: Fold) -> tuple[Recipe, Model, FoldFeatures]:
        """Fitted on a fold's training rows alone."""
        ...

    def recipe(self, fitted: Recipe) -> dict[str, Any]:
        """What `recipe.json` says."""
        ...


@dataclass
class Single:
    """The model of one trial."""

    trials: Trials
    algorithm: Algorithm
    record: Record
    known: Predictions | None = field(default=None, repr=False)

    @property
    def params(self) -> dict[str, Any]:
        """With the number of rounds that the folds settled on."""
        params = {name: value for name, value in self.record.params.items() if name != "stop_early"}
        if self.algorithm.rounds and self.record.outcome.rounds:
            params |= {self.algorithm.rounds: self.record.outcome.rounds}
        return params

    @property
    def to_fit(self) -> dict[str, Any]:
        settled = self.algorithm.rounds and self.record.outcome.rounds
        return self.params | ({"stop_early": False} if settled else {})

    def predictions(self) -> Predictions:
        """After a restart they are made again, which gives the same."""
        if self.known is None:
            self.known = self.trials.run(self.algorithm, self.record.params, give_up=lambda interim: None).predictions
        return self.known

    def everything(self) -> tuple[Recipe, Model]:
        recipe, x, y = self.trials.preparation.everything(self.algorithm.family)
        is_shuffled = isinstance(self.trials.preparation, StreamedPreparation)
        return recipe, fit_model(
            self.algorithm, self.to_fit, x, y, self.trials.setting, is_shuffled=is_shuffled, codes=recipe.codes,
            debugger=self.trials.debugger, origins=recipe.origins,
        )  # fmt: skip

    def on_fold(self, fold: Fold) -> tuple[Recipe, Model, FoldFeatures]:
        recipe, features = self.trials.preparation.part(self.algorithm.family, fold)
        return recipe, self.on_features(features), features

    def on_features(self, features: FoldFeatures) -> Model:
        return fit_model(
            self.algorithm,
            self.params | {"stop_early": False},
            features.x_train,
            features.y_train,
            self.trials.setting,
            is_shuffled=features.is_shuffled,
            codes=features.codes,
            origins=features.origins,
        )

    def recipe(self, fitted: Recipe) -> dict[str, Any]:
        steps, reasons = self.trials.preparation.recipes.steps(self.algorithm.family)
        return {"steps": steps, "reasons": reasons, "fitted": fitted.describe()}
