"""Writes what pandas and scipy say of the example tables, for the tests of the profile: python scripts/make-profile-references.py src/domains/datasets/profile/references.json"""

import itertools
import json
import sys

import numpy as np
import pandas as pd
from scipy.stats.contingency import association

TABLES = {
    "telco": ("examples/telco/telco_churn.csv", "churn"),
    "penguins": ("examples/penguins/penguins.csv", "Species"),
    "credit": ("examples/german-credit/german_credit.csv", "class"),
}
QUANTILES = {"p01": 0.01, "p05": 0.05, "p25": 0.25, "p50": 0.5, "p75": 0.75, "p95": 0.95, "p99": 0.99}


def offset_table() -> pd.DataFrame:
    """Numbers far from zero: a formula that squares before it centres fails here. The same as offsetTable in the test."""
    rows = np.arange(1000)
    return pd.DataFrame({"far": 1e9 + (rows * 7919 % 1000) / 1000, "near": rows * 31 % 97, "group": ["abc"[row * row % 3] for row in rows]})


def skewness(values: np.ndarray) -> float:
    """Adjusted, in extended precision: pandas loses digits far from zero."""
    centred = values - values.mean()
    n = len(values)
    m2, m3 = (centred**2).mean(), (centred**3).mean()
    return float(m3 / m2**1.5 * np.sqrt(n * (n - 1.0)) / (n - 2)) if m2 > 0 else 0.0


def column(values: pd.Series) -> dict:
    found = {"count": int(values.count()), "missing": int(values.isna().sum()), "distinct": int(values.nunique())}
    if pd.api.types.is_numeric_dtype(values):
        counts, edges = np.histogram(values.dropna(), bins=30)
        q1, q3 = values.quantile(0.25), values.quantile(0.75)
        found["numeric"] = {
            "min": float(values.min()), "max": float(values.max()), "mean": float(np.mean(values.dropna().to_numpy(np.longdouble))),
            "std": float(values.std()), "skewness": skewness(values.dropna().to_numpy(np.longdouble)), "zeros": int((values == 0).sum()), "negative": int((values < 0).sum()),
            "quantiles": {name: float(values.quantile(share)) for name, share in QUANTILES.items()},
            "outliers": [int((values < q1 - 1.5 * (q3 - q1)).sum()), int((values > q3 + 1.5 * (q3 - q1)).sum())],
        }
        found["histogram"] = {"counts": counts.tolist(), "edges": edges.tolist()}
    else:
        found["top"] = sorted(((str(value), int(n)) for value, n in values.value_counts().items()), key=lambda one: (-one[1], one[0]))[:10]
    return found


def correlation_ratio(numbers: pd.Series, groups: pd.Series) -> float:
    both = pd.DataFrame({"x": numbers, "g": groups}).dropna()
    x = both["x"] - both["x"].mean()
    means = x.groupby(both["g"]).transform("mean")
    return float(np.sqrt((means**2).sum() / (x**2).sum()))


def correlation(a: pd.Series, b: pd.Series) -> float:
    numeric = [pd.api.types.is_numeric_dtype(one) for one in (a, b)]
    if all(numeric):
        return float((a - a.mean()).corr(b - b.mean()))
    if not any(numeric):
        return float(association(pd.crosstab(a, b).to_numpy(), method="cramer", correction=False))
    return correlation_ratio(a, b) if numeric[0] else correlation_ratio(b, a)


def table(data: pd.DataFrame) -> dict:
    # A column with one value has no correlation.
    varied = [name for name in data.columns if data[name].nunique() > 1]
    pairs = {f"{a}|{b}": correlation(data[a], data[b]) for a, b in itertools.combinations(varied, 2)}
    return {"rows": len(data), "duplicates": int(data.duplicated().sum()), "columns": {name: column(data[name]) for name in data.columns}, "pairs": pairs}


def main() -> None:
    tables = {name: table(pd.read_csv(path, keep_default_na=False, na_values=[""])) for name, (path, _) in TABLES.items()}
    tables["offset"] = table(offset_table())
    with open(sys.argv[1], "w") as out:
        json.dump({"pandas": pd.__version__, "tables": tables}, out, indent=None, separators=(",", ":"))
        out.write("\n")


main()
