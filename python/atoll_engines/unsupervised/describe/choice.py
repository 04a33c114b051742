"""Why so many groups: the curves that a number of groups was chosen by."""

from __future__ import annotations

from typing import Any

import numpy as np

from atoll_engines.unsupervised.search import Record

REFERENCES, MOST_ROWS = 8, 1500
SHOWN = ("inertia", "bic", "aic")


def choice_curves(records: list[Record], best: Record, names: tuple[str, ...]) -> list[dict[str, Any]]:
    """For each algorithm with a number of groups: every metric at every number, as the folds gave them."""
    curves = []
    for algorithm in dict.fromkeys(one.algorithm for one in records):
        done = [one for one in records if one.algorithm == algorithm and one.outcome.state == "complete"]
        key = next((name for name in ("clusters", "topics") if done and name in done[0].params), None)
        if key is None:
            continue
        points = [
            {
                "groups": one.params[key],
                "params": {name: value for name, value in one.params.items() if name != key},
                "metrics": {name: {"mean": one.outcome.mean(name), "std": one.outcome.std(name)} for name in names},
                "facts": {name: one.outcome.facts[name] for name in SHOWN if name in one.outcome.facts},
                "trial": one.trial,
            }
            for one in sorted(done, key=lambda one: (str({**one.params, key: None}), one.params[key]))
        ]
        chosen = best.params[key] if best.algorithm == algorithm else None
        curves.append({"algorithm": algorithm, "points": points, "chosen": chosen})
    return curves


def elbow(points: list[tuple[int, float]]) -> int | None:
    """Where a falling curve bends most: the point farthest below the line between its ends (Satopää and others 2011)."""
    if len(points) < 3:
        return None
    x, y = (np.array(axis, np.float64) for axis in zip(*sorted(points), strict=True))
    if x[-1] == x[0] or y[0] == y[-1]:
        return None
    below = (x - x[0]) / (x[-1] - x[0]) + (y - y[-1]) / (y[0] - y[-1])
    return int(x[np.argmin(below)])


def gap_statistic(x: np.ndarray, counts: list[int], seed: int) -> dict[str, Any]:
    """Tibshirani, Walther and Hastie 2001: how much tighter k-means groups the rows than it groups even ones.

    References are drawn evenly from the box of the principal components; the number of groups is the least whose gap is
    within a standard error of the next one's.
    """
    from sklearn.cluster import KMeans

    random = np.random.default_rng(seed)
    if len(x) > MOST_ROWS:
        x = x[np.sort(random.choice(len(x), MOST_ROWS, replace=False))]
    x = x.astype(np.float64) - x.mean(axis=0)
    axes = np.linalg.svd(x, full_matrices=False)[2]
    turned = x @ axes.T
    low, high = turned.min(axis=0), turned.max(axis=0)
    references = [random.uniform(low, high, turned.shape) @ axes for _ in range(REFERENCES)]

    def spread(points: np.ndarray, count: int) -> float:
        found = KMeans(count, n_init=2, random_state=seed).fit(points)
        return float(np.log(max(found.inertia_, 1e-300)))

    points = []
    for count in counts:
        logs = np.array([spread(one, count) for one in references])
        points.append(
            {"groups": count, "gap": float(logs.mean() - spread(x, count)), "error": float(logs.std() * np.sqrt(1 + 1 / REFERENCES))}
        )
    chosen = next(
        (one["groups"] for one, after in zip(points, points[1:], strict=False) if one["gap"] >= after["gap"] - after["error"]), None
    )
    return {"points": points, "chosen": chosen}
