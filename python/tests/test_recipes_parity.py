"""Every step, and chains of steps, compute in ONNX Runtime what they compute in Python."""

from __future__ import annotations

import numpy as np
import pytest
from recipe_tables import NUMBERS, SCHEMA, assert_same, hard_rows, serve, training_table

from atoll_engines.recipes import fit_recipe
from atoll_engines.recipes.catalogue import catalogue
from atoll_engines.recipes.registry import step_names

PARTS = catalogue()["date_parts"]["parameters"]["properties"]["parts"]["items"]["enum"]
ENCODE = {"step": "ordinal", "columns": ["colour", "size", "city", "digits", "dated"]}

CASES = {
    "convert to number": [{"step": "convert", "columns": ["digits", "dated"], "to": "number"}],
    "convert to integer": [{"step": "convert", "columns": ["digits", "amount"], "to": "integer"}],
    "convert to boolean": [{"step": "convert", "columns": ["digits", "amount"], "to": "boolean"}],
    "convert to datetime": [
        {"step": "convert", "columns": ["dated", "digits"], "to": "datetime"},
        {"step": "convert", "columns": ["dated", "digits"], "to": "number"},
    ],
    "convert numbers to datetime": [
        {"step": "convert", "columns": ["count"], "to": "datetime", "unit": "s"},
        {"step": "date_parts", "columns": ["count"]},
    ],
    "convert numbers to category": [
        {"step": "convert", "columns": NUMBERS, "to": "category"},
        {"step": "one_hot", "columns": NUMBERS, "maxCategories": 8},
    ],
    "convert category to text": [{"step": "convert", "columns": ["city"], "to": "text"}, {"step": "tfidf", "columns": ["city"]}],
    "drop_columns": [{"step": "drop_columns", "columns": ["amount"]}],
    "keep_columns": [{"step": "keep_columns", "columns": ["count", "amount", "size"]}, {"step": "ordinal", "columns": ["size"]}],
    "rename": [{"step": "rename", "names": {"amount": "count", "count": "amount"}}, {"step": "log", "columns": ["amount"]}],
    "drop_duplicates": [{"step": "drop_duplicates", "columns": ["count", "size"]}],
    "drop_missing_rows": [{"step": "drop_missing_rows", "columns": ["gaps", "colour"]}],
    "remove_outliers zscore": [{"step": "remove_outliers", "columns": NUMBERS}],
    "remove_outliers iqr": [{"step": "remove_outliers", "method": "iqr"}],
    "remove_outliers isolation_forest": [{"step": "remove_outliers", "method": "isolation_forest", "contamination": 0.1}],
    "impute mean": [{"step": "impute", "columns": "*numbers", "strategy": "mean", "indicator": True}],
    "impute median": [{"step": "impute", "columns": "*numbers", "strategy": "median"}],
    "impute mode": [{"step": "impute", "columns": "*all", "strategy": "mode", "indicator": True}],
    "impute constant": [{"step": "impute", "columns": "*numbers", "strategy": "constant", "value": -5}],
    "impute constant text": [{"step": "impute", "columns": "*categories", "strategy": "constant", "value": "none"}],
    "impute missing_category": [{"step": "impute", "columns": "*categories", "strategy": "missing_category"}, {"step": "one_hot"}],
    "impute knn": [{"step": "impute", "columns": "*numbers", "strategy": "knn", "indicator": True}],
    "impute iterative": [{"step": "impute", "columns": "*numbers", "strategy": "iterative"}],
    "drop_missing_columns": [{"step": "drop_missing_columns", "above": 0.1}],
    "cap zscore": [{"step": "cap", "method": "zscore", "threshold": 2}],
    "cap iqr": [{"step": "cap"}],
    "cap percentile": [{"step": "cap", "method": "percentile", "threshold": 5}],
    "winsorise": [{"step": "winsorise", "lower": 0.05, "upper": 0.9}],
    "log": [{"step": "log"}],
    "one_hot": [{"step": "one_hot", "columns": "*categories"}],
    "one_hot rare": [{"step": "one_hot", "columns": "*categories", "minFrequency": 0.1, "maxCategories": 3}],
    "one_hot numbers": [{"step": "one_hot", "columns": ["count", "flag", "size"], "maxCategories": 12}],
    "ordinal": [{"step": "ordinal", "columns": "*categories"}],
    "ordinal in order": [{"step": "ordinal", "columns": ["size"], "order": ["S", "M", "L"]}],
    "target_encode": [{"step": "target_encode", "columns": "*categories"}],
    "target_encode smoothed": [{"step": "target_encode", "columns": "*categories", "smoothing": 10}],
    "frequency_encode": [{"step": "frequency_encode", "columns": "*categories"}],
    "hash_encode": [{"step": "hash_encode", "columns": ["city", "colour", "note"], "buckets": 7}],
    "standard_scale": [{"step": "standard_scale"}],
    "min_max_scale": [{"step": "min_max_scale"}],
    "robust_scale": [{"step": "robust_scale"}],
    "bin uniform": [{"step": "bin", "strategy": "uniform", "bins": 7}],
    "bin quantile": [{"step": "bin"}],
    "log1p": [{"step": "log1p"}],
    "yeo_johnson": [{"step": "yeo_johnson"}],
    "quantile_transform": [{"step": "quantile_transform"}],
    "quantile_transform normal": [{"step": "quantile_transform", "output": "normal", "quantiles": 20}],
    "derive": [
        {"step": "derive", "name": "a", "expression": "(amount - gaps) / count * 2 + min(amount, count, 7) - max(0, gaps)"},
        {"step": "derive", "name": "b", "expression": "if(amount > 50, log1p(skewed), sqrt(abs(gaps))) + is_missing(gaps)"},
        {
            "step": "derive",
            "name": "c",
            "expression": "coalesce(gaps, count, -1) + (colour == 'red') - (size != \"M\") * 2 + is_missing(colour)",
        },
        {"step": "derive", "name": "d", "expression": "amount + skewed + gaps + count"},
        {
            "step": "derive",
            "name": "e",
            "expression": "-log(amount) * (3 <= count) + (gaps == gaps) / (flag != 0) + (1 < amount) + (count >= 4)",
        },
    ],
    "ratio": [{"step": "ratio", "numerator": "amount", "denominator": "count"}],
    "interact": [{"step": "interact", "columns": ["amount", "gaps", "count"], "degree": 3}],
    "polynomial": [{"step": "polynomial", "columns": ["amount", "gaps"], "degree": 3}],
    "date_parts": [{"step": "date_parts", "columns": ["when", "until"], "parts": PARTS}],
    "time_since": [{"step": "time_since", "columns": ["when"], "reference": "2020-01-01", "unit": "hours"}],
    "time_since latest": [{"step": "time_since", "columns": ["when", "until"], "unit": "years"}],
    "time_since column": [{"step": "time_since", "columns": ["when"], "reference": "until"}],
    "tfidf": [{"step": "tfidf", "columns": ["note"], "minDocuments": 1}],
    "tfidf sublinear": [{"step": "tfidf", "columns": ["note"], "minDocuments": 1, "sublinear": True}],
    "tfidf ngrams": [{"step": "tfidf", "columns": ["note", "city"], "ngrams": 3, "maxFeatures": 80}],
    "select_variance": [{"step": "select_variance", "above": 1.0}],
    "select_correlation": [{"step": "derive", "name": "twin", "expression": "amount * 2"}, {"step": "select_correlation", "above": 0.9}],
    "select_mutual_information": [{"step": "select_mutual_information", "keep": 2}],
    "select_importance": [{"step": "select_importance", "keep": 3}],
    "select_recursive": [{"step": "select_recursive", "keep": 2}],
    "pca": [{"step": "pca", "columns": ["amount", "gaps", "count"], "components": 2}],
    "no step": [],
}


@pytest.fixture(scope="module")
def table():
    return training_table()


def finished(steps: list[dict], frame, target, task: str = "binary"):
    """The steps, then what is needed for every column to be a number."""
    from atoll_engines.recipes.fitted import fit_steps

    left = fit_steps(steps, frame, SCHEMA, target, task, 1).columns.types
    not_numbers = [name for name, kind in left.items() if kind not in ("number", "integer", "boolean")]
    tail = [{"step": "drop_columns", "columns": not_numbers}] if not_numbers else []
    return fit_recipe([*steps, *tail], frame, SCHEMA, target, task, 1)


@pytest.mark.parametrize("name", CASES)
def test_a_step_serves_what_it_trained(name, table):
    fitted = finished(CASES[name], *table)
    rows = hard_rows()
    assert_same(fitted.transform(rows), serve(fitted, rows))
    assert_same(fitted.transform(rows.head(1)), serve(fitted, rows.head(1)))
    assert_same(fitted.transform(table[0]), serve(fitted, table[0]))


def test_every_step_of_the_catalogue_is_tested_here():
    tested = {step["step"] for steps in CASES.values() for step in steps}
    assert set(step_names()) == set(catalogue()) == tested


@pytest.mark.parametrize("task", ["multiclass", "regression"])
def test_target_encoding_serves_what_it_trained_for_other_tasks(task, table):
    frame, _ = table
    target = frame["size"].to_numpy() if task == "multiclass" else frame["amount"].to_numpy()
    fitted = finished([{"step": "target_encode", "columns": ["city", "colour"]}], frame, target, task)
    rows = hard_rows()
    assert len([name for name in fitted.feature_names if name.startswith("city")]) == (3 if task == "multiclass" else 1)
    assert_same(fitted.transform(rows), serve(fitted, rows))


def random_chain(random: np.random.Generator) -> list[dict]:
    """A plausible recipe: some steps of each stage, in the order in which people use them."""

    def some(options: list, most: int) -> list:
        return [options[index] for index in random.permutation(len(options))[: random.integers(0, most + 1)]]

    dates = [
        {"step": "date_parts", "columns": ["when"], "parts": list(random.choice(PARTS, 4, replace=False)), "keep": True},
        {"step": "time_since", "columns": ["until"], "keep": True},
    ]
    early = [
        {"step": "cap"},
        {"step": "remove_outliers"},
        {"step": "derive", "name": "d1", "expression": "amount / count + skewed"},
        {"step": "winsorise"},
        {"step": "ratio", "numerator": "skewed", "denominator": "amount"},
        {"step": "drop_duplicates"},
    ]
    strategy = str(random.choice(["mean", "median", "mode", "knn", "iterative"]))
    fill = [{"step": "impute", "columns": "*numbers", "strategy": strategy, "indicator": bool(random.integers(2))}]
    shape = [
        {"step": "log"},
        {"step": "yeo_johnson"},
        {"step": "quantile_transform"},
        {"step": "bin", "columns": ["amount"]},
        {"step": "polynomial", "columns": ["amount", "gaps"]},
        {"step": "standard_scale"},
        {"step": "robust_scale"},
    ]
    encode = [
        {"step": kind, "columns": [name]}
        for name, kind in zip(
            ["colour", "size", "city", "digits"],
            random.choice(["one_hot", "ordinal", "target_encode", "frequency_encode", "hash_encode"], 4),
            strict=True,
        )
    ]
    text = [{"step": "tfidf", "columns": ["note"], "ngrams": int(random.integers(1, 4))}]
    late = [
        {"step": "select_variance"},
        {"step": "select_importance", "keep": 9},
        {"step": "select_correlation"},
        {"step": "pca", "components": 4},
        {"step": "min_max_scale"},
    ]
    return [*some(dates, 2), *some(early, 3), *some(fill, 1), *some(shape, 2), *some(encode, 4), *some(text, 1), *some(late, 2)]


@pytest.mark.parametrize("seed", range(25))
def test_random_chains_serve_what_they_trained(seed, table):
    fitted = finished(random_chain(np.random.default_rng(seed)), *table)
    # Infinite and huge values overflow differently in sums of products; they are tested for each step alone.
    rows = hard_rows(300, seed)
    for name in NUMBERS[:4]:
        rows[name] = rows[name].where(np.abs(rows[name]) < 1e6)
    assert_same(fitted.transform(rows), serve(fitted, rows))
