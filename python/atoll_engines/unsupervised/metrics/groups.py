"""How well rows are grouped: silhouette, Davies-Bouldin, Calinski-Harabasz, and agreement with known labels.

Every figure takes a weight for each row (how often a resample drew it), so that a bootstrap needs no copies.
"""

from __future__ import annotations

import numpy as np

from atoll_engines.unsupervised.algorithms.distances import squared_distances

# Silhouettes compare every row with every other: so many are drawn from a longer table.
MOST_COMPARED = 2500


class Grouped:
    """Rows with a group each; -1 is noise."""

    def __init__(self, x: np.ndarray, clusters: np.ndarray, seed: int) -> None:
        names = np.unique(clusters[clusters >= 0])
        self.x = x.astype(np.float64)
        self.clusters = np.searchsorted(names, clusters)
        self.noise = clusters < 0
        self.clusters[self.noise] = len(names)
        self.count = len(names)
        self.member = np.eye(self.count + 1)[self.clusters][:, : self.count]
        self.compared = np.arange(len(x))
        if len(x) > MOST_COMPARED:
            self.compared = np.sort(np.random.default_rng(seed).choice(len(x), MOST_COMPARED, replace=False))
        self._silhouettes: np.ndarray | None = None

    def all(self, weights: np.ndarray | None = None) -> dict[str, float]:
        weights = np.ones(len(self.x)) if weights is None else weights
        return {
            "silhouette": self.silhouette(weights),
            "davies_bouldin": self.davies_bouldin(weights),
            "calinski_harabasz": self.calinski_harabasz(weights),
            "noise_share": float(np.sum(weights * self.noise) / np.sum(weights)),
        }

    def silhouette(self, weights: np.ndarray) -> float:
        """Rousseeuw 1987, over all rows; a row called noise counts 0, so that leaving rows out does not pay.

        A resample draws rows with the silhouette they have among all rows: its copies of a row would else be near to each other.
        """
        if self.count < 2:
            return float("nan")
        if self._silhouettes is None:
            self._silhouettes = self.silhouettes()
        return float(np.average(self._silhouettes, weights=weights[self.compared])) if weights[self.compared].any() else float("nan")

    def silhouettes(self) -> np.ndarray:
        """The silhouette of each compared row."""
        near = self.x[self.compared]
        apart = np.sqrt(squared_distances(near, near))
        np.fill_diagonal(apart, 0.0)
        member, noise = self.member[self.compared], self.noise[self.compared]
        sizes = member.sum(axis=0)
        totals = apart @ member
        own = np.minimum(self.clusters[self.compared], self.count - 1)
        rows = np.arange(len(near))
        with np.errstate(divide="ignore", invalid="ignore"):
            inside = totals[rows, own] / (sizes[own] - 1)
            others = np.where(sizes > 0, totals / sizes, np.inf)
            others[rows, own] = np.inf
            outside = others.min(axis=1)
            value = (outside - inside) / np.maximum(inside, outside)
        value[(sizes[own] <= 1) | ~np.isfinite(value) | noise] = 0.0
        return value

    def centres(self, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        sizes = weights @ self.member
        sums = (self.member * weights[:, None]).T @ self.x
        return sums / np.maximum(sizes, 1e-12)[:, None], sizes

    def davies_bouldin(self, weights: np.ndarray) -> float:
        """Davies and Bouldin 1979: how wide groups are against how far apart; noise is left out."""
        if self.count < 2:
            return float("nan")
        centres, sizes = self.centres(weights)
        held = ~self.noise
        apart = np.zeros(len(self.x))
        apart[held] = np.sqrt(np.sum((self.x[held] - centres[self.clusters[held]]) ** 2, axis=1))
        present = sizes > 0
        if present.sum() < 2:
            return float("nan")
        wide = ((weights * apart) @ self.member)[present] / sizes[present]
        between = np.sqrt(squared_distances(centres[present], centres[present]))
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = (wide[:, None] + wide[None, :]) / between
        np.fill_diagonal(ratio, 0.0)
        ratio[~np.isfinite(ratio)] = 0.0
        return float(np.mean(ratio.max(axis=1)))

    def calinski_harabasz(self, weights: np.ndarray) -> float:
        """Caliński and Harabasz 1974: variance between groups over variance within them; noise is left out."""
        if self.count < 2:
            return float("nan")
        centres, sizes = self.centres(weights)
        held = ~self.noise
        drawn = weights * held
        total, groups = drawn.sum(), int(np.sum(sizes > 0))
        if groups < 2 or total <= groups:
            return float("nan")
        middle = drawn @ self.x / total
        between = np.sum(sizes * np.sum((centres - middle) ** 2, axis=1))
        within = np.sum(drawn[held] * np.sum((self.x[held] - centres[self.clusters[held]]) ** 2, axis=1))
        return float(between * (total - groups) / (within * (groups - 1))) if within > 0 else 1.0


def agreement(one: np.ndarray, other: np.ndarray, weights: np.ndarray | None = None) -> dict[str, float]:
    """Adjusted Rand index (Hubert and Arabie 1985) and mutual information over the mean entropy, of two groupings."""
    weights = np.ones(len(one)) if weights is None else weights
    rows, columns = np.unique(one, return_inverse=True)[1], np.unique(other, return_inverse=True)[1]
    width = columns.max() + 1 if len(columns) else 1
    cells = np.bincount(rows * width + columns, weights, (rows.max() + 1) * width).reshape(-1, width)
    return {"adjusted_rand": adjusted_rand(cells), "normalized_mutual_information": mutual_information(cells)}


def adjusted_rand(cells: np.ndarray) -> float:
    def pairs(counts: np.ndarray) -> float:
        return float(np.sum(counts * (counts - 1)) / 2)

    both, all_pairs = pairs(cells), pairs(cells.sum(keepdims=True))
    one, other = pairs(cells.sum(axis=1)), pairs(cells.sum(axis=0))
    expected = one * other / all_pairs if all_pairs > 0 else 0.0
    most = (one + other) / 2
    return 1.0 if most == expected else (both - expected) / (most - expected)


def mutual_information(cells: np.ndarray) -> float:
    shares = cells / cells.sum()
    one, other = shares.sum(axis=1), shares.sum(axis=0)

    def entropy(p: np.ndarray) -> float:
        p = p[p > 0]
        return float(-np.sum(p * np.log(p)))

    mean = (entropy(one) + entropy(other)) / 2
    if mean == 0:
        return 1.0
    there = shares > 0
    expected = np.outer(one, other)
    return max(0.0, float(np.sum(shares[there] * np.log(shares[there] / expected[there])))) / mean
