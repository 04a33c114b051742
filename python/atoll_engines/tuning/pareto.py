"""Several objectives at once: which trials no other beats, in which order a sampler should like them, and which one to take."""

from __future__ import annotations

import numpy as np


def fronts(losses: np.ndarray) -> np.ndarray:
    """int [rows]: the front of each row of losses [rows, objectives]; 0 for those that no other beats in all (Deb et al. 2002)."""
    rows = len(losses)
    front = np.full(rows, -1)
    no_worse = (losses[:, None, :] <= losses[None, :, :]).all(axis=2)
    better = (losses[:, None, :] < losses[None, :, :]).any(axis=2)
    beats = no_worse & better
    left = np.ones(rows, bool)
    number = 0
    while left.any():
        unbeaten = left & ~beats[left].any(axis=0)
        front[unbeaten] = number
        left &= ~unbeaten
        number += 1
    return front


def crowding(losses: np.ndarray) -> np.ndarray:
    """float64 [rows]: how far a row's neighbours along each objective are; the ends are infinitely far (Deb et al. 2002)."""
    rows, objectives = losses.shape
    distance = np.zeros(rows)
    for objective in range(objectives):
        order = np.argsort(losses[:, objective], kind="stable")
        values = losses[order, objective]
        span = values[-1] - values[0]
        distance[order[[0, -1]]] = np.inf
        if np.isfinite(span) and span > 0 and rows > 2:
            distance[order[1:-1]] += (values[2:] - values[:-2]) / span
    return distance


def ranks(losses: np.ndarray) -> np.ndarray:
    """float64 [rows]: 0 for the best: by front, and within a front the lonelier first (after MOTPE, Ozaki et al. 2020)."""
    front = fronts(losses)
    rank = np.empty(len(losses))
    at = 0
    for number in range(front.max() + 1 if len(front) else 0):
        members = np.flatnonzero(front == number)
        order = members[np.argsort(-crowding(losses[members]), kind="stable")]
        rank[order] = np.arange(at, at + len(order))
        at += len(order)
    return rank


def scalarised(losses: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """float64 [rows]: one loss for several, by the augmented Chebyshev norm with weights drawn at random (ParEGO, Knowles 2006)."""
    finite = np.where(np.isfinite(losses), losses, np.nan)
    low, high = np.nanmin(finite, axis=0), np.nanmax(finite, axis=0)
    unit = np.where(np.isnan(finite), 1.0, (finite - low) / np.where(high > low, high - low, 1.0))
    weights = random.dirichlet(np.ones(losses.shape[1]))
    return (weights * unit).max(axis=1) + 0.05 * (weights * unit).sum(axis=1)


def knee(losses: np.ndarray) -> int:
    """The row nearest to the point that has the best of every objective, each stretched from 0 to 1; the first of equals."""
    low, high = losses.min(axis=0), losses.max(axis=0)
    unit = (losses - low) / np.where(high > low, high - low, 1.0)
    distance = np.sqrt((unit**2).sum(axis=1))
    return int(np.flatnonzero(distance <= distance.min() + 1e-12)[0])


def hypervolume(losses: np.ndarray, reference: np.ndarray) -> float:
    """The volume that the rows cover below a reference point, by slicing along the last objective (exact; for few objectives)."""
    inside = losses[(losses < reference).all(axis=1)]
    if not len(inside):
        return 0.0
    inside = inside[fronts(inside) == 0]
    if inside.shape[1] == 1:
        return float(reference[0] - inside[:, 0].min())
    order = np.argsort(inside[:, -1], kind="stable")
    inside = inside[order]
    volume = 0.0
    edges = np.append(inside[:, -1], reference[-1])
    for number in range(len(inside)):
        depth = edges[number + 1] - edges[number]
        if depth > 0:
            volume += depth * hypervolume(inside[: number + 1, :-1], reference[:-1])
    return volume
