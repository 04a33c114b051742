"""Which rows make up which step: a function of the seed and the epoch, so that a position is all a checkpoint needs."""

from __future__ import annotations

import random

import numpy as np
import torch

from atoll_engines.neural.plan import TrainingPlan

# With fewer full steps than this an epoch uses its last, incomplete one too.
FULL_STEPS_ONLY_FROM = 10


class Sampler:
    """The rows of every step of every epoch."""

    def __init__(self, rows: int, plan: TrainingPlan, weights: np.ndarray | None = None) -> None:
        self.rows, self.plan = rows, plan
        self.weights = None if weights is None else np.asarray(weights, np.float64) / np.sum(weights)
        full, left = divmod(rows, plan.step_rows)
        # A step of a single row would have no spread for batch normalisation.
        keeps_rest = left > 1 and full < FULL_STEPS_ONLY_FROM
        self.steps = max(1, full + keeps_rest)

    def epoch(self, epoch: int) -> list[np.ndarray]:
        """The rows of each step of an epoch."""
        drawn = np.random.default_rng([self.plan.seed, epoch])
        if self.weights is not None and self.plan.sampler == "weighted":
            order = drawn.choice(self.rows, self.rows, replace=True, p=self.weights)
        else:
            order = drawn.permutation(self.rows)
        size = self.plan.step_rows
        return [order[k * size : (k + 1) * size] for k in range(self.steps)]


def balanced_weights(labels: np.ndarray) -> np.ndarray:
    """A weight for each row, so that every class weighs the same."""
    counts = np.bincount(labels)
    return 1.0 / counts[labels]


def balanced_class_weights(labels: np.ndarray, classes: int) -> torch.Tensor:
    """A weight for each class: rows / (classes * rows of the class), as scikit-learn's `balanced`."""
    counts = np.maximum(np.bincount(labels, minlength=classes), 1)
    return torch.tensor(len(labels) / (classes * counts), dtype=torch.float32)


def seed_everything(*numbers: int) -> int:
    """Seed python, numpy, torch and every GPU from some numbers.

    The loop does it before each step from the seed, the epoch, the step and the process: random numbers are a function of the
    position, whatever happened before.
    """
    seed = int(np.random.SeedSequence([abs(number) for number in numbers]).generate_state(1)[0])
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 (libraries draw from it)
    torch.manual_seed(seed)
    return seed
