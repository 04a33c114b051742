"""Searches with several objectives: how good, how fast, how small. What they are, how they are measured, which trial wins."""

from __future__ import annotations

import pickle
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from atoll_engines.errors import BadInput, EngineError, what_exists
from atoll_engines.recipes import raw_tensors
from atoll_engines.tabular.metrics import LOWER_IS_BETTER, metric_names, score
from atoll_engines.tabular.pipeline import Pipeline
from atoll_engines.tuning.pareto import fronts, knee

if TYPE_CHECKING:
    from atoll_engines.tabular.algorithms.model import Algorithm, Model
    from atoll_engines.tabular.record import Record
    from atoll_engines.tabular.trial import Predictions, Trials

# Beside the metrics of the task: milliseconds for one row by the graph that is served, on one thread, and the graph's bytes.
MEASURED = ("latency_ms", "size_bytes")
RULES = ("knee", "best")
LATENCY_ROWS, WARM_UP, TURNS = 64, 8, 3


@dataclass(frozen=True)
class Objective:
    """One thing to be good at."""

    metric: str
    is_less_better: bool

    def loss(self, value: float) -> float:
        return value if self.is_less_better else -value

    def as_json(self) -> dict[str, str]:
        return {"metric": self.metric, "direction": "minimize" if self.is_less_better else "maximize"}


@dataclass(frozen=True)
class Aims:
    """The objectives of a search, the job's own metric first, and the rule by which one of the unbeaten trials wins."""

    objectives: tuple[Objective, ...] = ()
    rule: str = "knee"
    within: dict[str, float] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return len(self.objectives) > 1

    @property
    def names(self) -> list[str]:
        return [one.metric for one in self.objectives]

    def losses(self, record: Record) -> tuple[float, ...] | None:
        """Less is better for each; None for a trial that was not measured."""
        if any(name not in record.objectives for name in self.names):
            return None
        found = tuple(one.loss(record.objectives[one.metric]) for one in self.objectives)
        return found if all(np.isfinite(found)) else None

    def front(self, records: list[Record]) -> list[Record]:
        """The trials that no other beats in every objective; the baseline is not among them."""
        measured = [(one, self.losses(one)) for one in records if one.algorithm != "baseline" and one.outcome.state == "complete"]
        measured = [(one, losses) for one, losses in measured if losses is not None]
        if not measured:
            return []
        front = fronts(np.array([losses for _, losses in measured]))
        return [one for (one, _), number in zip(measured, front, strict=True) if number == 0]

    def choose(self, records: list[Record]) -> tuple[Record, str] | None:
        """The winner and why; None where no trial was measured."""
        front = sorted(self.front(records), key=lambda one: self.losses(one)[0])
        if not front:
            return None
        allowed = [one for one in front if self.excess(one) == 0]
        if self.within and not allowed:
            nearest = min(front, key=lambda one: (self.excess(one), self.losses(one)[0]))
            return nearest, f"No trial keeps {self.limits_words()}; the nearest was taken."
        bound = f" that keep {self.limits_words()}" if self.within else ""
        if self.rule == "best":
            return allowed[0], f"The best {self.names[0]} of the {len(allowed)} unbeaten trials{bound}."
        losses = np.array([self.losses(one) for one in allowed])
        for place, one in enumerate(self.objectives):
            if one.metric in MEASURED:
                # Half as slow is as much of a gain at a millisecond as at a hundred.
                losses[:, place] = np.log(np.maximum(losses[:, place], 1e-9))
        return allowed[knee(losses)], f"The knee of the {len(allowed)} unbeaten trials{bound}: nearest to the best of every objective."

    def excess(self, record: Record) -> float:
        """By what share a trial exceeds the limits, summed."""
        over = 0.0
        for one in self.objectives:
            limit = self.within.get(one.metric)
            if limit is not None:
                over += max(0.0, one.loss(record.objectives[one.metric]) - one.loss(limit)) / max(abs(limit), 1e-12)
        return over

    def limits_words(self) -> str:
        return " and ".join(
            f"{one.metric} {'≤' if one.is_less_better else '≥'} {self.within[one.metric]:g}"
            for one in self.objectives
            if one.metric in self.within
        )


def read_aims(search: dict[str, Any], task: str, metric: str) -> Aims:
    """The objectives that a search asks for; the job's metric is always the first."""
    asked = search.get("objectives") or []
    if not asked:
        return Aims()
    known = (*metric_names(task), *MEASURED)
    found = {metric: Objective(metric, metric in LOWER_IS_BETTER)}
    for one in asked:
        name = str(one.get("metric"))
        if name not in known:
            raise BadInput(f'There is no objective "{name}". {what_exists(name, known, "objectives")}', parameter="search.objectives")
        is_less_better = name in MEASURED or name in LOWER_IS_BETTER
        direction = one.get("direction") or ("minimize" if is_less_better else "maximize")
        if (direction == "minimize") != is_less_better:
            raise BadInput(f"The direction of {name} is {direction}, but {'less' if is_less_better else 'more'} of it is better.")
        found[name] = Objective(name, is_less_better)
    choose = search.get("choose") or {}
    within = {str(name): float(value) for name, value in (choose.get("within") or {}).items()}
    for name in within:
        if name not in found:
            raise BadInput(f'The limit on "{name}" is on no objective of the search: {", ".join(found)}.', parameter="search.choose")
    rule = choose.get("rule") or ("best" if within else "knee")
    if rule not in RULES:
        raise BadInput(f'There is no rule "{rule}"; there are: {", ".join(RULES)}.', parameter="search.choose")
    return Aims(tuple(found.values()), rule, within)


class Measure:
    """Measures a trial beside its score, on the model of its first fold."""

    def __init__(self, trials: Trials, aims: Aims) -> None:
        self.trials, self.aims = trials, aims
        self.recipes: dict[str, Any] = {}
        self.model: Model | None = None

    def on_model(self, fold: int, model: Model) -> None:
        if fold == 0:
            self.model = model

    def of(self, algorithm: Algorithm, predictions: Predictions, quality: float) -> dict[str, float]:
        """The value of each objective of a trial that has just run through its folds."""
        found: dict[str, float] = {}
        for one in self.aims.objectives:
            if one.metric == self.trials.metric:
                found[one.metric] = quality
            elif one.metric not in MEASURED:
                parts = self.trials.parts_with_thresholds(predictions)
                found[one.metric] = float(np.nanmean([score(one.metric, *part) for part in parts]))
        if any(name in MEASURED for name in self.aims.names):
            found |= served_cost(self.pipeline(algorithm), self.rows())
        self.model = None
        return {name: found[name] for name in self.aims.names}

    def pipeline(self, algorithm: Algorithm) -> Pipeline:
        preparation, setting = self.trials.preparation, self.trials.setting
        key = preparation.recipes.key(algorithm.family)
        if key not in self.recipes:
            # Of a very large table the recipe only ever sees a sample.
            sample = getattr(preparation, "fitted_on", None)
            rows = self.trials.division.folds[0].train if sample is None else np.arange(len(sample))
            self.recipes[key] = preparation.recipes.fit(algorithm.family, rows)
        classes = tuple(str(number) for number in range(setting.classes)) or None
        return Pipeline(self.recipes[key], self.model, None, setting.task, classes, None)

    def rows(self) -> Any:
        preparation = self.trials.preparation
        rows = getattr(preparation, "held_out", None)
        rows = self.trials.division.folds[0].valid if rows is None else rows
        return preparation.frame.iloc[rows[:LATENCY_ROWS]]


def served_cost(pipeline: Pipeline, rows: Any) -> dict[str, float]:
    """Latency of one row and size of what is served: the graph, or the pipeline where no graph can be made."""
    inputs = pipeline.recipe.inputs
    try:
        graph = pipeline.to_onnx().SerializeToString()
    except (EngineError, ValueError):
        parts = [rows.iloc[at : at + 1] for at in range(min(len(rows), 16))]
        return {"latency_ms": milliseconds(pipeline.predict, parts), "size_bytes": float(len(pickle.dumps(pipeline)))}
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    wanted = {one.name for one in session.get_inputs()}
    parts = []
    for at in range(len(rows)):
        tensors = raw_tensors(rows.iloc[at : at + 1], inputs)
        parts.append({name: value for name, value in tensors.items() if name in wanted})
    return {"latency_ms": milliseconds(lambda one: session.run(None, one), parts), "size_bytes": float(len(graph))}


def milliseconds(answer: Any, parts: list[Any]) -> float:
    """The median time of an answer; of three turns the quickest, for whatever else the machine did made the others slower."""
    for part in parts[:WARM_UP]:
        answer(part)
    medians = []
    for _ in range(TURNS):
        times = []
        for part in parts:
            began = time.perf_counter()
            answer(part)
            times.append(time.perf_counter() - began)
        medians.append(float(np.median(times)))
    return 1000 * min(medians)
