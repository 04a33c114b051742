"""How faithful a map is: do rows that are neighbours on it resemble each other?"""

from __future__ import annotations

import numpy as np

from atoll_engines.unsupervised.algorithms.distances import squared_distances

MOST_COMPARED, NEIGHBOURS = 1500, 10


def row_trust(x: np.ndarray, places: np.ndarray, seed: int) -> np.ndarray:
    """Each row's part in the trustworthiness (Venna and Kaski 2001): the mean of these is the figure.

    Of a longer table so many rows are drawn, because ranks are among all rows.
    """
    if len(x) > MOST_COMPARED:
        drawn = np.sort(np.random.default_rng(seed).choice(len(x), MOST_COMPARED, replace=False))
        x, places = x[drawn], places[drawn]
    rows = len(x)
    count = min(NEIGHBOURS, max(1, (rows - 1) // 2))
    if rows <= 3 * count or rows < 4:
        return np.full(rows, np.nan)
    real, mapped = (squared_distances(part, part.astype(np.float64)) for part in (x, places))
    np.fill_diagonal(real, np.inf)
    np.fill_diagonal(mapped, np.inf)
    rank = np.argsort(np.argsort(real, axis=1, kind="stable"), axis=1, kind="stable") + 1
    near = np.argsort(mapped, axis=1, kind="stable")[:, :count]
    intruders = np.maximum(np.take_along_axis(rank, near, axis=1) - count, 0).sum(axis=1)
    return 1 - 2 * intruders / (count * (2 * rows - 3 * count - 1))
