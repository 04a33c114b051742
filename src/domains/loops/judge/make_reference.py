"""Paired tests by scipy, for the tests of ours."""

import json
from pathlib import Path

import numpy as np
from scipy import stats


def main() -> None:
    rng = np.random.default_rng(12)
    t = []
    for rows, shift in [(12, 0.4), (80, 0.05), (400, 0.0)]:
        a = np.round(rng.gamma(2, 0.3, rows), 6)
        b = np.round(a - shift + rng.normal(0, 0.3, rows), 6)
        for alpha in (0.05, 0.01):
            found = stats.ttest_rel(b, a)
            interval = found.confidence_interval(1 - alpha)
            t.append(
                {
                    "champion": a.tolist(),
                    "challenger": b.tolist(),
                    "alpha": alpha,
                    "value": float((b - a).mean()),
                    "low": float(interval.low),
                    "high": float(interval.high),
                    "statistic": float(found.statistic),
                    "pValue": float(found.pvalue),
                }
            )
    mcnemar = []
    for only_a, only_b, rows in [(3, 9, 200), (40, 71, 1000), (0, 0, 50), (350, 300, 20000), (1, 30, 90)]:
        for alpha in (0.05, 0.01):
            differing = only_a + only_b
            p = stats.binomtest(only_a, differing, 0.5).pvalue if differing else 1.0
            # Bonett and Price 2012.
            pa, pb = (only_a + 1) / (rows + 2), (only_b + 1) / (rows + 2)
            reach = stats.norm.ppf(1 - alpha / 2) * np.sqrt((pa + pb - (pb - pa) ** 2) / (rows + 2))
            mcnemar.append(
                {"onlyChampion": only_a, "onlyChallenger": only_b, "rows": rows, "alpha": alpha,
                 "value": (only_b - only_a) / rows, "low": max(-1.0, pb - pa - reach), "high": min(1.0, pb - pa + reach), "pValue": float(p)}
            )
    a = np.round(rng.normal(0, 1, 300) ** 2, 6)
    b = np.round(a * 0.8 + rng.normal(0.05, 0.3, 300), 6)
    found = stats.bootstrap(((b - a),), np.mean, n_resamples=20000, method="percentile", random_state=1).confidence_interval
    bootstrap = {"champion": a.tolist(), "challenger": b.tolist(), "value": float((b - a).mean()), "low": float(found.low), "high": float(found.high)}
    Path(__file__).with_name("reference.json").write_text(json.dumps({"t": t, "mcnemar": mcnemar, "bootstrap": bootstrap}) + "\n")


if __name__ == "__main__":
    main()
