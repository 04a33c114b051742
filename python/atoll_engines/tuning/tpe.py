"""Tree-structured Parzen estimator of our own (Bergstra et al. 2011), multivariate, over numpy arrays that grow with the search.

Differences from the original, after Falkner et al. 2018 and Watanabe 2023: one joint kernel for each good point in place of a product of
one-dimensional mixtures, so that parameters that go together stay together; bandwidths that shrink with the number of good points;
the first points from a Sobol sequence.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from atoll_engines.tuning.space import Space

STARTUP = 5
CANDIDATES = 24
# Points beyond these change nothing that could be seen, and would cost time in every proposal.
MOST_BAD = 256
MOST_GOOD = 25
GOOD_SHARE = 0.07
# Scott's rule suits densities that are looked at; a search gains by staying nearer to its good points.
NARROWER = 0.6
# Once a search has found its place, this share of its trials looks elsewhere, so that none stays in a trap for good.
ESTABLISHED = 20
ELSEWHERE = 0.15
# As often are the choices of a proposal drawn anew (Falkner et al. 2018 draw a share of whole points).
OTHER_CHOICES = 0.15


class Tpe:
    """Asks for points and is told their losses; less is better. The same seed and history propose the same point."""

    def __init__(self, space: Space, seed: int, startup: int = STARTUP) -> None:
        self.space = space
        self.seed = seed
        self.startup = startup
        self._points = np.empty((64, len(space)))
        self._losses = np.empty(64)
        self.count = 0
        self._first = space.spread(max(1, startup), seed) if len(space) else np.empty((1, 0))

    def tell(self, params: dict[str, Any], loss: float) -> None:
        """A finished trial. One whose loss is no number counts as the worst."""
        if self.count == len(self._losses):
            self._points = np.concatenate([self._points, np.empty_like(self._points)])
            self._losses = np.concatenate([self._losses, np.empty_like(self._losses)])
        self._points[self.count] = self.space.to_unit(params)
        self._losses[self.count] = loss if math.isfinite(loss) else math.inf
        self.count += 1

    def ask(self, number: int | None = None) -> dict[str, Any]:
        """The next parameters; `number` (that of the trial) seeds the draw."""
        number = self.count if number is None else number
        if not len(self.space):
            return dict(self.space.fixed)
        if self.count < self.startup:
            return self.space.from_unit(self._first[number % len(self._first)])
        random = np.random.default_rng([self.seed, number])
        if self.count >= ESTABLISHED and random.random() < ELSEWHERE:
            return self.space.from_unit(self.space.random(random, 1)[0])
        points, losses = self._points[: self.count], self._losses[: self.count]
        order = np.argsort(losses, kind="stable")
        good_count = min(MOST_GOOD, max(2, math.ceil(GOOD_SHARE * self.count + 1)))
        good = points[order[:good_count]]
        bad = points[order[good_count:]]
        if len(bad) > MOST_BAD:
            bad = bad[-MOST_BAD:]
        below = Parzen(self.space, good, random)
        above = Parzen(self.space, bad, random)
        candidates = below.sample(CANDIDATES, random)
        best = candidates[int(np.argmax(below.log_density(candidates) - above.log_density(candidates)))]
        if self.space.is_choice.any() and random.random() < OTHER_CHOICES:
            # Choices have no neighbours: without this, those that began badly would never be tried with good numbers.
            best[self.space.is_choice] = self.space.random(random, 1)[0, self.space.is_choice]
        return self.space.from_unit(best)


class Parzen:
    """A mixture of one kernel for each point and a flat prior, over the unit cube."""

    def __init__(self, space: Space, points: np.ndarray, random: np.random.Generator) -> None:
        self.space = space
        # A parameter that a point does not have says nothing of it: drawn at random, it lies anywhere.
        absent = np.isnan(points)
        if absent.any():
            points = np.where(absent, space.random(random, len(points)), points)
        self.points = points
        dimensions = max(1, len(space))
        count = max(1, len(points))
        # Scott's rule in d dimensions, on the spread of the points themselves.
        spread = points.std(axis=0) if len(points) > 1 else np.full(dimensions, 0.3)
        scale = count ** (-1.0 / (dimensions + 4))
        # Never so narrow that the next whole number is out of reach.
        least = np.maximum(1.0 / min(100, 4 + 3 * count), space.steps)
        self.widths = np.minimum(np.maximum(spread * scale * NARROWER, least), 0.5)
        # A choice keeps its value with this weight; the rest is shared by all values.
        self.keep = 1.0 - 1.0 / (1.0 + count)
        self.prior = 1.0 / (count + 1.0)

    def sample(self, rows: int, random: np.random.Generator) -> np.ndarray:
        drawn = self.space.random(random, rows)
        from_kernel = random.random(rows) >= self.prior
        centres = self.points[random.integers(len(self.points), size=rows)]
        near = np.abs(centres + random.normal(size=drawn.shape) * self.widths)
        near = np.where(near > 1, 2 - near, near)
        near = np.clip(near, 0, 1)
        choice = self.space.is_choice
        if choice.any():
            kept = random.random((rows, int(choice.sum()))) < self.keep
            near[:, choice] = np.where(kept, centres[:, choice], drawn[:, choice])
        return np.where(from_kernel[:, None], near, drawn)

    def log_density(self, at: np.ndarray) -> np.ndarray:
        """Log density at points, up to a constant that is the same for all mixtures over a space."""
        numeric = ~self.space.is_choice
        widths = self.widths[numeric]
        apart = (at[:, None, numeric] - self.points[None, :, numeric]) / widths
        kernel = -0.5 * np.einsum("ijk,ijk->ij", apart, apart) - np.log(widths * math.sqrt(2 * math.pi)).sum()
        if self.space.is_choice.any():
            same = at[:, None, ~numeric] == self.points[None, :, ~numeric]
            shares = (1 - self.keep) / self.space.sizes[~numeric]
            kernel = kernel + np.log(np.where(same, self.keep + shares, shares)).sum(axis=2)
        flat = -np.log(self.space.sizes[~numeric].astype(float)).sum() if (~numeric).any() else 0.0
        most = np.maximum(kernel.max(axis=1), flat)
        share = (1 - self.prior) / len(self.points)
        return most + np.log(share * np.exp(kernel - most[:, None]).sum(axis=1) + self.prior * np.exp(flat - most))
