"""Figures that the sequential statistics must agree with, by other ways: integrals and sums by brute force, with scipy and numpy."""

import json
import math
from pathlib import Path

import numpy as np
from scipy import integrate, optimize

TUNED_TO = 2000
STAKES = [0.9 * 0.68**k for k in range(14)]


def mixture_variance(alpha: float) -> float:
    """The spread of the prior, in units of the variance of one row."""
    log = -2 * math.log(alpha)
    return (log + math.log(log + 1)) / TUNED_TO


def evidence(value: float, variance: float, rows: int, alpha: float) -> float:
    """The likelihood ratio averaged over a normal prior of effects, by quadrature."""
    scale = math.sqrt(rows * variance) * math.sqrt(mixture_variance(alpha))

    def integrand(effect: float) -> float:
        ratio = (value * effect - effect * effect / 2) / variance
        return math.exp(ratio - effect * effect / (2 * scale * scale)) / (scale * math.sqrt(2 * math.pi))

    width = 12 * scale + abs(value)
    found, _ = integrate.quad(integrand, -width, width, points=[0.0, value], limit=2000, epsabs=0, epsrel=1e-12)
    return found


def sequential(a: dict, b: dict, alpha: float) -> dict:
    """Interval by root finding: the differences whose evidence against them is below 1 / alpha."""
    variance = a["variance"] / a["rows"] + b["variance"] / b["rows"]
    rows = a["rows"] + b["rows"]
    value = b["mean"] - a["mean"]
    p = min(1.0, 1 / evidence(value, variance, rows, alpha))
    radius = optimize.brentq(
        lambda r: math.log(evidence(r, variance, rows, alpha)) + math.log(alpha), 1e-9, 12 * math.sqrt(variance), xtol=1e-14
    )
    return {"value": value, "low": value - radius, "high": value + radius, "pValue": p}


def capital(values: np.ndarray, mean: float) -> float:
    """The mean over stakes of the plain product."""
    return float(np.mean([np.prod(1 + stake * (values / mean - 1)) for stake in STAKES]))


def betting(values: np.ndarray, alpha: float) -> dict:
    """The interval by root finding on the plain products."""

    def low_end(x: np.ndarray) -> float:
        def over(m: float) -> float:
            return capital(x, m) - 2 / alpha

        return optimize.brentq(over, 1e-4, x.mean(), xtol=1e-14) if over(1e-4) > 0 else 0.0

    return {"mean": float(values.mean()), "low": low_end(values), "high": 1 - low_end(1 - values), "rows": len(values)}


def main() -> None:
    rng = np.random.default_rng(4)
    cases = []
    for rows_a, rows_b, mean_a, mean_b, var_a, var_b, alpha in [
        (500, 500, 0.1, 0.12, 0.09, 0.1056, 0.05),
        (950, 50, 0.5, 0.62, 0.25, 0.2356, 0.05),
        (4000, 4200, 3.1, 3.3, 9.0, 8.0, 0.01),
        (40, 40, 0.2, 0.2, 0.16, 0.16, 0.1),
    ]:
        a = {"rows": rows_a, "mean": mean_a, "variance": var_a}
        b = {"rows": rows_b, "mean": mean_b, "variance": var_b}
        cases.append({"a": a, "b": b, "alpha": alpha, **sequential(a, b, alpha)})
    bets = []
    for rows, mean, alpha in [(60, 0.5, 0.05), (200, 0.08, 0.05), (300, 0.9, 0.01)]:
        values = np.round(rng.beta(mean * 6, (1 - mean) * 6, rows), 6)
        bets.append({"values": values.tolist(), "alpha": alpha, "capital": {"at": 0.4, "value": capital(values, 0.4)}, **betting(values, alpha)})
    flips = (rng.random(250) < 0.3).astype(float)
    bets.append({"values": flips.tolist(), "alpha": 0.05, "capital": {"at": 0.2, "value": capital(flips, 0.2)}, **betting(flips, 0.05)})
    Path(__file__).with_name("reference.json").write_text(json.dumps({"differences": cases, "bets": bets}) + "\n")


if __name__ == "__main__":
    main()
