"""Bayesian optimisation by a Gaussian process (Snoek et al. 2012): for few, dear trials of up to about a dozen parameters.

Matérn 5/2 with a length for each parameter, expected improvement, losses bent towards a normal distribution.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from atoll_engines.tuning.pareto import scalarised
from atoll_engines.tuning.space import Space

STARTUP = 6
CANDIDATES = 512
LENGTHS = (0.1, 0.2, 0.4, 0.8, 1.6)
# Beyond so many trials the process is fitted on the best and the latest.
MOST_POINTS = 200
# Once it has found its place, this share of its trials looks elsewhere.
ESTABLISHED = 20
ELSEWHERE = 0.15
# Trials of an earlier search on other data: so many at most, with this much noise, until there are so many of our own.
MOST_EARLIER, EARLIER_DOUBT, EARLIER_UNTIL = 40, 0.5, 20


class GaussianProcess:
    """Asks for points and is told their losses; less is better. The same seed and history propose the same point."""

    def __init__(self, space: Space, seed: int, startup: int = STARTUP) -> None:
        self.space = space
        self.seed = seed
        self.startup = startup
        self._points: list[np.ndarray] = []
        self._losses: list[np.ndarray] = []
        self._under_way: list[np.ndarray] = []
        self._earlier: list[tuple[np.ndarray, float]] = []
        self._first = space.spread(max(1, startup), seed) if len(space) else np.empty((1, 0))
        self._lengths: np.ndarray | None = None

    @property
    def count(self) -> int:
        return len(self._losses)

    def tell(self, params: dict[str, Any], loss: float | Sequence[float]) -> None:
        """A finished trial, with one loss for each objective."""
        losses = np.atleast_1d(np.asarray(loss, np.float64))
        self._points.append(self.space.to_unit(params))
        self._losses.append(np.where(np.isfinite(losses), losses, np.inf))

    def await_(self, params: dict[str, Any]) -> None:
        """A trial under way: it counts as a middling one until its loss is told (constant liar, Ginsbourger et al. 2010)."""
        self._under_way.append(self.space.to_unit(params))

    def recall(self, params: dict[str, Any], loss: float) -> None:
        """A trial of an earlier search on other data: a vague hint, until there are enough trials of our own."""
        if math.isfinite(loss):
            self._earlier.append((self.space.to_unit(params), loss))

    def ask(self, number: int | None = None) -> dict[str, Any]:
        number = self.count if number is None else number
        if not len(self.space):
            return dict(self.space.fixed)
        random = np.random.default_rng([self.seed, number])
        if self.count < self.startup and len(self._earlier) < self.startup:
            if number < len(self._first):
                return self.space.from_unit(self._first[number])
            return self.space.from_unit(self.space.random(random, 1)[0])
        if self.count >= ESTABLISHED and random.random() < ELSEWHERE:
            return self.space.from_unit(self.space.random(random, 1)[0])
        points, y, doubt = self._history(random)
        x = self._embed(points)
        model = Fit.best(x, y, self._widths(), random, doubt)
        best = points[int(np.argmin(y))]
        candidates = self._candidates(points, y, random)
        for width in (0.1, 0.03, 0.01):
            gain = model.expected_improvement(self._embed(candidates), y.min())
            top = candidates[np.argsort(-gain)[:8]]
            near = np.repeat(np.concatenate([top, best[None]]), 24, axis=0)
            numeric = ~self.space.is_choice
            near[:, numeric] = np.clip(near[:, numeric] + random.normal(size=near[:, numeric].shape) * width, 0, 1)
            candidates = np.concatenate([top, near])
        gain = model.expected_improvement(self._embed(candidates), y.min())
        return self.space.from_unit(candidates[int(np.argmax(gain))])

    def _history(self, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Points, their scores, and how little each is to be trusted."""
        parts: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
        if self.count:
            points, losses = np.array(self._points), np.array(self._losses)
            loss = losses[:, 0] if losses.shape[1] == 1 else scalarised(losses, random)
            if len(loss) > MOST_POINTS:
                kept = np.unique(np.concatenate([np.argsort(loss)[: MOST_POINTS // 2], np.arange(len(loss))[-MOST_POINTS // 2 :]]))
                points, loss = points[kept], loss[kept]
            parts.append((points, normal_scores(loss), np.zeros(len(points))))
        if self._under_way:
            parts.append((np.array(self._under_way), np.zeros(len(self._under_way)), np.zeros(len(self._under_way))))
        if self._earlier and self.count < EARLIER_UNTIL:
            earlier = sorted(self._earlier, key=lambda one: one[1])[:MOST_EARLIER]
            scores = normal_scores(np.array([loss for _, loss in earlier]))
            parts.append((np.array([point for point, _ in earlier]), scores, np.full(len(earlier), EARLIER_DOUBT)))
        points, y, doubt = (np.concatenate(column) for column in zip(*parts, strict=True))
        return np.where(np.isnan(points), 0.5, points), y, doubt

    def _candidates(self, points: np.ndarray, losses: np.ndarray, random: np.random.Generator) -> np.ndarray:
        best = points[np.argsort(losses)[:5]]
        near = np.repeat(best, CANDIDATES // 10, axis=0)
        numeric = ~self.space.is_choice
        near[:, numeric] = np.clip(near[:, numeric] + random.normal(size=near[:, numeric].shape) * 0.1, 0, 1)
        if self.space.is_choice.any():
            other = self.space.random(random, len(near))
            changed = random.random((len(near), int((~numeric).sum()))) < 0.2
            near[:, ~numeric] = np.where(changed, other[:, ~numeric], near[:, ~numeric])
        return np.concatenate([self.space.random(random, CANDIDATES), near])

    def _embed(self, points: np.ndarray) -> np.ndarray:
        """Numbers as they are, a choice as one coordinate for each value, so that any two values are as far apart."""
        columns = [points[:, ~self.space.is_choice]]
        for number in np.flatnonzero(self.space.is_choice):
            columns.append(np.eye(self.space.sizes[number])[points[:, number].astype(int)] / math.sqrt(2))
        return np.concatenate(columns, axis=1)

    def _widths(self) -> int:
        return int((~self.space.is_choice).sum() + self.space.sizes[self.space.is_choice].sum())


class Fit:
    """A Gaussian process with its hyperparameters."""

    def __init__(self, x: np.ndarray, y: np.ndarray, lengths: np.ndarray, noise: float, doubt: np.ndarray) -> None:
        self.x, self.y, self.lengths, self.noise = x, y, lengths, noise
        kernel = matern(x / lengths, x / lengths) + np.diag(noise + doubt)
        self.factor = np.linalg.cholesky(kernel)
        self.weights = np.linalg.solve(self.factor.T, np.linalg.solve(self.factor, y))
        self.likelihood = -0.5 * y @ self.weights - np.log(np.diag(self.factor)).sum()
        # Long lengths unless the data speak against them (a log-normal prior).
        self.likelihood -= 0.5 * (((np.log(lengths) - math.log(0.6)) / 0.8) ** 2).sum()

    @staticmethod
    def best(x: np.ndarray, y: np.ndarray, widths: int, random: np.random.Generator, doubt: np.ndarray) -> Fit:
        """The most likely of a common length, then coordinate by coordinate."""
        fits = [Fit(x, y, np.full(widths, length), noise, doubt) for length in LENGTHS for noise in (1e-4, 1e-2, 1e-1)]
        found = max(fits, key=lambda fit: fit.likelihood)
        for factor in (2.0, 1.5):
            for number in random.permutation(widths):
                for change in (factor, 1 / factor, factor**2):
                    lengths = found.lengths.copy()
                    lengths[number] = min(10.0, max(0.02, lengths[number] * change))
                    other = Fit(x, y, lengths, found.noise, doubt)
                    if other.likelihood > found.likelihood:
                        found = other
        return found

    def expected_improvement(self, at: np.ndarray, least: float) -> np.ndarray:
        from scipy.special import ndtr

        cross = matern(at / self.lengths, self.x / self.lengths)
        mean = cross @ self.weights
        solved = np.linalg.solve(self.factor, cross.T)
        deviation = np.sqrt(np.maximum(1.0 - (solved**2).sum(axis=0), 1e-12))
        z = (least - mean) / deviation
        return deviation * (z * ndtr(z) + np.exp(-0.5 * z * z) / math.sqrt(2 * math.pi))


def matern(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Matérn 5/2 of unit length and variance."""
    squared = np.maximum((a * a).sum(1)[:, None] + (b * b).sum(1)[None, :] - 2 * a @ b.T, 0)
    distance = np.sqrt(5 * squared)
    return (1 + distance + distance * distance / 3) * np.exp(-distance)


def normal_scores(losses: np.ndarray) -> np.ndarray:
    """Standardised losses after a Yeo-Johnson transform (Cowen-Rivers et al. 2022): a few terrible trials do not flatten the rest."""
    from scipy.stats import yeojohnson

    finite = np.isfinite(losses)
    worst = losses[finite].max() if finite.any() else 0.0
    filled = np.where(finite, losses, worst)
    spread = filled.std()
    if spread == 0:
        return np.zeros_like(filled)
    plain = (filled - np.median(filled)) / spread
    try:
        bent = yeojohnson(plain)[0]
    except (ValueError, FloatingPointError):
        bent = plain
    spread = bent.std()
    return (bent - bent.mean()) / spread if np.isfinite(spread) and spread > 0 else plain
