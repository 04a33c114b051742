"""Tables for recipe tests: one of every column type, training rows and rows that serving must survive."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pandas as pd
from onnx import TensorProto

from atoll_engines.recipes import FittedRecipe, GraphBuilder, InputColumn, raw_tensors

SCHEMA = [
    InputColumn("amount", "number"),
    InputColumn("skewed", "number"),
    InputColumn("gaps", "number"),
    InputColumn("count", "integer"),
    InputColumn("flag", "boolean"),
    InputColumn("when", "datetime"),
    InputColumn("until", "datetime"),
    InputColumn("colour", "category"),
    InputColumn("size", "category"),
    InputColumn("city", "category"),
    InputColumn("digits", "category"),
    InputColumn("dated", "category"),
    InputColumn("note", "text"),
]
NUMBERS = ["amount", "skewed", "gaps", "count", "flag"]
WORDS = [
    "good",
    "Bad",
    "service",
    "Éclair",
    "éclair",
    "STRASSE",
    "Straße",
    "日本語",
    "テスト",
    "😀",
    "İstanbul",
    "naïve",
    "don't",
    "x_y",
    "a",
    "3.14",
    "—",
    "ΑΒΓ",
    "αβγ",
]


def training_table(rows: int = 400, seed: int = 3) -> tuple[pd.DataFrame, np.ndarray]:
    """Raw rows with missing values, and a binary target that depends on them."""
    random = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "amount": random.normal(50, 20, rows),
            "skewed": random.lognormal(3, 1.5, rows) * random.choice([1, 1, 1, -1], rows),
            "gaps": random.normal(0, 1, rows),
            "count": random.integers(0, 30, rows).astype(float),
            "flag": random.integers(0, 2, rows).astype(float),
            "when": pd.to_datetime("2015-01-01") + pd.to_timedelta(random.integers(0, 3_000 * 86_400, rows), unit="s"),
            "until": pd.to_datetime("2024-01-01") + pd.to_timedelta(random.integers(0, 900 * 86_400, rows), unit="s"),
            "colour": random.choice(["red", "green", "blue", "", "Ünïcode"], rows, p=[0.4, 0.3, 0.2, 0.05, 0.05]),
            "size": random.choice(["S", "M", "L"], rows),
            "city": [f"city {index}" for index in random.zipf(1.4, rows) % 60],
            "digits": random.choice(["1", "2.5", "-3e2", "x", "", ".5", "00012", "1e5"], rows),
            "dated": random.choice(
                ["2024-02-29", "2023-02-29", "1999-12-31T23:59:59Z", "2024-03-01 10:20", "soon", "", "2024-13-01"], rows
            ),
            "note": [" ".join(random.choice(WORDS, random.integers(0, 9))) for _ in range(rows)],
        }
    )
    target = (frame["amount"] + 10 * frame["gaps"] + 15 * (frame["colour"] == "red") + random.normal(0, 10, rows) > 58).to_numpy()
    for name in ["gaps", "count", "when", "skewed"]:
        frame[name] = frame[name].mask(random.random(rows) < 0.12)
    return frame, np.where(target, "yes", "no")


def hard_rows(rows: int = 600, seed: int = 11) -> pd.DataFrame:
    """Rows with missing, unseen, empty, infinite and huge values."""
    frame, _ = training_table(rows, seed)
    random = np.random.default_rng(seed)
    for name in NUMBERS[:4]:
        odd = random.choice([np.nan, np.inf, -np.inf, 1e300, -1e300, 1e-300, 0.0, -0.0, -1.0, 1e19, 123.456], rows)
        frame[name] = np.where(random.random(rows) < 0.3, odd, frame[name].to_numpy(dtype=float))
    frame["flag"] = frame["flag"].mask(random.random(rows) < 0.1)
    for name in ["when", "until"]:
        odd = pd.to_datetime(random.choice(["1899-12-31", "1970-01-01", "2100-02-28T23:59:59.999", "1600-02-29"], rows), format="ISO8601")
        frame[name] = frame[name].where(random.random(rows) > 0.2, odd).mask(random.random(rows) < 0.1)
    for name in ["colour", "size", "city", "digits", "dated"]:
        odd = random.choice(
            ["", "unseen", "red ", "日本", "-1.5E-3", "+7.", "1e999", "nan", "inf", "2024-02-30", "2000-02-29T00:00:00+00:00"], rows
        )
        frame[name] = frame[name].where(random.random(rows) > 0.3, odd)
    frame["note"] = frame["note"].where(
        random.random(rows) > 0.2, random.choice(["", "  ", "GOOD good gOOd", "ÉCLAIR ÉClair", "…!?", "unseen words only"], rows)
    )
    return frame


def serve(fitted: FittedRecipe, frame: pd.DataFrame) -> np.ndarray:
    """The features that the recipe's graph computes in ONNX Runtime."""
    graph = GraphBuilder(fitted.inputs)
    tensor = fitted.emit(graph)
    model = graph.finish([(tensor, TensorProto.FLOAT, ["N", len(fitted.feature_names)])])
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, raw_tensors(frame, fitted.inputs))[0]


def assert_same(expected: np.ndarray, served: np.ndarray) -> None:
    """Equal NaNs, at least 99.9 % of cells equal to the bit, the others within 1e-6 of the column's scale."""
    assert expected.shape == served.shape
    assert expected.dtype == served.dtype == np.float32
    assert np.array_equal(np.isnan(expected), np.isnan(served))
    equal = (expected == served) | np.isnan(expected)
    assert equal.mean() >= 0.999, f"{1 - equal.mean():.2%} of the cells differ"
    if not equal.all():
        difference = np.abs(expected.astype(np.float64) - served)
        scale = np.maximum(np.abs(expected.astype(np.float64)), 1e-6)
        assert np.all(equal | (difference <= 1e-6 * np.maximum(scale, 1.0)))
