"""The automatic recipe and the derived features it proposes."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from recipe_tables import SCHEMA, assert_same, hard_rows, serve, training_table

from atoll_engines.recipes import InputColumn, auto_recipe, fit_recipe, propose_derived


def table_with_everything(rows: int = 400) -> tuple[pd.DataFrame, list[InputColumn], np.ndarray]:
    frame, target = training_table(rows)
    random = np.random.default_rng(2)
    frame["customer_id"] = np.arange(rows) + 1000
    frame["email"] = [f"person{index}@example.org" for index in range(rows)]
    frame["constant"] = "same"
    frame["nothing"] = np.nan
    frame["noise"] = random.integers(0, 40, rows).astype(str)
    frame["twin"] = frame["amount"] * 3 + 1
    extra = {
        "customer_id": "integer",
        "email": "category",
        "constant": "category",
        "nothing": "number",
        "noise": "category",
        "twin": "number",
    }
    return frame, [*SCHEMA, *(InputColumn(name, kind) for name, kind in extra.items())], target


@pytest.mark.parametrize("family", ["tree", "linear", "distance", "embedding", None])
def test_the_automatic_recipe_fits_serves_and_gives_a_reason_for_each_step(family):
    frame, schema, target = table_with_everything()
    steps, reasons = auto_recipe(frame, schema, target, "binary", 7, family)
    assert len(steps) == len(reasons)
    fitted = fit_recipe(steps, frame, schema, target, "binary", 7)
    rows = hard_rows().assign(customer_id=1, email="x", constant="y", nothing=np.nan, noise="3", twin=2.0)
    assert_same(fitted.transform(rows), serve(fitted, rows))
    if family != "tree":
        sane = frame.sample(50, random_state=1)
        assert np.isfinite(fitted.transform(sane)).all()


def test_useless_columns_go_and_the_reason_says_why():
    frame, schema, target = table_with_everything()
    steps, reasons = auto_recipe(frame, schema, target, "binary", 7, "tree")
    assert steps[0]["step"] == "drop_columns"
    assert set(steps[0]["columns"]) - {"city"} == {"customer_id", "email", "constant", "nothing", "noise"}
    for said in (
        "customer_id has a different number in every row",
        "email has 400 different values in 400 rows",
        "constant has the same value in every row",
        "nothing has no value at all",
        "noise has 40 values between which the target hardly differs (chi-square test, p = 0.",
    ):
        assert said in reasons[0]


def test_linear_models_get_no_copies_and_trees_keep_missing_values():
    frame, schema, target = table_with_everything()
    linear, reasons = auto_recipe(frame, schema, target, "binary", 7, "linear")
    assert any(step["step"] == "drop_columns" and "twin" in step["columns"] for step in linear)
    assert any("twin repeats amount" in reason for reason in reasons)
    tree, _ = auto_recipe(frame, schema, target, "binary", 7, "tree")
    assert not any(step["step"] in ("impute", "standard_scale") for step in tree)


def usage_table(rows: int = 1500) -> tuple[pd.DataFrame, list[InputColumn], np.ndarray]:
    """Usage in parts; who leaves is decided by the whole and by a ratio."""
    random = np.random.default_rng(4)
    frame = pd.DataFrame(
        {
            f"total_{part}_{unit}": random.gamma(4, scale, rows)
            for part in ("day", "eve", "night")
            for unit, scale in (("minutes", 50), ("calls", 25))
        }
    )
    frame["age"] = random.integers(18, 90, rows)
    whole = frame.filter(like="minutes").sum(axis=1)
    each = frame["total_night_minutes"] / frame["total_night_calls"]
    target = ((whole > whole.quantile(0.8)) | (each > each.quantile(0.9))).astype(int).to_numpy()
    return frame, [InputColumn(name, "number") for name in frame], target


def test_proposes_sums_shares_and_ratios_by_their_names_best_first():
    frame, schema, target = usage_table()
    found = propose_derived(frame, schema, target, "binary", 7)
    assert len(found) <= 12
    expressions = [one["expression"] for one in found]
    assert "total_day_minutes + total_eve_minutes + total_night_minutes" in expressions[:3]
    assert any(one in expressions[:4] for one in ("total_night_minutes / total_night_calls", "total_night_calls / total_night_minutes"))
    assert all(one["why"].endswith(".") and one["name"] not in frame.columns for one in found)
    assert len({one["name"] for one in found}) == len(found)
    steps = [{"step": "derive", "name": one["name"], "expression": one["expression"]} for one in found]
    fitted = fit_recipe(steps, frame, schema, target, "binary", 7)
    assert_same(fitted.transform(frame), serve(fitted, frame))


def test_proposals_do_not_depend_on_the_target_being_known():
    frame, schema, target = usage_table()
    blind = {one["expression"] for one in propose_derived(frame, schema, None, "binary", 7)}
    assert "total_day_minutes + total_eve_minutes + total_night_minutes" in blind
    # A shuffled target changes the order, never the kind: every proposal reads input columns only.
    shuffled = propose_derived(frame, schema, np.random.default_rng(0).permutation(target), "binary", 7)
    assert all("target" not in one["expression"] for one in shuffled)


def test_proposes_to_count_columns_that_say_yes():
    random = np.random.default_rng(1)
    frame = pd.DataFrame({name: random.choice(["Yes", "No"], 500) for name in ("tv", "films", "backup", "security")})
    target = ((frame == "Yes").sum(axis=1) > 2).astype(int).to_numpy()
    found = propose_derived(frame, [InputColumn(name, "category") for name in frame], target, "binary", 7)
    assert found[0]["expression"] == '(tv == "Yes") + (films == "Yes") + (backup == "Yes") + (security == "Yes")'


def test_a_derived_feature_that_the_target_follows_is_worth_much_to_a_model():
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score

    frame, schema, target = usage_table()
    top = propose_derived(frame, schema, target, "binary", 7)[:4]
    derive = [{"step": "derive", "name": one["name"], "expression": one["expression"]} for one in top]
    tail = [{"step": "impute"}, {"step": "standard_scale"}]
    train, test = np.arange(1000), np.arange(1000, 1500)

    def auc(steps) -> float:
        fitted = fit_recipe(steps, frame.iloc[train], schema, target[train], "binary", 7)
        model = LogisticRegression(max_iter=500).fit(fitted.training_features, target[train])
        return roc_auc_score(target[test], model.predict_proba(fitted.transform(frame.iloc[test]))[:, 1])

    assert auc([*derive, *tail]) > auc(tail) + 0.02


def test_models_that_learn_vectors_get_codes_of_categories_and_of_numbers_that_name_things():
    random = np.random.default_rng(0)
    frame = pd.DataFrame(
        {"userId": random.integers(1, 40, 400), "calls": random.integers(0, 40, 400), "plan": random.choice(["a", "b", "c"], 400)}
    )
    frame.loc[:9, "plan"] = None
    target = random.integers(0, 2, 400)
    schema = [InputColumn("userId", "integer"), InputColumn("calls", "integer"), InputColumn("plan", "category")]
    steps, _ = auto_recipe(frame, schema, target, "binary", 7, "embedding")
    steps = [step for step in steps if step["step"] != "drop_columns"]
    fitted = fit_recipe(steps, frame, schema, target, "binary", 7)
    # Three plans and the one that stands for a missing plan.
    assert dict(zip(fitted.feature_names, fitted.codes, strict=True)) == {"userId": frame["userId"].nunique(), "calls": 0, "plan": 4}
    unseen = frame.head(1).assign(userId=9999, plan="never")
    made = dict(zip(fitted.feature_names, fitted.transform(unseen)[0], strict=True))
    assert made["userId"] == made["plan"] == -1
