"""What fitted recipes promise: training rows only, no leak of the target, stable names, sentences for mistakes."""

from __future__ import annotations

import io
import json

import joblib
import numpy as np
import pandas as pd
import pytest
from onnx import TensorProto
from recipe_tables import NUMBERS, SCHEMA, hard_rows, serve, training_table

from atoll_engines.errors import BadInput
from atoll_engines.recipes import GraphBuilder, InputColumn, fit_recipe, raw_tensors
from atoll_engines.recipes.catalogue import catalogue
from atoll_engines.recipes.registry import step_class

ONLY_NUMBERS = [column for column in SCHEMA if column.name in NUMBERS]


@pytest.fixture(scope="module")
def table():
    return training_table()


def fit(steps, frame, target=None, schema=ONLY_NUMBERS, task="binary", seed=1):
    return fit_recipe(steps, frame, schema, target, task, seed)


def test_an_untouched_table_is_one_clip_and_one_cast(table):
    fitted = fit([], table[0])
    graph = GraphBuilder(fitted.inputs)
    tensor = fitted.emit(graph)
    model = graph.finish([(tensor, TensorProto.FLOAT, ["N", 5])])
    assert [node.op_type for node in model.graph.node] == ["Clip", "Cast"]


def test_a_step_over_many_columns_costs_no_more_nodes_than_over_two(table):
    frame = pd.DataFrame({f"x{index}": table[0]["amount"] for index in range(40)})
    schema = [InputColumn(name, "number") for name in frame]
    counts = []
    for names in (list(frame)[:2], list(frame)):
        fitted = fit([{"step": "impute"}, {"step": "standard_scale"}], frame[names], schema=schema[: len(names)])
        graph = GraphBuilder(fitted.inputs)
        counts.append(len(graph.finish([(fitted.emit(graph), TensorProto.FLOAT, ["N", len(names)])]).graph.node))
    assert counts[0] == counts[1]


def test_inputs_are_the_raw_columns_that_the_features_need(table):
    steps = [
        {"step": "impute", "columns": "*numbers"},
        {"step": "derive", "name": "d", "expression": "amount / count"},
        {"step": "one_hot", "columns": ["size"]},
        {"step": "keep_columns", "columns": ["d", "size=M"]},
    ]
    fitted = fit(steps, table[0], schema=SCHEMA)
    assert [column.name for column in fitted.inputs] == ["amount", "count", "size"]
    assert fitted.feature_names == ["d", "size=M"]
    narrow = hard_rows()[["amount", "count", "size"]]
    assert np.array_equal(fitted.transform(narrow), serve(fitted, narrow), equal_nan=True)


def test_statistics_come_from_training_rows_only(table):
    frame = table[0].copy()
    fitted = fit([{"step": "impute", "strategy": "mean"}, {"step": "standard_scale"}], frame)
    before = fitted.transform(frame.head(3))
    other = hard_rows()
    fitted.transform(other)
    assert np.array_equal(fitted.transform(frame.head(3)), before)
    alone = fitted.transform(frame.tail(1))
    assert np.array_equal(fitted.transform(frame)[-1:], alone)


def test_infinite_values_do_not_spoil_what_is_learned(table):
    frame = table[0].copy()
    frame.loc[frame.index[:3], "amount"] = [np.inf, -np.inf, np.nan]
    for steps in (
        [{"step": "standard_scale"}],
        [{"step": "impute", "strategy": "iterative"}],
        [{"step": "pca"}],
        [{"step": "yeo_johnson"}],
        [{"step": "quantile_transform"}],
        [{"step": "bin"}],
        [{"step": "impute", "strategy": "knn"}],
    ):
        assert np.isfinite(fit(steps, frame).transform(table[0].dropna())).all()


def test_row_steps_remove_training_rows_and_serve_all(table):
    frame = pd.concat([table[0], table[0].head(50)], ignore_index=True)
    fitted = fit([{"step": "drop_duplicates"}, {"step": "drop_missing_rows"}], frame)
    kept = ~frame[NUMBERS].duplicated() & frame[NUMBERS].notna().all(axis=1)
    assert np.array_equal(fitted.training_rows, kept)
    assert len(fitted.training_features) == kept.sum()
    assert len(fitted.transform(frame)) == len(frame)


@pytest.mark.parametrize(("method", "options"), [("zscore", {"threshold": 3}), ("iqr", {}), ("isolation_forest", {"contamination": 0.02})])
def test_outliers_leave_the_training_rows(method, options):
    random = np.random.default_rng(0)
    frame = pd.DataFrame({"x": random.normal(size=500), "y": random.normal(size=500)})
    frame.loc[[7, 77], ["x", "y"]] = [[40, -40], [-50, 60]]
    schema = [InputColumn("x", "number"), InputColumn("y", "number")]
    fitted = fit([{"step": "remove_outliers", "method": method, **options}], frame, schema=schema)
    assert not fitted.training_rows[[7, 77]].any()
    assert fitted.training_rows.mean() > 0.95


def test_target_encoding_of_training_rows_never_sees_their_own_target():
    random = np.random.default_rng(0)
    frame = pd.DataFrame({"name": [f"n{index // 2}" for index in range(2000)]})
    target = random.integers(0, 2, 2000)
    fitted = fit([{"step": "target_encode", "smoothing": 0}], frame, target, schema=[InputColumn("name", "category")])
    leaking = np.corrcoef(fitted.transform(frame)[:, 0], target)[0, 1]
    honest = np.corrcoef(fitted.training_features[:, 0], target)[0, 1]
    assert leaking > 0.5
    assert abs(honest) < 0.1


def test_target_encoding_of_labels_without_signal_shrinks_to_the_mean():
    random = np.random.default_rng(0)
    frame = pd.DataFrame({"noise": random.integers(0, 50, 5000).astype(str), "signal": random.integers(0, 50, 5000).astype(str)})
    target = (random.random(5000) < frame["signal"].astype(int) / 50).astype(int)
    encoded = fit(
        [{"step": "target_encode"}], frame, target, schema=[InputColumn("noise", "category"), InputColumn("signal", "category")]
    ).transform(frame)
    assert encoded[:, 0].std() < 0.02
    assert np.corrcoef(encoded[:, 1], frame["signal"].astype(int))[0, 1] > 0.97


def test_target_encoding_equals_scikit_learn_for_a_given_smoothing(table):
    from sklearn.preprocessing import TargetEncoder

    frame, target = table
    ours = fit([{"step": "target_encode", "smoothing": 7}], frame[["city"]], target, schema=[InputColumn("city", "category")]).transform(
        frame
    )
    theirs = TargetEncoder(smooth=7).fit(frame[["city"]], target).transform(frame[["city"]])
    np.testing.assert_allclose(ours, theirs.astype(np.float32), rtol=1e-6)


def test_steps_equal_scikit_learn(table):
    from sklearn.decomposition import PCA
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.preprocessing import MinMaxScaler, PowerTransformer, RobustScaler, StandardScaler

    frame = table[0].dropna(subset=NUMBERS)
    numbers = frame[NUMBERS].to_numpy(dtype=float)
    for step, reference in {
        "standard_scale": StandardScaler(),
        "min_max_scale": MinMaxScaler(),
        "robust_scale": RobustScaler(),
        "yeo_johnson": PowerTransformer(),
    }.items():
        np.testing.assert_allclose(fit([{"step": step}], frame).transform(frame), reference.fit_transform(numbers), rtol=2e-4, atol=2e-4)
    components = fit([{"step": "pca", "components": 3}], frame).transform(frame)
    reference = PCA(3).fit_transform(StandardScaler().fit_transform(numbers))
    np.testing.assert_allclose(np.abs(components), np.abs(reference), rtol=1e-4, atol=1e-5)
    texts = pd.DataFrame({"note": ["the cat sat", "a dog sat on the cat", "nothing", ""]})
    ours = fit([{"step": "tfidf", "minDocuments": 1, "ngrams": 2}], texts, schema=[InputColumn("note", "text")])
    theirs = TfidfVectorizer(ngram_range=(1, 2)).fit(texts["note"])
    order = [ours.feature_names.index(f"note:{term}") for term in theirs.get_feature_names_out()]
    np.testing.assert_allclose(ours.transform(texts)[:, order], theirs.transform(texts["note"]).toarray(), rtol=1e-6)


@pytest.mark.parametrize("strategy", ["knn", "iterative"])
def test_joint_imputation_is_as_good_as_scikit_learn(strategy):
    from sklearn.experimental import enable_iterative_imputer  # noqa: F401
    from sklearn.impute import IterativeImputer, KNNImputer

    random = np.random.default_rng(0)
    base = random.normal(size=600)
    full = pd.DataFrame({"a": base + random.normal(0, 0.2, 600), "b": base + random.normal(0, 0.2, 600), "c": random.normal(size=600)})
    holes = full.mask(random.random(full.shape) < 0.15)

    def error(filled) -> float:
        return float(np.sqrt(np.mean((np.asarray(filled) - full.to_numpy())[holes.isna().to_numpy()] ** 2)))

    ours = fit([{"step": "impute", "strategy": strategy}], holes, schema=[InputColumn(name, "number") for name in full]).transform(holes)
    theirs = (KNNImputer() if strategy == "knn" else IterativeImputer(random_state=0)).fit_transform(holes)
    assert error(ours) < 1.1 * error(theirs)
    assert error(ours) < 0.85 * error(holes.fillna(holes.mean()))


def test_selection_keeps_what_matters():
    random = np.random.default_rng(0)
    frame = pd.DataFrame(random.normal(size=(500, 6)), columns=list("abcdef"))
    frame["twin"] = frame["a"] * 2 + 1
    frame["flat"] = 4.0
    target = (frame["a"] + frame["b"] > 0).astype(int).to_numpy()
    schema = [InputColumn(name, "number") for name in frame]
    for step in ("select_mutual_information", "select_importance", "select_recursive"):
        assert {"b"} < set(fit([{"step": step, "keep": 3}], frame, target, schema).feature_names) <= {"a", "b", "twin"}
    assert "flat" not in fit([{"step": "select_variance"}], frame, target, schema).feature_names
    kept = fit([{"step": "select_correlation"}], frame, target, schema).feature_names
    assert "a" in kept and "twin" not in kept


def test_same_seed_same_features_and_a_pickled_recipe_is_the_same(table):
    steps = [
        {"step": "remove_outliers", "method": "isolation_forest"},
        {"step": "target_encode", "columns": ["city"]},
        {"step": "impute", "strategy": "knn", "columns": "*numbers"},
        {"step": "keep_columns", "columns": [*NUMBERS, "city"]},
    ]
    one, two = (fit(steps, *table, schema=SCHEMA) for _ in range(2))
    assert np.array_equal(one.training_features, two.training_features)
    stored = io.BytesIO()
    joblib.dump(one, stored)
    stored.seek(0)
    again = joblib.load(stored)
    rows = hard_rows()
    assert np.array_equal(again.transform(rows), one.transform(rows), equal_nan=True)
    assert np.array_equal(serve(again, rows), serve(one, rows), equal_nan=True)
    json.dumps(one.describe())


def test_long_tables_are_transformed_in_pieces_that_fit(table, monkeypatch):
    fitted = fit([{"step": "impute"}], table[0])
    whole = fitted.transform(table[0])
    monkeypatch.setattr("atoll_engines.recipes.fitted._CHUNK_ROWS", 37)
    assert np.array_equal(fitted.transform(table[0]), whole)


def test_raw_tensors_follow_the_contract():
    frame = pd.DataFrame(
        {
            "n": pd.array([1, None, 3], dtype="Int64"),
            "b": [True, None, False],
            "t": pd.to_datetime(["1970-01-02", None, "2024-01-01T00:00:00.001Z"], utc=True, format="ISO8601"),
            "s": pd.Series(["x", None, ""], dtype="category"),
            "u": [1, 2.5, None],
        }
    )
    schema = [
        InputColumn("s", "category"),
        InputColumn("n", "integer"),
        InputColumn("t", "datetime"),
        InputColumn("b", "boolean"),
        InputColumn("u", "text"),
    ]
    tensors = raw_tensors(frame, schema)
    np.testing.assert_array_equal(tensors["numbers"], [[1, 86_400_000, 1], [np.nan] * 3, [3, 1_704_067_200_001, 0]])
    assert tensors["numbers"].dtype == np.float64
    assert tensors["strings"].tolist() == [["x", "1"], ["", "2.5"], ["", ""]]
    assert "strings" not in raw_tensors(frame, schema[1:2])
    as_sent = pd.DataFrame(
        {
            "t": ["1970-01-02", None, "2024-01-01T00:00:00.001Z"],
            "n": ["1", None, 3],
            "b": ["true", None, "no"],
            "s": ["x", None, ""],
            "u": ["1", "2.5", None],
        }
    )
    again = raw_tensors(as_sent, schema)
    np.testing.assert_array_equal(again["numbers"], tensors["numbers"])
    assert again["strings"].tolist() == tensors["strings"].tolist()


@pytest.mark.parametrize(
    ("steps", "sentence"),
    [
        ([{"step": "impute", "columns": ["amuont"]}], 'Step 1 (impute): there is no column "amuont" at this point. Did you mean "amount"?'),
        (
            [{"step": "log"}, {"step": "standard_scale", "columns": ["city"]}],
            'Step 2 (standard_scale): column "city" is of type category, and this step takes '
            "boolean, integer, number. Encode or convert it first, or leave it out.",
        ),
        ([{"step": "impte"}], 'Step 1: there is no step "impte". Did you mean "impute"?'),
        ([{"columns": ["amount"]}], "Step 1 has no \"step\" name: {'columns': ['amount']}."),
        ([{"step": "impute", "strategie": "mean"}], 'Step 1 (impute): there is no parameter "strategie". Did you mean "strategy"?'),
        (
            [{"step": "impute", "strategy": "guess"}],
            'Step 1 (impute): "strategy" is "guess", but must be one of mean, median, mode, constant, missing_category, knn, iterative.',
        ),
        (
            [{"step": "impute", "columns": ["city"], "strategy": "mean"}],
            'Step 1 (impute): column "city" is of type category, and this step takes '
            "boolean, datetime, integer, number. Encode or convert it first, or leave it out.",
        ),
        (
            [{"step": "impute", "columns": ["amount"], "strategy": "constant", "value": "x"}],
            "Step 1 (impute): the value 'x' is not a number, and column \"amount\" holds numbers.",
        ),
        ([{"step": "bin", "bins": 1}], 'Step 1 (bin): "bins" is 1, but must be at least 2.'),
        ([{"step": "convert"}], 'Step 1 (convert): the parameter "to" is needed: The type to read the columns as.'),
        (
            [{"step": "derive", "name": "d", "expression": "amount / cuont"}],
            'Step 1 (derive): in the expression of "d": position 10: there is no column "cuont". Did you mean "count"?',
        ),
        (
            [{"step": "derive", "name": "gaps", "expression": "amount / count"}],
            'Step 1 (derive): it would make a column "gaps", but there is one with that name already.',
        ),
        (
            [{"step": "impute", "columns": "*nombers"}],
            'Step 1 (impute): there is no selector "*nombers"; use one of *numbers, *categories, *texts, *datetimes, *all.',
        ),
        ([{"step": "drop_columns", "columns": "*all"}], "Step 1 (drop_columns): no column is left after it."),
        (
            [{"step": "remove_outliers", "threshold": 1e-9, "columns": ["amount"]}],
            "Step 1 (remove_outliers): it would remove every training row.",
        ),
        ([{"step": "rename", "names": {"amount": "count"}}], 'Step 1 (rename): two columns would be called "count".'),
        ([{"step": "target_encode", "columns": ["city"]}], "Step 1 (target_encode): it needs the target, and there is none."),
        ([{"step": "time_since", "reference": "2024-02-31"}], 'Step 1 (time_since): "2024-02-31" is not a date that exists.'),
        ([{"step": "polynomial", "columns": [*NUMBERS], "degree": 9}], 'Step 1 (polynomial): "degree" is 9, but must be at most 4.'),
        (
            [{"step": "drop_columns", "columns": ["when", "until", "note"]}],
            'After the last step column "colour" is still of type category (and 4 more: size, city, digits, dated); a model takes numbers. '
            "Add one_hot, ordinal or target_encode, or drop_columns.",
        ),
    ],
)
def test_a_mistake_names_the_step_the_column_and_what_there_is(steps, sentence, table):
    with pytest.raises(BadInput) as caught:
        fit(steps, table[0], schema=SCHEMA)
    assert caught.value.message == sentence


def test_a_value_that_is_no_number_is_named_with_its_column_and_row():
    with pytest.raises(BadInput, match='Column "x", row 1: "much" is not a number value'):
        fit([], pd.DataFrame({"x": ["1", "much"]}), schema=[InputColumn("x", "number")])


def test_steps_survive_empty_constant_and_all_missing_columns():
    frame = pd.DataFrame({"empty": [np.nan] * 30, "same": [7.0] * 30, "x": np.arange(30.0), "none": [None] * 30, "word": ["a"] * 30})
    schema = [
        InputColumn("empty", "number"),
        InputColumn("same", "number"),
        InputColumn("x", "number"),
        InputColumn("none", "category"),
        InputColumn("word", "category"),
    ]
    target = np.arange(30) % 2
    for name, entry in catalogue().items():
        if name in ("rename", "derive", "ratio", "convert", "keep_columns", "drop_columns", "drop_missing_rows"):
            continue
        given = {
            "step": name,
            "columns": "*numbers" if "number" in entry["accepts"] else "*categories" if "category" in entry["accepts"] else "*datetimes",
        }
        steps = [given, {"step": "drop_columns", "columns": "*categories"}, {"step": "drop_columns", "columns": "*texts"}]
        fitted = fit(steps, frame, target, schema)
        rows = frame.head(2)
        assert np.array_equal(fitted.transform(rows), serve(fitted, rows), equal_nan=True), name


def test_identifiers_enter_only_where_a_step_names_them():
    frame = pd.DataFrame({"id": [10, 10, 30], "x": [1.0, 2.0, 3.0]})
    schema = [InputColumn("id", "id"), InputColumn("x", "number")]
    assert fit([], frame, schema=schema).feature_names == ["x"]
    fitted = fit([{"step": "frequency_encode", "columns": ["id"]}], frame, schema=schema)
    np.testing.assert_allclose(fitted.transform(frame)[:, 0], [2 / 3, 2 / 3, 1 / 3], rtol=1e-6)


def test_the_catalogue_says_what_the_steps_do():
    for name, entry in catalogue().items():
        kind = step_class(name)
        assert kind is not None and kind.accepts == frozenset(entry["accepts"]), name
        assert {"title", "subject", "does", "missing", "unseen", "trainingOnly", "parameters"} < set(entry)
        for parameter in entry["parameters"]["properties"].values():
            assert parameter["description"]
