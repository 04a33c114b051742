"""Small tables with every kind of column, one for each task."""

from __future__ import annotations

import numpy as np
import pandas as pd

ROWS = 240


def small_table(task: str, rows: int = ROWS, seed: int = 3) -> pd.DataFrame:
    """Numbers, whole numbers, words, booleans and dates, some of each missing, and a target that can be learnt."""
    random = np.random.default_rng(seed)
    size, speed = random.normal(size=rows), random.normal(10, 3, size=rows)
    calls = random.integers(0, 8, rows)
    plan = random.choice(["basic", "plus", "pro", "rare"], rows, p=[0.5, 0.3, 0.17, 0.03])
    active = random.random(rows) < 0.4
    since = pd.Timestamp("2024-01-01") + pd.to_timedelta(random.integers(0, 900, rows), unit="D")
    signal = size + 0.3 * calls + np.where(plan == "pro", 1.5, 0) + active * 0.8 - 1.4 + random.normal(0, 0.4, rows)
    frame = pd.DataFrame({"size": size, "speed": speed, "calls": calls.astype(float), "plan": plan, "active": active, "since": since})
    frame["active"] = frame["active"].astype(object)
    for name in ("size", "calls", "plan", "active", "since"):
        frame.loc[random.random(rows) < 0.06, name] = None
    if task == "binary":
        frame["target"] = np.where(signal > np.quantile(signal, 0.75), "yes", "no")
    elif task == "multiclass":
        frame["target"] = np.array(["low", "mid", "top"])[np.digitize(signal, np.quantile(signal, [0.4, 0.75]))]
    else:
        frame["target"] = signal * 40 + 300
    return frame


TYPES = {"calls": "integer", "active": "boolean", "since": "datetime", "size": "number"}
