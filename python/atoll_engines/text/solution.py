"""What a training on text settled on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from atoll_engines.tabular.solution import Single
from atoll_engines.tabular.trial import fit_model


@dataclass
class TextSolution(Single):
    """The model of one trial. A transformer that was validated is the one that is kept, unless it is asked to learn all rows anew."""

    keeps_validated: bool = True
    fitted_rows: int = 0

    def everything(self) -> tuple[None, Any]:
        preparation = self.trials.preparation
        if self.keeps_validated and self.algorithm.name == "text_transformer":
            features = preparation.fold(self.algorithm.family, 0, self.trials.division.folds[0])
            x, y = features.x_train, features.y_train
        else:
            _, x, y = preparation.everything(self.algorithm.family)
        self.fitted_rows = len(y)
        return None, fit_model(self.algorithm, self.to_fit, x, y, self.trials.setting)
