"""Whether labels have anything to say about a target."""

import numpy as np
import pandas as pd

# Beyond this the difference between labels is as good as chance.
_LEVEL = 0.01


def tells_nothing(labels: np.ndarray, target: np.ndarray, task: str) -> str | None:
    """A short verdict where the target does not differ between labels beyond chance, else None.

    Chi-square test of independence (Pearson 1900) for classes, one-way analysis of variance (Fisher 1925) for numbers.
    """
    codes = pd.factorize(labels, sort=True)[0]
    if task == "regression":
        name, p = "analysis of variance", _variance_test(codes, np.asarray(target, dtype=np.float64))
    else:
        counts = pd.crosstab(codes, np.unique(np.asarray(target), return_inverse=True)[1]).to_numpy()
        name, p = "chi-square test", _independence_test(counts)
    return f"{name}, p = {p:.2g}" if p > _LEVEL else None


def _independence_test(counts: np.ndarray) -> float:
    """The p-value of Pearson's chi-square test; 0 where there is nothing to compare."""
    freedom = (counts.shape[0] - 1) * (counts.shape[1] - 1)
    if freedom == 0:
        return 0.0
    from scipy import special

    expected = counts.sum(axis=1, keepdims=True) * counts.sum(axis=0, keepdims=True) / counts.sum()
    return float(special.chdtrc(freedom, ((counts - expected) ** 2 / expected).sum()))


def _variance_test(codes: np.ndarray, target: np.ndarray) -> float:
    """The p-value of the F test of equal means; 0 where the target does not vary within labels."""
    rows = np.bincount(codes)
    means = np.bincount(codes, weights=target) / rows
    between, within = float((rows * (means - target.mean()) ** 2).sum()), float(((target - means[codes]) ** 2).sum())
    groups, rest = len(rows) - 1, len(target) - len(rows)
    if rest <= 0:
        return 1.0
    if groups == 0 or within == 0:
        return 0.0
    from scipy import special

    return float(special.fdtrc(groups, rest, (between / groups) / (within / rest)))
