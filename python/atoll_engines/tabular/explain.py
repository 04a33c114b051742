"""Explaining a model: what it pays attention to, and what more rows would bring."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from atoll_engines.contract import Report
from atoll_engines.tabular.importance import partial_dependence, permutation_importance
from atoll_engines.tabular.learning_curve import learning_curve
from atoll_engines.tabular.pipeline import Pipeline
from atoll_engines.tabular.solution import Solution
from atoll_engines.tabular.trial import Trials


@dataclass(frozen=True)
class HeldOut:
    """A pipeline, raw rows to look at it with, and their target."""

    pipeline: Pipeline
    rows: pd.DataFrame
    actual: np.ndarray


def explain(
    trials: Trials,
    solution: Solution,
    held_out: HeldOut,
    report: Report,
    seconds: float,
    is_wanted: bool,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """What goes into `explain.json` and `learning_curve.json`; each part stops at its share of the seconds."""
    started, metric, seed = time.monotonic(), trials.metric, trials.setting.seed
    explained: dict[str, Any] = {"permutation": [], "partialDependence": [], "metric": metric}
    if not is_wanted or solution.algorithm.name == "baseline":
        return explained, {"metric": metric, "points": []}
    explained["permutation"] = permutation_importance(
        held_out.pipeline,
        held_out.rows,
        held_out.actual,
        metric,
        seed,
        started + 0.4 * seconds,
        lambda done, of: report.progress("importance", done, of, None, "permutation importance"),
    )
    order = [one["column"] for one in explained["permutation"]]
    until = started + 0.7 * seconds
    explained["partialDependence"] = partial_dependence(held_out.pipeline, held_out.rows, order, seed, until)
    return explained, learning_curve(trials, solution, started + seconds)
