"""Tree-structured Parzen estimator of our own (Bergstra et al. 2011), multivariate, over numpy arrays that grow with the search.

Differences from the original, after Falkner et al. 2018 and Watanabe 2023: one joint kernel for each good point in place of a product of
one-dimensional mixtures, so that parameters that go together stay together; better points weigh more; bandwidths that shrink with
the number of good points, and are narrower still around bad ones, which so keep a proposal from coming again; the first points from a
Sobol sequence. Several objectives: points are ordered by front and crowding (Ozaki et al. 2020). The settings were chosen on sixteen
functions that are none of the benchmark's.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from atoll_engines.tuning.pareto import ranks
from atoll_engines.tuning.space import Space

STARTUP = 4
CANDIDATES = 24
# Points beyond these change nothing that could be seen, and would cost time in every proposal.
MOST_BAD = 256
MOST_GOOD = 25
MOST_RANKED = 600
GOOD_SHARE = 0.15
# Scott's rule suits densities that are looked at. Around good points it serves; around bad ones it would forbid whole regions.
NARROWER_BAD = 0.3
# Once a search has found its place, this share of its trials looks elsewhere, so that none stays in a trap for good.
ESTABLISHED = 20
ELSEWHERE = 0.05
# As often are the choices of a proposal drawn anew (Falkner et al. 2018 draw a share of whole points).
OTHER_CHOICES = 0.15
# Points of an earlier search on other data count as much as so many of our own, and so ever less.
EARLIER_COUNTS = 8.0
EARLIER_GOOD_SHARE = 0.15


class Tpe:
    """Asks for points and is told their losses; less is better. The same seed and history propose the same point."""

    def __init__(self, space: Space, seed: int, startup: int = STARTUP) -> None:
        self.space = space
        self.seed = seed
        self.startup = startup
        self._points = np.empty((64, len(space)))
        self._losses = np.empty((64, 1))
        self.count = 0
        self._under_way: list[np.ndarray] = []
        self._earlier: list[tuple[np.ndarray, float]] = []
        self._first = space.spread(max(1, startup), seed) if len(space) else np.empty((1, 0))

    def tell(self, params: dict[str, Any], loss: float | Sequence[float]) -> None:
        """A finished trial, with one loss for each objective. One whose loss is no number counts as the worst."""
        losses = np.atleast_1d(np.asarray(loss, np.float64))
        if self.count == 0 and len(losses) != self._losses.shape[1]:
            self._losses = np.empty((len(self._losses), len(losses)))
        if self.count == len(self._losses):
            self._points = np.concatenate([self._points, np.empty_like(self._points)])
            self._losses = np.concatenate([self._losses, np.empty_like(self._losses)])
        self._points[self.count] = self.space.to_unit(params)
        self._losses[self.count] = np.where(np.isfinite(losses), losses, np.inf)
        self.count += 1

    def await_(self, params: dict[str, Any]) -> None:
        """A trial under way: it counts as a bad one until its loss is told, so that those beside it go elsewhere (constant liar)."""
        self._under_way.append(self.space.to_unit(params))

    def recall(self, params: dict[str, Any], loss: float) -> None:
        """A trial of an earlier search on other data: where it was good is looked at first, and counts less with each trial of our own."""
        if math.isfinite(loss):
            self._earlier.append((self.space.to_unit(params), loss))

    def ask(self, number: int | None = None) -> dict[str, Any]:
        """The next parameters; `number` (that of the trial) seeds the draw."""
        number = self.count if number is None else number
        if not len(self.space):
            return dict(self.space.fixed)
        random = np.random.default_rng([self.seed, number])
        has_earlier = len(self._earlier) >= self.startup
        if self.count < self.startup and not has_earlier:
            if number < len(self._first):
                return self.space.from_unit(self._first[number])
            return self.space.from_unit(self.space.random(random, 1)[0])
        if self.count >= ESTABLISHED and random.random() < ELSEWHERE:
            return self.space.from_unit(self.space.random(random, 1)[0])
        good, bad = self._divided()
        known = self.count + len(self._earlier)
        below = Parzen(self.space, *good, random, known)
        above = Parzen(self.space, *bad, random, known, narrower=NARROWER_BAD)
        candidates = below.sample(CANDIDATES, random)
        best = candidates[int(np.argmax(below.log_density(candidates) - above.log_density(candidates)))]
        if self.space.is_choice.any() and random.random() < OTHER_CHOICES:
            # Choices have no neighbours: without this, those that began badly would never be tried with good numbers.
            best[self.space.is_choice] = self.space.random(random, 1)[0, self.space.is_choice]
        return self.space.from_unit(best)

    def _divided(self) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
        """Good points and bad ones, with their weights."""
        points, order = self._points[: self.count], self._order()
        good_count = min(MOST_GOOD, max(2, math.ceil(GOOD_SHARE * self.count)), max(1, self.count - 1))
        good = points[order[:good_count]]
        good_weights = np.arange(len(good), 0, -1, dtype=np.float64)
        good_weights /= max(1.0, good_weights.sum())
        bad = points[order[good_count:]][-MOST_BAD:]
        if self._under_way:
            bad = np.concatenate([bad, self._under_way])
        bad_weights = np.full(len(bad), 1.0 / max(1, len(bad)))
        if self._earlier:
            earlier = np.array([point for point, _ in self._earlier])
            by_loss = np.argsort([loss for _, loss in self._earlier], kind="stable")
            cut = max(1, math.ceil(EARLIER_GOOD_SHARE * len(earlier)))
            share = EARLIER_COUNTS / (EARLIER_COUNTS + self.count)
            good, good_weights = mixed(good, good_weights, earlier[by_loss[:cut]], share)
            bad, bad_weights = mixed(bad, bad_weights, earlier[by_loss[cut:]][-MOST_BAD:], share)
        return (good, good_weights), (bad, bad_weights)

    def _order(self) -> np.ndarray:
        """Which points are better, the best first."""
        losses = self._losses[: self.count]
        if losses.shape[1] == 1:
            return np.argsort(losses[:, 0], kind="stable")
        if self.count <= MOST_RANKED:
            return np.argsort(ranks(losses), kind="stable")
        # Fronts of all would take longer than a trial: what is far behind in a sum of places stays there.
        places = losses.argsort(axis=0, kind="stable").argsort(axis=0).sum(axis=1)
        near = np.argsort(places, kind="stable")
        first = near[:MOST_RANKED]
        return np.concatenate([first[np.argsort(ranks(losses[first]), kind="stable")], near[MOST_RANKED:]])


def mixed(own: np.ndarray, weights: np.ndarray, earlier: np.ndarray, share: float) -> tuple[np.ndarray, np.ndarray]:
    """Own points and earlier ones, which together have this share of the weight."""
    if not len(earlier):
        return own, weights
    if not len(own):
        return earlier, np.full(len(earlier), 1.0 / len(earlier))
    return np.concatenate([own, earlier]), np.concatenate([weights * (1 - share), np.full(len(earlier), share / len(earlier))])


class Parzen:
    """A mixture of one kernel for each point and a flat prior, over the unit cube."""

    def __init__(
        self,
        space: Space,
        points: np.ndarray,
        weights: np.ndarray,
        random: np.random.Generator,
        known: int,
        narrower: float = 1.0,
    ) -> None:
        self.space = space
        # A parameter that a point does not have says nothing of it: drawn at random, it lies anywhere.
        absent = np.isnan(points)
        if absent.any():
            points = np.where(absent, space.random(random, len(points)), points)
        self.points, self.weights = points, weights
        dimensions = max(1, len(space))
        count = max(1, len(points))
        # Scott's rule in d dimensions, on the spread of the points themselves.
        spread = points.std(axis=0) if len(points) > 1 else np.full(dimensions, 0.3)
        scale = count ** (-1.0 / (dimensions + 4))
        # Never narrower than so many known trials can tell apart, nor so narrow that the next whole number is out of reach.
        least = np.maximum(1.0 / min(100.0, 4 + 0.7 * known), space.steps)
        self.widths = np.minimum(np.maximum(spread * scale * narrower, least), 0.5)
        # A choice keeps its value with this weight; the rest is shared by all values.
        self.keep = 1.0 - 1.0 / (1.0 + count)
        self.prior = 1.0 / (count + 1.0)

    def sample(self, rows: int, random: np.random.Generator) -> np.ndarray:
        drawn = self.space.random(random, rows)
        from_kernel = random.random(rows) >= self.prior
        centres = self.points[np.searchsorted(np.cumsum(self.weights), random.random(rows) * self.weights.sum() * (1 - 1e-12))]
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
        flat = -np.log(self.space.sizes[~numeric].astype(float)).sum() if (~numeric).any() else 0.0
        if not len(self.points):
            return np.full(len(at), flat)
        widths = self.widths[numeric]
        # One matrix product in place of every difference: with many parameters a tenth of the time.
        here, there = at[:, numeric] / widths, self.points[:, numeric] / widths
        apart = (here * here).sum(axis=1)[:, None] + (there * there).sum(axis=1)[None] - 2 * here @ there.T
        kernel = -0.5 * np.maximum(apart, 0) - np.log(widths * math.sqrt(2 * math.pi)).sum()
        if self.space.is_choice.any():
            same = at[:, None, ~numeric] == self.points[None, :, ~numeric]
            shares = (1 - self.keep) / self.space.sizes[~numeric]
            kernel = kernel + np.log(np.where(same, self.keep + shares, shares)).sum(axis=2)
        most = np.maximum(kernel.max(axis=1), flat)
        weighed = (np.exp(kernel - most[:, None]) * self.weights).sum(axis=1) / self.weights.sum()
        return most + np.log((1 - self.prior) * weighed + self.prior * np.exp(flat - most))
