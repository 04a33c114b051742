"""What a network's answer rests on, by its gradients.

Integrated gradients (Sundararajan et al. 2017): the gradient on the straight way from a baseline to the row, times the way.
Expected gradients (Erion et al. 2021), the gradient form of deep SHAP: the same, on the mean over rows of the background.
Both are complete: the parts add up to the answer less that of the baseline (or its mean over the background), but for the error
of the sum that stands for the integral; it is measured, and more points are taken until it is small.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

Parts = tuple[torch.Tensor, ...]
Answer = Callable[[Parts], torch.Tensor]
"""Inputs [points, …] to one number each: the output that is explained."""

LEAST_POINTS, MOST_POINTS = 16, 512
# Of the way that the answer went, or of a hundredth where it hardly went at all.
SMALL_GAP = 0.005
MOST_AT_ONCE = 512


@dataclass(frozen=True)
class Attribution:
    """The share of each input, shaped as the inputs of one row; `gap` is what completeness lacks."""

    parts: tuple[np.ndarray, ...]
    base: float
    answer: float
    gap: float
    points: int


def integrated_gradients(answer: Answer, row: Parts, baseline: Parts, at_once: int = MOST_AT_ONCE, most: int = MOST_POINTS) -> Attribution:
    """Of one row ([1, …] each); the number of points doubles until the parts add up."""
    points = LEAST_POINTS
    while True:
        found = with_points(answer, row, [baseline], points, at_once)
        if abs(found.gap) <= SMALL_GAP * max(abs(found.answer - found.base), 0.01) or points * 2 > most:
            return found
        points *= 2


def expected_gradients(
    answer: Answer, row: Parts, background: Sequence[Parts], at_once: int = MOST_AT_ONCE, most: int = 8 * LEAST_POINTS
) -> Attribution:
    """Of one row, the mean over the rows of a background as baselines."""
    points = LEAST_POINTS
    while True:
        found = with_points(answer, row, background, points, at_once)
        if abs(found.gap) <= SMALL_GAP * max(abs(found.answer - found.base), 0.01) or points * 2 > most:
            return found
        points *= 2


def with_points(answer: Answer, row: Parts, background: Sequence[Parts], points: int, at_once: int) -> Attribution:
    """Gauss-Legendre quadrature of the way from every baseline."""
    where, weights = np.polynomial.legendre.leggauss(points)
    kind = {"dtype": row[0].dtype, "device": row[0].device}
    alphas = torch.as_tensor((where + 1) / 2, **kind).repeat(len(background))
    shares = torch.as_tensor(weights / 2, **kind).repeat(len(background)) / len(background)
    others = tuple(torch.cat([baseline[k] for baseline in background]) for k in range(len(row)))
    places = torch.arange(len(background), device=row[0].device).repeat_interleave(points)
    totals = [np.zeros(tuple(part.shape[1:])) for part in row]
    with torch.no_grad():
        now, bases = float(answer(row)[0]), answer(others).double()
    for start in range(0, len(places), at_once):
        block = slice(start, start + at_once)
        ways = [part - other[places[block]] for part, other in zip(row, others, strict=True)]
        met = [other[places[block]] + along(alphas[block], way) * way for way, other in zip(ways, others, strict=True)]
        met = tuple(one.detach().requires_grad_(True) for one in met)
        gradients = iter(torch.autograd.grad(answer(met).sum(), [one for one in met if one.numel()], allow_unused=True))
        for place, (one, way) in enumerate(zip(met, ways, strict=True)):
            gradient = next(gradients) if one.numel() else None
            if gradient is not None:
                totals[place] += (along(shares[block], way) * way * gradient).sum(0).detach().cpu().double().numpy()
    base = float(bases.mean())
    return Attribution(tuple(totals), base, now, now - base - float(sum(total.sum() for total in totals)), points)


def along(share: torch.Tensor, part: torch.Tensor) -> torch.Tensor:
    return share.reshape(-1, *[1] * (part.ndim - 1))
