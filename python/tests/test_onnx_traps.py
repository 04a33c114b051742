"""Conversions that are known to go wrong without an error: here each is right, or refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from atoll_engines.errors import EngineError
from atoll_engines.onnx_models.lightgbm_trees import lightgbm_ensemble
from atoll_engines.onnx_models.sklearn_trees import forest_ensemble, hist_boosting_ensemble
from atoll_engines.onnx_models.trees import at_most, emit_ensemble
from atoll_engines.onnx_models.xgboost_trees import base_margins, xgboost_ensemble
from atoll_engines.recipes import GraphBuilder, InputColumn, fit_recipe, raw_tensors
from atoll_engines.tabular.algorithms import ALGORITHMS
from atoll_engines.tabular.algorithms.model import Setting
from atoll_engines.tabular.export import run_graph

FEATURES = 6
TREES = ["decision_tree", "random_forest", "extra_trees", "hist_gradient_boosting", "xgboost", "lightgbm", "catboost"]


def features(rows: int, seed: int, missing: float) -> np.ndarray:
    """Float32 features with many equal values, so that rows lie exactly on thresholds."""
    random = np.random.default_rng(seed)
    x = np.round(random.normal(size=(rows, FEATURES)), 1).astype(np.float32)
    x[random.random(x.shape) < missing] = np.nan
    return x


def answer(x: np.ndarray) -> np.ndarray:
    filled = np.nan_to_num(x, nan=0.7)
    return filled[:, 0] + filled[:, 1] * filled[:, 2] + np.isnan(x[:, 3])


def graph_answer(ensemble, x: np.ndarray) -> np.ndarray:
    graph = GraphBuilder([InputColumn(f"x{k}", "number") for k in range(x.shape[1])])
    narrow = graph.node("Cast", ["numbers"], to=1)
    graph.output(emit_ensemble(graph, narrow, ensemble), "sums")
    model = graph.finish([("sums", 1, ("N", ensemble.outputs))]).SerializeToString()
    return run_graph(model, {"numbers": x.astype(np.float64)})


def emitted(model, x: np.ndarray, width: int) -> np.ndarray:
    graph = GraphBuilder([InputColumn(f"x{k}", "number") for k in range(x.shape[1])])
    graph.output(model.emit(graph, graph.node("Cast", ["numbers"], to=1)), "out")
    return run_graph(graph.finish([("out", 1, ("N", width))]).SerializeToString(), {"numbers": x.astype(np.float64)})


@pytest.mark.parametrize("trained_with", [0.0, 0.1], ids=["trained without missing", "trained with missing"])
@pytest.mark.parametrize("name", TREES)
def test_missing_values_go_where_the_library_sends_them(name, trained_with):
    x, probe = features(800, 1, trained_with), features(600, 2, 0.4)
    y = (answer(x) > 0.5).astype(np.int64)
    algorithm = ALGORITHMS[name]
    params = algorithm.defaults | ({algorithm.rounds: 40} if algorithm.rounds else {})
    model = algorithm.build(params, Setting("binary", 2, 0, 1))
    model.fit(x, y)
    np.testing.assert_allclose(emitted(model, probe, 2), model.predict(probe), atol=2e-6)


@pytest.mark.parametrize("name", TREES)
def test_rows_on_a_threshold_go_where_the_library_sends_them(name):
    """Thresholds of scikit-learn, LightGBM and histogram boosting are float64, and the graph compares in float32."""
    random = np.random.default_rng(5)
    # Neighbouring float32 numbers: the midpoints between them are no float32 numbers.
    base = np.float32(1.0) + np.arange(400, dtype=np.float32) * np.spacing(np.float32(1.0))
    x = np.column_stack([random.permutation(base) for _ in range(2)])
    y = (x[:, 0] > np.median(base)).astype(np.int64)
    algorithm = ALGORITHMS[name]
    params = algorithm.defaults | ({algorithm.rounds: 20} if algorithm.rounds else {})
    model = algorithm.build(params, Setting("binary", 2, 0, 1))
    model.fit(x, y)
    np.testing.assert_allclose(emitted(model, x, 2), model.predict(x), atol=2e-6)


def test_a_float64_threshold_is_rounded_down_never_up():
    thresholds = np.array([0.1, 1 / 3, 1e300, -1e300, 1e-46, np.inf, 0.5, -0.1])
    rounded = at_most(thresholds)
    assert rounded.dtype == np.float32
    assert (rounded.astype(np.float64) <= thresholds).all()
    with np.errstate(over="ignore"):
        above = np.nextafter(rounded[np.isfinite(rounded)], np.float32(np.inf)).astype(np.float64)
    assert (above > thresholds[np.isfinite(rounded)]).all()


def test_lightgbm_with_linear_trees_is_refused():
    import lightgbm

    x = features(500, 3, 0.0)
    booster = lightgbm.train({"linear_tree": True, "verbosity": -1}, lightgbm.Dataset(x, answer(x), params={"linear_tree": True}), 5)
    with pytest.raises(EngineError, match="linear_tree"):
        lightgbm_ensemble(booster.model_to_string())


def test_lightgbm_with_categorical_splits_is_refused():
    import lightgbm

    x = features(500, 3, 0.0)
    x[:, 0] = np.random.default_rng(0).integers(0, 5, 500)
    data = lightgbm.Dataset(x, (x[:, 0] % 2).astype(float), categorical_feature=[0])
    booster = lightgbm.train({"verbosity": -1, "min_data_per_group": 1}, data, 5)
    with pytest.raises(EngineError, match="categorical"):
        lightgbm_ensemble(booster.model_to_string())


def test_lightgbm_with_zero_as_missing_is_refused():
    import lightgbm

    x = features(500, 3, 0.1)
    params = {"zero_as_missing": True, "verbosity": -1}
    booster = lightgbm.train(params, lightgbm.Dataset(x, answer(x), params=params), 5)
    with pytest.raises(EngineError, match="zero_as_missing"):
        lightgbm_ensemble(booster.model_to_string())


def test_histogram_boosting_with_categorical_features_is_refused():
    from sklearn.ensemble import HistGradientBoostingRegressor

    x = features(500, 4, 0.0)
    x[:, 0] = np.random.default_rng(0).integers(0, 5, 500)
    model = HistGradientBoostingRegressor(categorical_features=[0], max_iter=5).fit(x, x[:, 0] % 2)
    with pytest.raises(EngineError, match="categorical"):
        hist_boosting_ensemble(model)


def test_xgboost_base_scores_one_for_each_output():
    import xgboost

    x = features(900, 6, 0.1)
    y = np.digitize(answer(x), [0.0, 1.5])
    booster = xgboost.train(
        {"objective": "multi:softprob", "num_class": 3, "max_depth": 3, "nthread": 1}, xgboost.DMatrix(x, y), 6
    )
    raw = bytes(booster.save_raw("json"))
    margins = booster.predict(xgboost.DMatrix(x), output_margin=True)
    np.testing.assert_allclose(graph_answer(xgboost_ensemble(raw), x), margins, atol=1e-5)
    np.testing.assert_allclose(base_margins("[1E-1,2.5E0,-3E0]", 3, "multi:softprob"), [0.1, 2.5, -3.0])
    np.testing.assert_allclose(base_margins("2.5E-1", 1, "binary:logistic"), [np.log(1 / 3)])
    with pytest.raises(EngineError, match="2 base scores for 3 outputs"):
        base_margins("[1E-1,2E-1]", 3, "multi:softprob")


def test_xgboost_regression_with_a_base_score_of_its_own():
    import xgboost

    x = features(400, 7, 0.1)
    booster = xgboost.train({"base_score": 41.5, "max_depth": 3, "nthread": 1}, xgboost.DMatrix(x, answer(x) + 40), 6)
    margins = booster.predict(xgboost.DMatrix(x), output_margin=True)
    np.testing.assert_allclose(graph_answer(xgboost_ensemble(bytes(booster.save_raw("json"))), x)[:, 0], margins, atol=1e-5)


def test_xgboost_with_linear_booster_is_refused():
    import xgboost

    x = features(300, 8, 0.0)
    booster = xgboost.train({"booster": "gblinear", "nthread": 1}, xgboost.DMatrix(x, answer(x)), 3)
    with pytest.raises(EngineError, match="gblinear"):
        xgboost_ensemble(bytes(booster.save_raw("json")))


def test_a_forest_after_a_scaler_agrees():
    """Scaled features are rounded to float32 once, in Python and in the graph, before any tree compares them."""
    from sklearn.ensemble import RandomForestClassifier

    random = np.random.default_rng(9)
    frame = pd.DataFrame({f"x{k}": np.round(random.normal(1000, 0.05, 1500), 3) for k in range(4)})
    schema = [InputColumn(name, "number") for name in frame]
    y = (frame["x0"] > frame["x1"]).to_numpy().astype(np.int64)
    recipe = fit_recipe([{"step": "standard_scale", "columns": "*numbers"}], frame, schema, y, "binary", 0)
    model = RandomForestClassifier(40, random_state=0).fit(recipe.training_features, y)
    graph = GraphBuilder(recipe.inputs)
    ensemble = forest_ensemble(model.estimators_, 2)
    graph.output(emit_ensemble(graph, recipe.emit(graph), ensemble), "sums")
    answered = run_graph(graph.finish([("sums", 1, ("N", 1))]).SerializeToString(), raw_tensors(frame, recipe.inputs))
    expected = model.predict_proba(recipe.transform(frame))[:, 1]
    np.testing.assert_allclose(answered[:, 0] / 40, expected, atol=1e-6)


def test_an_imputer_with_indicators_agrees():
    random = np.random.default_rng(10)
    frame = pd.DataFrame({f"x{k}": random.normal(size=600) for k in range(3)})
    frame[random.random(frame.shape) < 0.2] = np.nan
    schema = [InputColumn(name, "number") for name in frame]
    y = (frame["x0"].isna() | (frame["x1"] > 0.5)).to_numpy().astype(np.int64)
    steps = [{"step": "impute", "columns": "*numbers", "strategy": "median", "indicator": True}]
    recipe = fit_recipe(steps, frame, schema, y, "binary", 0)
    assert len(recipe.feature_names) == 6
    model = ALGORITHMS["logistic_regression"].build({"C": 1.0}, Setting("binary", 2, 0, 1))
    model.fit(recipe.training_features, y)
    graph = GraphBuilder(recipe.inputs)
    graph.output(model.emit(graph, recipe.emit(graph)), "p")
    answered = run_graph(graph.finish([("p", 1, ("N", 2))]).SerializeToString(), raw_tensors(frame, recipe.inputs))
    np.testing.assert_allclose(answered, model.predict(recipe.transform(frame)), atol=1e-6)
