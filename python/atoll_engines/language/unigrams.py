"""How often each token is: what a language model that began from nothing must beat."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from atoll_engines.language.sequences import IGNORED, TokenSequence


def shares_of(ids: Sequence[int], vocabulary: int) -> np.ndarray:
    """The logarithm of each token's share, each counted once more than it is there (Laplace 1814)."""
    counts = np.bincount(np.asarray(ids, np.int64), minlength=vocabulary) + 1.0
    return np.log(counts / counts.sum())


def sums_by_share(sequences: list[TokenSequence], shares: np.ndarray) -> np.ndarray:
    """The negative log-likelihood of what is learned in each sequence."""
    return np.array([-shares[one.labels[1:][one.labels[1:] != IGNORED]].sum() for one in sequences])
