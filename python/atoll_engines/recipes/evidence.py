"""Whether labels have anything to say about a target."""

import numpy as np
import pandas as pd
from scipy import stats

# Beyond this the difference between labels is as good as chance.
_LEVEL = 0.01


def tells_nothing(labels: np.ndarray, target: np.ndarray, task: str) -> str | None:
    """A short verdict where the target does not differ between labels beyond chance, else None.

    Chi-square test of independence (Pearson 1900) for classes, one-way analysis of variance (Fisher 1925) for numbers.
    """
    codes = pd.factorize(labels, sort=True)[0]
    if task == "regression":
        values = np.asarray(target, dtype=np.float64)
        groups = [values[codes == code] for code in range(codes.max() + 1)]
        groups = [group for group in groups if len(group) > 1]
        if len(groups) < 2:
            return "no value occurs twice"
        name, p = "analysis of variance", float(stats.f_oneway(*groups).pvalue)
    else:
        counts = pd.crosstab(codes, np.unique(np.asarray(target), return_inverse=True)[1]).to_numpy()
        if counts.shape[1] < 2:
            return None
        name, p = "chi-square test", float(stats.chi2_contingency(counts).pvalue)
    return f"{name}, p = {p:.2g}" if np.isfinite(p) and p > _LEVEL else None
