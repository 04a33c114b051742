"""How good forecasts are. Less is better, but for the coverage, which should be what was promised."""

from __future__ import annotations

import numpy as np

QUANTILES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
MIDDLE = QUANTILES.index(0.5)


def seasonal_error(values: np.ndarray, season: int) -> float:
    """The mean absolute error of the seasonal naive forecast on the series itself: the scale of MASE (Hyndman and Koehler 2006)."""
    if len(values) <= season:
        return float("nan")
    return float(np.nanmean(np.abs(values[season:] - values[:-season])))


def score_all(actual: np.ndarray, quantiles: np.ndarray, scale: np.ndarray, weights: np.ndarray | None = None) -> dict[str, float]:
    """Every metric over windows: actual [n, horizon], quantiles [n, horizon, 9], scale [n] (that of MASE), weights [n] of the windows.

    mase: mean of |error| / scale. quantile_loss: twice the pinball loss over all quantiles and values, by the sum of |actual| (wQL, as
    in Park et al. 2022). coverage_80: share of values from the 10 % to the 90 % quantile. smape: 200 % |error| / (|actual| + |forecast|).
    """
    weight = np.ones(len(actual)) if weights is None else weights
    total = weight.sum() * actual.shape[1]
    middle = quantiles[:, :, MIDDLE]
    off = np.abs(actual - middle)

    def mean(values: np.ndarray) -> float:
        return float((values * weight[:, None]).sum() / total)

    levels = np.array(QUANTILES)
    miss = actual[:, :, None] - quantiles
    pinball = np.maximum(levels * miss, (levels - 1) * miss).mean(axis=2)
    size = (np.abs(actual) * weight[:, None]).sum()
    covered = (actual >= quantiles[:, :, 0]) & (actual <= quantiles[:, :, -1])
    both = np.abs(actual) + np.abs(middle)
    return {
        "mase": mean(off / scale[:, None]),
        "quantile_loss": float(2 * (pinball * weight[:, None]).sum() / size) if size > 0 else float("nan"),
        "coverage_80": mean(covered),
        "mae": mean(off),
        "rmse": mean(off**2) ** 0.5,
        "smape": mean(np.where(both > 0, 200 * off / np.where(both > 0, both, 1), 0.0)),
    }


def gain(metric: str, value: float) -> float:
    """A value so turned that more is better; a coverage is good near the 80 % it promises."""
    return -abs(value - 0.8) if metric == "coverage_80" else -value
