"""Windows to groups: average linkage with an unknown number of groups. The server does the same arithmetic."""

from __future__ import annotations

import numpy as np

from atoll_engines.audio.diarisation.plan import DiarisationPlan

Merges = list[tuple[int, int, float]]


def groups_of(embeddings: np.ndarray, plan: DiarisationPlan, merges: Merges | None = None) -> np.ndarray:
    """The number of the group of each window, from 0 in the order in which they are first heard; `merges`: where they are known."""
    count = len(embeddings)
    vectors = embeddings.astype(np.float64)
    merges = merges_within(embeddings, plan) if merges is None else merges
    if count <= plan.most_windows:
        return cut(merges, count, plan)
    chosen = chosen_of(count, plan)
    found = cut(merges, len(chosen), plan)
    means = np.stack([vectors[chosen[found == group]].mean(0) for group in range(found.max() + 1)])
    nearness = vectors @ (means / np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-12)).T
    groups = nearness.argmax(1)
    groups[chosen] = found
    return in_order(groups)


def merges_within(embeddings: np.ndarray, plan: DiarisationPlan) -> Merges:
    """All merges of the windows that are grouped; they do not depend on the threshold."""
    vectors = embeddings.astype(np.float64)
    return merges_of(distances(vectors if len(vectors) <= plan.most_windows else vectors[chosen_of(len(vectors), plan)]))


def chosen_of(count: int, plan: DiarisationPlan) -> np.ndarray:
    return np.arange(plan.most_windows) * count // plan.most_windows


def distances(vectors: np.ndarray) -> np.ndarray:
    """Cosine distances of vectors of length 1."""
    return 1.0 - vectors @ vectors.T


def merges_of(apart: np.ndarray) -> Merges:
    """All merges of average linkage by chains of nearest neighbours (Murtagh 1983; Müllner 2011), the nearest first."""
    apart = apart.copy()
    count = len(apart)
    np.fill_diagonal(apart, np.inf)
    sizes = np.ones(count)
    chain: list[int] = []
    merges: Merges = []
    alive = np.ones(count, bool)
    while len(merges) < count - 1:
        if not chain:
            chain.append(int(np.flatnonzero(alive)[0]))
        while True:
            top = chain[-1]
            nearest = int(apart[top].argmin())
            if len(chain) > 1 and apart[top, chain[-2]] <= apart[top, nearest]:
                nearest = chain[-2]
            if len(chain) > 1 and nearest == chain[-2]:
                break
            chain.append(nearest)
        first, second = sorted((chain.pop(), chain.pop()))
        merges.append((first, second, float(apart[first, second])))
        merged = (apart[first] * sizes[first] + apart[second] * sizes[second]) / (sizes[first] + sizes[second])
        sizes[first] += sizes[second]
        alive[second] = False
        apart[second], apart[:, second] = np.inf, np.inf
        merged[second] = np.inf
        apart[first], apart[:, first] = merged, merged
        apart[first, first] = np.inf
    return sorted(merges, key=lambda merge: merge[2])


def cut(merges: Merges, count: int, plan: DiarisationPlan) -> np.ndarray:
    """Groups after the merges within the threshold, or until as many are left as there are speakers."""
    taken = len([one for one in merges if one[2] <= plan.threshold])
    if plan.speakers is not None:
        taken = max(0, count - plan.speakers)
    root = list(range(count))

    def find(one: int) -> int:
        while root[one] != one:
            root[one] = root[root[one]]
            one = root[one]
        return one

    for first, second, _ in merges[:taken]:
        a, b = sorted((find(first), find(second)))
        root[b] = a
    return in_order(np.array([find(one) for one in range(count)], dtype=int))


def in_order(groups: np.ndarray) -> np.ndarray:
    """Renumbered in the order of first appearance."""
    known: dict[int, int] = {}
    return np.array([known.setdefault(one, len(known)) for one in groups.tolist()], dtype=int)
