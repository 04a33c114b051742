"""The network of the best trial as it goes into the package."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from atoll_engines.tabular.solution import Single
from atoll_engines.tabular.trial import fit_model


@dataclass
class NetworkSolution(Single):
    """The network of one trial: the one that was validated is kept, unless it is asked to learn all rows anew."""

    refit: bool = False
    fitted: tuple[np.ndarray, np.ndarray] | None = None

    def everything(self) -> tuple[None, Any]:
        preparation = self.trials.preparation
        if self.refit or self.algorithm.family is None:
            _, x, y = preparation.everything(None)
            watched = None
        else:
            features = preparation.fold(None, 0, self.trials.division.folds[0])
            x, y, watched = features.x_train, features.y_train, (features.x_valid, features.y_valid)
        self.fitted = (x, y)
        # With checkpoints the fit of the trial is taken up as it ended.
        self.trials.media.watched = watched
        return None, fit_model(self.algorithm, self.to_fit, x, y, self.trials.setting)
