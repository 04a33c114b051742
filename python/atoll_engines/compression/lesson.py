"""What a teacher said of the training rows, carried beside their labels to the models that learn from both.

Distillation (Hinton, Vinyals and Dean 2015): loss = alpha * hard + (1 - alpha) * T^2 * KL(teacher at T || student at T).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from atoll_engines.contract import Job
from atoll_engines.errors import BadInput, EngineError

LEAST_SHARE = 1e-3
LEAST_PROBABILITY = 1e-7


@dataclass(frozen=True)
class Lesson:
    """The share of the true labels, and the temperature at which the teacher's answers are taken."""

    alpha: float
    temperature: float


class Taught(np.ndarray):
    """Labels that keep what a teacher said of each row when they are cut: logits up to a constant, or numbers."""

    teacher: np.ndarray | None
    lesson: Lesson | None

    def __array_finalize__(self, other: Any) -> None:
        self.teacher = None
        self.lesson = getattr(other, "lesson", None)

    def __getitem__(self, key: Any) -> Any:
        cut = super().__getitem__(key)
        if isinstance(cut, Taught) and self.teacher is not None:
            cut.teacher = self.teacher[key]
        return cut


def read_lesson(parameters: dict[str, Any]) -> Lesson:
    """`lesson` of a training's parameters."""
    given = parameters.get("lesson") or {}
    alpha, temperature = float(given.get("alpha", 0.3)), float(given.get("temperature", 2.0))
    if not 0 <= alpha <= 1:
        raise BadInput(f"alpha is {alpha:g}; it is the share of the true labels, between 0 and 1.", parameter="lesson.alpha")
    if not temperature > 0:
        raise BadInput(f"The temperature is {temperature:g}; it must be above 0.", parameter="lesson.temperature")
    return Lesson(alpha, temperature)


def with_teacher(job: Job, rows: np.ndarray, values: np.ndarray, classes: tuple[str, ...] | None) -> np.ndarray:
    """The labels of these rows (by their number) with what the channel `teacher` says of them; without that channel as they are."""
    if not job.has_channel("teacher"):
        return values
    import pandas as pd

    said = pd.concat([pd.read_parquet(file) for file in sorted(job.channel("teacher").glob("*.parquet"))]).set_index("__row")
    missing = np.setdiff1d(rows, said.index.to_numpy())
    if missing.size:
        raise BadInput(f"The teacher did not answer {missing.size} training rows, the first is row {int(missing[0])}.", row=int(missing[0]))
    said = said.loc[rows]
    if classes is None:
        teacher = said["prediction"].to_numpy(np.float64)
    else:
        columns = [f"p_{k}" for k in range(len(classes))]
        if any(name not in said for name in columns) or f"p_{len(classes)}" in said:
            raise BadInput(f"The teacher knows other classes than the {len(classes)} of the training rows.")
        p = np.clip(said[columns].to_numpy(np.float64), LEAST_PROBABILITY, 1 - LEAST_PROBABILITY)
        # Of labels that do not exclude each other the odds of each; else logits but for a constant, which no softmax sees.
        teacher = np.log(p / (1 - p)) if values.ndim == 2 else np.log(p)
    taught = np.asarray(values).view(Taught)
    taught.teacher, taught.lesson = np.ascontiguousarray(teacher, np.float32 if classes else np.float64), read_lesson(job.parameters)
    return taught


def plain(y: np.ndarray) -> np.ndarray:
    """The labels alone."""
    return np.asarray(y)


def teacher_of(y: np.ndarray) -> np.ndarray | None:
    return y.teacher if isinstance(y, Taught) else None


def lesson_of(y: np.ndarray) -> Lesson | None:
    return y.lesson if isinstance(y, Taught) and y.teacher is not None else None


def fit_taught(
    model: Any, is_weighted: bool, x: np.ndarray, y: Taught, weights: np.ndarray | None, watch: Any, task: str, name: str
) -> None:
    """Fits a model on labels and teacher: one that knows the loss by that, any other on rows that stand for shares of classes."""
    if y.teacher is None:
        raise EngineError("The teacher's answers were lost on the way to the model.")
    if watch is not None:
        watch = replace(watch, target=plain(watch.target))
    if getattr(model, "learns_from_teacher", False) and task != "regression":
        model.fit(x, y, weights, watch)
        return
    hard, alpha = plain(y), y.lesson.alpha
    if task == "regression":
        model.fit(x, (alpha * hard + (1 - alpha) * y.teacher).astype(hard.dtype), weights, watch)
        return
    if hard.ndim == 2:
        raise BadInput(f"{name} learns from labels alone, not from shares of several labels a row. A network can be the student.")
    if not is_weighted:
        raise BadInput(f"{name} cannot weigh its rows, so it cannot learn from a teacher's shares. Choose another student.")
    shares = shares_of(y)
    places, labels = np.nonzero(shares > LEAST_SHARE)
    share = shares[places, labels]
    model.fit(x[places], labels.astype(hard.dtype), share if weights is None else share * weights[places], watch)


def shares_of(y: Taught) -> np.ndarray:
    """For each row the shares of the classes that its learner should believe in: the true one's and the teacher's, softened."""
    hard, lesson = plain(y), y.lesson
    odds = y.teacher.astype(np.float64) / lesson.temperature
    odds = np.exp(odds - odds.max(axis=1, keepdims=True))
    soft = odds / odds.sum(axis=1, keepdims=True)
    shares = (1 - lesson.alpha) * soft
    shares[np.arange(len(hard)), hard] += lesson.alpha
    return shares
