"""Answers to unequal classes, applied to the rows a model is fitted on and to no others."""

from __future__ import annotations

import numpy as np

from atoll_engines.errors import BadInput
from atoll_engines.tabular.algorithms.model import balanced_weights

CHOICES = ("auto", "none", "class_weight", "smote", "adasyn", "random_over", "random_under", "near_miss")
# Below this share of the rarest class `auto` lets the search weigh the classes.
UNEQUAL_BELOW = 0.4


def rebalanced(
    x: np.ndarray, y: np.ndarray, method: str, classes: int, seed: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Features, classes and weights to fit on."""
    if method in ("none", "auto") or classes == 0:
        return x, y, None
    if method == "class_weight":
        return x, y, balanced_weights(y, classes)
    if method == "random_over":
        return (*oversampled(x, y, seed), None)
    if method == "random_under":
        kept = undersampled(y, seed)
        return x[kept], y[kept], None
    if method == "near_miss":
        return (*near_miss(x, y), None)
    if method in ("smote", "adasyn"):
        return (*synthesised(x, y, method, seed), None)
    raise BadInput(f'There is no answer to imbalance called "{method}"; there are: {", ".join(CHOICES)}.')


def oversampled(x: np.ndarray, y: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows of the rarer classes drawn again until all are equal."""
    random = np.random.default_rng(seed)
    counts = np.bincount(y)
    more = [
        random.choice(np.flatnonzero(y == label), counts.max() - counts[label])
        for label in np.flatnonzero(counts)
        if counts[label] < counts.max()
    ]
    rows = np.concatenate([np.arange(len(y)), *more])
    return x[rows], y[rows]


def undersampled(y: np.ndarray, seed: int) -> np.ndarray:
    """Positions of as many rows of each class as the rarest has."""
    random = np.random.default_rng(seed)
    counts = np.bincount(y)
    least = counts[counts > 0].min()
    kept = [random.choice(np.flatnonzero(y == label), least, replace=False) for label in np.flatnonzero(counts)]
    return np.sort(np.concatenate(kept))


def near_miss(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows of the larger classes nearest to the rarest (Mani and Zhang 2003)."""
    from imblearn.under_sampling import NearMiss

    counts = np.bincount(y)
    sampler = NearMiss(n_neighbors=min(3, int(counts[counts > 0].min())))
    sampler.fit_resample(comparable(x), y)
    kept = sampler.sample_indices_
    return x[kept], y[kept]


def synthesised(x: np.ndarray, y: np.ndarray, method: str, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Made-up rows between neighbours of the rarer classes (Chawla et al. 2002; He et al. 2008).

    The real rows stay as they are, missing values included; only the made-up rows come from filled ones.
    """
    from imblearn.over_sampling import ADASYN, SMOTE

    counts = np.bincount(y)
    neighbours = min(5, int(counts[counts > 0].min()) - 1)
    if neighbours < 1:
        return oversampled(x, y, seed)
    smote = SMOTE(k_neighbors=neighbours, random_state=seed)
    sampler = smote if method == "smote" else ADASYN(n_neighbors=neighbours, random_state=seed)
    filled, scale, middle = standardised(x)
    try:
        made_x, made_y = sampler.fit_resample(filled, y)
    except (ValueError, RuntimeError):
        # ADASYN refuses where no row lies near another class; there is then nothing hard to add to.
        return (x, y) if method == "adasyn" else oversampled(x, y, seed)
    new = slice(len(y), None)
    return np.vstack([x, (made_x[new] * scale + middle).astype(np.float32)]), np.append(y, made_y[new])


def comparable(x: np.ndarray) -> np.ndarray:
    return standardised(x)[0]


def standardised(x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Filled, standardised features, so that a distance weighs every column alike; with the scale and the middle."""
    empty = np.isnan(x).all(axis=0)
    middle = np.nanmedian(np.where(empty, 0, x), axis=0)
    filled = np.where(np.isnan(x), middle, x).astype(np.float64)
    scale = filled.std(axis=0)
    scale[scale < 1e-12] = 1.0
    return (filled - middle) / scale, scale, middle
