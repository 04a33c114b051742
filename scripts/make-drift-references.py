"""Writes what scipy says of fixed samples, for the tests of the drift statistics: python scripts/make-drift-references.py src/domains/monitoring/statistics/references.json"""

import json
import sys

import numpy as np
import scipy
from scipy import special, stats
from scipy.spatial.distance import jensenshannon


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
               "psi": float(np.sum((qf - pf) * np.log(qf / pf)))}


def main():
    out = {"scipy": scipy.__version__, "ks": list(ks()), "kolmogorov": list(kolmogorov()), "counts": list(counts()),
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
