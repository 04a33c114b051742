"""UMAP (McInnes, Healy and Melville 2018): a fuzzy neighbourhood graph, laid out by pulls along its edges and random pushes.

The moves of one epoch are made together rather than one after the other, so that the layout is the same on any number of threads.
"""

from __future__ import annotations

import numpy as np

EPOCHS, NEGATIVES = 300, 5
MOST_MOVE = 4.0


def umap_layout(points: np.ndarray, neighbours: int, closest: float, seed: int) -> np.ndarray:
    """[rows, 2] places."""
    random = np.random.default_rng(seed)
    heads, tails, weights = fuzzy_graph(points, neighbours)
    places = starting_places(points, random)
    a, b = curve(closest)
    # An edge is pulled in as many epochs as its weight is of the strongest.
    chance = weights / weights.max()
    kept = chance >= 1 / EPOCHS
    heads, tails, chance = heads[kept], tails[kept], chance[kept]
    for epoch in range(EPOCHS):
        step = 1 - epoch / EPOCHS
        drawn = np.floor((epoch + 1) * chance) > np.floor(epoch * chance)
        head, tail = heads[drawn], tails[drawn]
        if len(head):
            places = places + step * moves(places, head, tail, a, b, random)
    return places - places.mean(axis=0)


def moves(places: np.ndarray, head: np.ndarray, tail: np.ndarray, a: float, b: float, random: np.random.Generator) -> np.ndarray:
    """Pulls along the drawn edges, and pushes away from rows drawn at random."""
    rows = len(places)
    gap = places[head] - places[tail]
    squared = np.sum(gap**2, axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        pull = np.where(squared > 0, -2 * a * b * squared ** (b - 1) / (1 + a * squared**b), 0.0)
    pulled = np.clip(pull[:, None] * gap, -MOST_MOVE, MOST_MOVE)
    one = np.repeat(head, NEGATIVES)
    other = random.integers(0, rows, len(one))
    gap = places[one] - places[other]
    squared = np.sum(gap**2, axis=1)
    push = 2 * b / ((0.001 + squared) * (1 + a * squared**b))
    pushed = np.where((one != other)[:, None], np.clip(push[:, None] * gap, -MOST_MOVE, MOST_MOVE), 0.0)
    total = np.empty_like(places)
    for axis in range(places.shape[1]):
        total[:, axis] = (
            np.bincount(head, pulled[:, axis], rows)
            - np.bincount(tail, pulled[:, axis], rows)
            + np.bincount(one, pushed[:, axis], rows)
        )
    # Many moves at once would throw a row about; together they go no farther than one may.
    return np.clip(total, -MOST_MOVE, MOST_MOVE)


def fuzzy_graph(points: np.ndarray, neighbours: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Edges with a weight each: how surely two rows are neighbours, seen from either side."""
    from scipy.sparse import coo_matrix
    from sklearn.neighbors import NearestNeighbors

    count = min(neighbours, len(points) - 1)
    far, which = NearestNeighbors(n_neighbors=count).fit(points).kneighbors()
    nearest, scale = reach(far)
    strength = np.exp(-np.maximum(far - nearest[:, None], 0) / scale[:, None])
    rows = np.repeat(np.arange(len(points)), count)
    one = coo_matrix((strength.ravel(), (rows, which.ravel())), shape=(len(points), len(points))).tocsr()
    both = (one + one.T - one.multiply(one.T)).tocoo()
    above = both.row < both.col
    return both.row[above], both.col[above], both.data[above]


def reach(far: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each row's distance to its nearest other row, and the scale at which its neighbours' strengths sum to log2(k)."""
    positive = np.where(far > 0, far, np.inf).min(axis=1)
    nearest = np.where(np.isfinite(positive), positive, 0.0)
    target = np.log2(far.shape[1]) if far.shape[1] > 1 else 1.0
    low, high = np.zeros(len(far)), np.full(len(far), np.inf)
    scale = np.ones(len(far))
    for _ in range(64):
        total = np.exp(-np.maximum(far - nearest[:, None], 0) / scale[:, None]).sum(axis=1)
        low, high = np.where(total > target, low, scale), np.where(total > target, scale, high)
        scale = np.where(np.isfinite(high), (low + high) / 2, scale * 2)
    # Among many equal rows the scale would be 0.
    return nearest, np.maximum(scale, 1e-3 * max(float(far.mean()), 1e-12))


def starting_places(points: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """The first two principal components, ten wide, with a little noise so that equal rows come apart."""
    centred = points - points.mean(axis=0)
    _, vectors = np.linalg.eigh(centred.T @ centred)
    axes = vectors[:, ::-1][:, :2]
    axes = axes * np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])])
    places = np.zeros((len(points), 2))
    places[:, : axes.shape[1]] = centred @ axes
    widest = np.abs(places).max()
    return places * (10 / widest if widest > 0 else 0) + random.normal(0, 1e-3, places.shape)


def curve(closest: float, spread: float = 1.0) -> tuple[float, float]:
    """a and b of 1 / (1 + a d^2b), fitted to be 1 within `closest` and to fall off beyond it."""
    from scipy.optimize import curve_fit

    apart = np.linspace(0, 3 * spread, 300)
    wanted = np.where(apart < closest, 1.0, np.exp(-(apart - closest) / spread))
    (a, b), _ = curve_fit(lambda d, a, b: 1 / (1 + a * d ** (2 * b)), apart, wanted)
    return float(a), float(b)
