"""Writes what scipy says of fixed samples, for the tests of the drift statistics: python scripts/make-drift-references.py src/domains/monitoring/statistics/references.json"""

import json
import sys

import numpy as np
import scipy
from scipy import optimize, special, stats
from scipy.spatial.distance import cityblock, jensenshannon, pdist, squareform


def samples(seed: int, n1: int, n2: int, shift: float, ties: bool):
    """The same numbers as samplesOf in references.test.ts: a multiplicative congruential generator (Park and Miller 1988)."""
    state = seed

    def draw():
        nonlocal state
        state = state * 48271 % 2147483647
        return state / 2147483647

    a = [draw() for _ in range(n1)]
    b = [draw() * (1 + shift) for _ in range(n2)]
    if ties:
        a, b = [np.floor(x * 12) for x in a], [np.floor(x * 12) for x in b]
    return np.array(a), np.array(b)


def ks():
    cases = [(1, 50, 50, 0.0, False), (2, 50, 70, 0.3, False), (3, 200, 1000, 0.0, False), (4, 200, 1000, 0.1, True), (5, 997, 1000, 0.05, False),
             (6, 3000, 2000, 0.02, False), (7, 10000, 9999, 0.01, False), (8, 10000, 10000, 0.015, False), (9, 10000, 30000, 0.01, False),
             (10, 10000, 30000, 0.0, False), (11, 10000, 20001, 0.03, False), (12, 60, 20000, 0.1, False), (13, 100, 20000, 0.0, True),
             (14, 12, 15, 0.9, False), (15, 100, 20000, 0.5, False), (16, 5000, 40000, 0.004, True)]
    for seed, n1, n2, shift, ties in cases:
        a, b = samples(seed, n1, n2, shift, ties)
        found = stats.ks_2samp(a, b)
        yield {"seed": seed, "n1": n1, "n2": n2, "shift": shift, "ties": ties, "statistic": float(found.statistic), "pValue": float(found.pvalue)}


def kolmogorov():
    for n in (5, 20, 60, 140, 141, 400, 2000, 9000, 100000):
        for z in (0.3, 0.45, 0.6, 0.8, 1.0, 1.2, 1.48, 1.6, 2.0, 3.0):
            x = z / np.sqrt(n)
            if x < 1:
                yield {"n": n, "x": float(x), "survival": float(stats.kstwo.sf(x, n)), "smirnov": float(special.smirnov(n, x))}


def counts():
    tables = [([120, 30, 50], [60, 20, 20]), ([10, 20], [20, 10]), ([500, 400, 90, 9, 1, 0], [480, 420, 80, 12, 5, 3]), ([1000, 1, 1], [1000, 2, 3]),
              (list(range(1, 41)), list(range(40, 0, -1))), ([5000, 300], [4000, 330])]
    for a, b in tables:
        chi = stats.chi2_contingency([a, b], correction=False)
        p, q = np.array(a) / sum(a), np.array(b) / sum(b)
        floor = 1e-4
        pf, qf = np.maximum(p, floor), np.maximum(q, floor)
        yield {"a": a, "b": b, "statistic": float(chi.statistic), "pValue": float(chi.pvalue), "jensenShannon": float(jensenshannon(p, q, base=2)),
               "totalVariation": total_variation(a, b),
               "psi": float(np.sum((qf - pf) * np.log(qf / pf)))}


def wasserstein():
    for seed, n1, n2, shift, ties in [(21, 50, 70, 0.3, False), (22, 400, 1000, 0.0, True), (23, 3000, 2000, 0.1, False), (24, 1, 9, 0.5, False)]:
        a, b = samples(seed, n1, n2, shift, ties)
        yield {"seed": seed, "n1": n1, "n2": n2, "shift": shift, "ties": ties, "distance": float(stats.wasserstein_distance(a, b))}


def binomial():
    for hits, trials, share in [(0, 10, 0.1), (3, 10, 0.1), (12, 200, 0.05), (5, 5000, 0.0001), (260, 1000, 0.25), (1, 1, 0.3), (700, 10000, 0.0625)]:
        upper = float(stats.binomtest(hits, trials).proportion_ci(0.998, "exact").high)
        yield {"hits": hits, "trials": trials, "share": share, "upperTail": float(stats.binom.sf(hits - 1, trials, share)), "atMost": upper}


def ranks():
    for seed, n1, n2, shift, ties in [(31, 40, 60, 0.0, False), (32, 300, 200, 0.2, True), (33, 1000, 1000, 0.05, False)]:
        a, b = samples(seed, n1, n2, shift, ties)
        found = stats.mannwhitneyu(b, a, alternative="greater", method="asymptotic", use_continuity=False)
        yield {"seed": seed, "n1": n1, "n2": n2, "shift": shift, "ties": ties, "auc": float(found.statistic / (n1 * n2)), "pValue": float(found.pvalue)}


def welch():
    for seed, n1, n2, shift in [(51, 60, 80, 0.1), (52, 100, 100, 0.0), (53, 100, 300, 0.9)]:
        a, b = samples(seed, n1, n2, shift, False)
        found = stats.ttest_ind(a / 2, b / 2, equal_var=False)
        yield {"seed": seed, "n1": n1, "n2": n2, "shift": shift, "pValue": float(found.pvalue)}


def isotonic():
    for seed, n in [(41, 30), (42, 200)]:
        x, y = samples(seed, n, n, 0.0, False)
        order = np.argsort(x)
        fitted = optimize.isotonic_regression(y[order]).x
        yield {"seed": seed, "n": n, "fitted": [float(value) for value in fitted]}


def discrepancy():
    """Squared mean discrepancy, unbiased, with a Gaussian kernel as wide as the median distance (Gretton et al. 2012, eq. 3)."""
    for seed, n1, n2, shift in [(51, 20, 30, 0.0), (52, 25, 25, 0.8)]:
        a, b = samples(seed, 2 * n1, 2 * n2, shift, False)
        x, y = a.reshape(n1, 2), b.reshape(n2, 2)
        both = np.vstack([x, y])
        distances = pdist(both, "sqeuclidean")
        width = np.sort(distances)[len(distances) // 2]
        k = np.exp(-squareform(distances) / (2 * width))
        xx, yy, xy = k[:n1, :n1], k[n1:, n1:], k[:n1, n1:]
        squared = (xx.sum() - n1) / (n1 * (n1 - 1)) + (yy.sum() - n2) / (n2 * (n2 - 1)) - 2 * xy.mean()
        yield {"seed": seed, "n1": n1, "n2": n2, "shift": shift, "squared": float(squared)}


def total_variation(a, b):
    p, q = np.array(a) / sum(a), np.array(b) / sum(b)
    return float(cityblock(p, q) / 2)


def main():
    out = {"scipy": scipy.__version__, "ks": list(ks()), "kolmogorov": list(kolmogorov()), "counts": list(counts()),
           "wasserstein": list(wasserstein()), "binomial": list(binomial()), "ranks": list(ranks()), "welch": list(welch()), "isotonic": list(isotonic()),
           "discrepancy": list(discrepancy()),
           "holm": {"p": [0.01, 0.04, 0.03, 0.005, 0.9, 0.04], "adjusted": holm([0.01, 0.04, 0.03, 0.005, 0.9, 0.04])}}
    with open(sys.argv[1], "w") as file:
        json.dump(out, file, indent=1)
        file.write("\n")


def holm(p):
    """Holm's step-down, by its definition rather than by sorting."""
    n = len(p)
    ranked = sorted(p)
    return [max(min(1.0, ranked[i] * (n - i)) for i in range(n) if ranked[i] <= value) for value in p]


if __name__ == "__main__":
    main()
