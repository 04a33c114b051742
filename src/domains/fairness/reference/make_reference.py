"""Writes fairlearn's and SciPy's figures, and those of formulae written out by hand, for a few tables: the TypeScript measures are held to them.

python make_reference.py [SEED ROWS] > figures.json, with fairlearn 0.15.0 (which brings SciPy and scikit-learn).
"""

import json
import math
import sys

import numpy as np
from fairlearn import metrics as fl
from scipy import stats
from scipy.spatial.distance import jensenshannon
from sklearn.metrics import accuracy_score, precision_score, recall_score
from sklearn.neighbors import KNeighborsClassifier


def table(rng: np.random.Generator, rows: int, rare: float) -> dict:
    d = (rng.random(rows) < rare).astype(int)
    stratum = rng.integers(0, 4, rows)
    label = rng.choice(3, rows, p=[0.5, 0.3, 0.2])
    label = np.where((d == 1) & (rng.random(rows) < 0.3), 1, label)
    actual = (label == 0).astype(int)
    predicted = np.where(rng.random(rows) < 0.75, actual, rng.integers(0, 2, rows))
    predicted = np.where((d == 1) & (stratum == 2) & (rng.random(rows) < 0.4), 0, predicted)
    return {"d": d, "stratum": stratum, "label": label, "actual": actual, "predicted": predicted}


def rates(actual: np.ndarray, predicted: np.ndarray) -> dict:
    return {
        "tp": int(((actual == 1) & (predicted == 1)).sum()),
        "fp": int(((actual == 0) & (predicted == 1)).sum()),
        "fn": int(((actual == 1) & (predicted == 0)).sum()),
        "tn": int(((actual == 0) & (predicted == 0)).sum()),
    }


def disparity(d: np.ndarray, accepted: np.ndarray, stratum: np.ndarray) -> float:
    total = 0.0
    for s in np.unique(stratum):
        inside = stratum == s
        yes, no = inside & (accepted == 1), inside & (accepted == 0)
        # Where all are accepted, or all rejected, there is no disparity to see.
        if yes.any() and no.any():
            total += inside.sum() * ((d[no] == 1).mean() - (d[yes] == 1).mean())
    return total / len(d)


def entropy_index(actual: np.ndarray, predicted: np.ndarray) -> float:
    benefit = predicted - actual + 1
    return float(np.mean((benefit / benefit.mean()) ** 2 - 1) / 2)


def by_fairlearn(case: dict, metric) -> tuple[float, float]:
    frame = fl.MetricFrame(metrics=metric, y_true=case["actual"], y_pred=case["predicted"], sensitive_features=case["d"])
    return float(frame.by_group[0]), float(frame.by_group[1])


def figures(case: dict) -> dict:
    d, label, actual, predicted = case["d"], case["label"], case["actual"], case["predicted"]
    a_side, d_side = d == 0, d == 1
    p = np.array([(label[a_side] == k).mean() for k in range(3)])
    q = np.array([(label[d_side] == k).mean() for k in range(3)])
    selected = by_fairlearn(case, fl.selection_rate)
    recall = by_fairlearn(case, fl.true_positive_rate)
    specificity = by_fairlearn(case, fl.true_negative_rate)
    accuracy = by_fairlearn(case, accuracy_score)
    precision = by_fairlearn(case, lambda t, y: precision_score(t, y, zero_division=np.nan))
    negative = by_fairlearn(case, lambda t, y: recall_score(1 - y, 1 - t, zero_division=np.nan))
    counts = [rates(actual[side], predicted[side]) for side in (a_side, d_side)]
    acceptance = [(c["tp"] + c["fn"]) / (c["tp"] + c["fp"]) for c in counts]
    rejection = [(c["fp"] + c["tn"]) / (c["fn"] + c["tn"]) for c in counts]
    errors = [c["fn"] / c["fp"] for c in counts]
    sensitive = {"y_true": actual, "y_pred": predicted, "sensitive_features": d}
    ratio = selected[1] / selected[0]
    # fairlearn's ratio is the smaller share over the larger.
    assert math.isclose(min(ratio, 1 / ratio), fl.demographic_parity_ratio(**sensitive))
    assert math.isclose(abs(selected[0] - selected[1]), fl.demographic_parity_difference(**sensitive))
    return {
        "class_imbalance": float((a_side.sum() - d_side.sum()) / len(d)),
        "label_difference": float(actual[a_side].mean() - actual[d_side].mean()),
        "kl_divergence": float(stats.entropy(p, q)),
        "js_divergence": float(jensenshannon(p, q) ** 2),
        "lp_norm": float(np.linalg.norm(p - q, 2)),
        "total_variation": float(np.linalg.norm(p - q, 1) / 2),
        "kolmogorov_smirnov": float(np.linalg.norm(p - q, np.inf)),
        "conditional_disparity_labels": disparity(d, actual, case["stratum"]),
        "disparate_impact": ratio,
        "positive_difference": selected[0] - selected[1],
        "accuracy_difference": accuracy[0] - accuracy[1],
        "recall_difference": recall[0] - recall[1],
        "specificity_difference": specificity[1] - specificity[0],
        "acceptance_rate_difference": precision[0] - precision[1],
        "rejection_rate_difference": negative[1] - negative[0],
        "conditional_acceptance_difference": acceptance[0] - acceptance[1],
        "conditional_rejection_difference": rejection[1] - rejection[0],
        "treatment_equality": errors[1] - errors[0],
        "equalised_odds_difference": fl.equalized_odds_difference(**sensitive),
        "generalised_entropy": entropy_index(actual, predicted),
        "conditional_disparity_predicted": disparity(d, predicted, case["stratum"]),
    }


def holm(p: list[float]) -> list[float]:
    order = sorted(range(len(p)), key=lambda i: p[i])
    found, most = [0.0] * len(p), 0.0
    for rank, i in enumerate(order):
        most = max(most, min(1.0, (len(p) - rank) * p[i]))
        found[i] = most
    return found


def newcombe(x: int, n: int, y: int, m: int) -> list[float]:
    first = stats.binomtest(x, n).proportion_ci(method="wilson")
    second = stats.binomtest(y, m).proportion_ci(method="wilson")
    a, b = x / n, y / m
    low = a - b - math.hypot(a - first.low, second.high - b)
    return [low, a - b + math.hypot(first.high - a, b - second.low)]


def katz(x: int, n: int, y: int, m: int) -> list[float]:
    found = stats.contingency.relative_risk(x, n, y, m).confidence_interval()
    return [found.low, found.high]


def same(x: int, n: int, y: int, m: int) -> float:
    square = np.array([[x, n - x], [y, m - y]])
    if x + y in (0, n + m):
        return 1.0
    if stats.contingency.expected_freq(square).min() < 5:
        return float(stats.fisher_exact(square).pvalue)
    return float(stats.chi2_contingency(square, correction=False).pvalue)


def proportions(rng: np.random.Generator) -> list[dict]:
    pairs = [(0, 7, 3, 9), (1, 4, 30, 40), (5, 5, 2, 6), (12, 40, 90, 200), (340, 1000, 410, 1000), (2, 3, 700, 1200)]
    pairs += [tuple(int(v) for v in (rng.integers(1, n), n, rng.integers(1, m), m)) for n, m in rng.integers(3, 400, (20, 2))]
    found = []
    for x, n, y, m in pairs:
        one = stats.binomtest(x, n).proportion_ci(method="wilson")
        found.append(
            {
                "pair": [x, n, y, m],
                "wilson": [one.low, one.high],
                "newcombe": newcombe(x, n, y, m),
                "katz": katz(x, n, y, m) if x > 0 else None,
                "p": same(x, n, y, m),
            }
        )
    return found


def flips(rng: np.random.Generator) -> dict:
    points = np.round(rng.normal(size=(120, 4)) * [1, 20, 300, 0.01], 6)
    d = (rng.random(120) < 0.3).astype(int)
    predicted = ((points[:, 0] + 0.4 * rng.normal(size=120) - 0.5 * d) > 0).astype(int)
    scaled = (points - points.mean(axis=0)) / points.std(axis=0)
    nearest = KNeighborsClassifier(5).fit(scaled[d == 0], predicted[d == 0]).predict(scaled[d == 1])
    mine = predicted[d == 1]
    up, down = int(((nearest == 1) & (mine == 0)).sum()), int(((nearest == 0) & (mine == 1)).sum())
    return {
        "points": points.tolist(),
        "d": d.tolist(),
        "predicted": predicted.tolist(),
        "toFavourable": up,
        "toUnfavourable": down,
        "value": (up - down) / int(d.sum()),
    }


def main() -> None:
    seed, rows = (int(value) for value in (*sys.argv[1:], 7, 400)[:2])
    rng = np.random.default_rng(seed)
    cases = [table(rng, rows, rare) for rare in (0.5, 0.3, 0.12)]
    tests = proportions(rng)
    p_values = [one["p"] for one in tests]
    json.dump(
        {
            "cases": [{**{name: values.tolist() for name, values in case.items()}, "figures": figures(case)} for case in cases],
            "proportions": tests,
            "flip": [flips(rng) for _ in range(2)],
            "holm": {"p": p_values, "adjusted": holm(p_values)},
        },
        sys.stdout,
    )


if __name__ == "__main__":
    main()
