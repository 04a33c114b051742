"""Models of tables that were made elsewhere: each library's own file, converted, and replayed against the library."""

from __future__ import annotations

import joblib
import numpy as np
import pandas as pd
import pytest
from brought_models import bring, parity, proven, source
from folders import read_json

pytestmark = pytest.mark.timeout(60)


@pytest.fixture(scope="module")
def people() -> pd.DataFrame:
    """Customers with numbers, words, and holes in both."""
    random = np.random.default_rng(3)
    count = 400
    frame = pd.DataFrame({
        "age": random.integers(18, 80, count).astype(float),
        "income": np.round(random.lognormal(8, 0.6, count), 2),
        "city": random.choice(["Bern", "Köln", "Oslo", "Ulm"], count),
        "plan": random.choice(["basic", "plus"], count),
        "visits": random.integers(0, 5, count).astype(float),
    })  # fmt: skip
    frame.loc[frame.index % 9 == 0, "income"] = np.nan
    frame.loc[frame.index % 13 == 0, "city"] = np.nan
    return frame


@pytest.fixture(scope="module")
def leaves(people) -> np.ndarray:
    odds = (people.age > 45).astype(int) + (people.city == "Oslo") + (people.income.fillna(0) > 4000)
    return (odds + np.random.default_rng(1).random(len(people)) > 1.6).astype(int)


def preparation():
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    numbers = make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler())
    words = make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore"))
    return ColumnTransformer([("numbers", numbers, ["age", "income", "visits"]), ("words", words, ["city", "plan"])])


def test_a_pipeline_with_words_and_imputation_is_one_graph(tmp_path, people, leaves):
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.pipeline import make_pipeline

    model = make_pipeline(preparation(), RandomForestClassifier(20, random_state=0)).fit(people, np.where(leaves, "leaves us", "stays"))
    joblib.dump(model, source(tmp_path) / "pipeline.joblib", compress=3)
    result = bring(tmp_path, "sklearn", "pipeline.joblib", people[:200], target="churn")
    assert result["exported"], result["reason"]
    assert result["algorithm"] == "sklearn.ensemble.RandomForestClassifier"
    figures = proven(tmp_path)
    assert figures["kinds"]["held_out"] == 200 and figures["kinds"]["missing_injected"] > 200 and figures["kinds"]["unseen_injected"] > 200
    signature = read_json(tmp_path, "model/signature.json")
    assert signature["classes"] == ["leaves us", "stays"] and signature["positive"] == "stays" and signature["target"] == "churn"
    city = next(one for one in signature["inputs"] if one["name"] == "city")
    assert city["type"] == "category" and city["categories"] == ["Bern", "Köln", "Oslo", "Ulm"] and city["nullable"]
    assert {"pipeline.joblib"} == {path.name for path in (tmp_path / "native/source").iterdir()}


@pytest.mark.parametrize("kind", ["logistic", "boosting", "histogram", "network", "nearest", "svm", "voting", "bayes"])
def test_estimators_answer_as_scikit_learn_does(tmp_path, people, leaves, kind):
    from sklearn.ensemble import GradientBoostingClassifier, HistGradientBoostingClassifier, VotingClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.naive_bayes import GaussianNB
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.svm import SVC

    made = {
        "logistic": LogisticRegression(max_iter=300),
        "boosting": GradientBoostingClassifier(n_estimators=10, random_state=0),
        "histogram": HistGradientBoostingClassifier(max_iter=10),
        "network": MLPClassifier((8,), max_iter=40, random_state=0),
        "nearest": KNeighborsClassifier(5),
        "svm": SVC(),
        "voting": VotingClassifier([("a", LogisticRegression()), ("b", GradientBoostingClassifier(n_estimators=5))], voting="soft"),
        "bayes": GaussianNB(),
    }[kind]
    classes = np.array(["no", "perhaps", "yes"])[leaves + (people.age > 60).astype(int) * leaves] if kind != "svm" else leaves
    joblib.dump(make_pipeline(preparation(), made).fit(people, classes), source(tmp_path) / "m.joblib")
    result = bring(tmp_path, "sklearn", "m.joblib")
    assert result["task"] == ("binary" if kind == "svm" else "multiclass"), result
    assert result["rowsFrom"] == "model" and any("There was no sample" in note for note in result["notes"])
    if kind == "nearest":
        # No faithful graph: the original itself answers, and the package says why.
        assert not result["exported"] and "KNeighborsClassifier is written as no graph here" in result["reason"]
        assert not (tmp_path / "model/model.onnx").exists() and (tmp_path / "native/bring.json").is_file()
    else:
        assert result["exported"], result["reason"]
        proven(tmp_path)


def test_a_regression_of_columns_without_names_takes_those_of_the_sample(tmp_path, people):
    from sklearn.linear_model import LinearRegression

    x = people[["age", "visits"]]
    joblib.dump(LinearRegression().fit(x.to_numpy(), x.age * 3 - x.visits), source(tmp_path) / "line.pkl")
    result = bring(tmp_path, "sklearn", "line.pkl", x[:50])
    assert result["exported"] and proven(tmp_path)["apart"] < 1e-6
    signature = read_json(tmp_path, "model/signature.json")
    assert [one["name"] for one in signature["inputs"]] == ["age", "visits"]
    # It answers no row without them, and the platform is told.
    assert all(one["nullable"] is False and one["required"] for one in signature["inputs"])


def test_xgboost_with_missing_values_and_categories(tmp_path, people, leaves):
    import xgboost

    frame = people.assign(city=people.city.astype("category"), plan=people.plan.astype("category"))
    model = xgboost.XGBClassifier(n_estimators=15, max_depth=4, enable_categorical=True).fit(frame, leaves)
    model.save_model(source(tmp_path) / "model.ubj")
    result = bring(tmp_path, "xgboost", "model.ubj", people[:150], classes=["stays", "leaves"])
    assert result["exported"], result["reason"]
    assert proven(tmp_path)["apart"] < 1e-6
    signature, _, expected = parity(tmp_path)
    assert signature["classes"] == ["stays", "leaves"] and {"Köln", "Bern"} < set(signature["inputs"][2]["categories"])
    # What the original says is what its own class says of the user's rows.
    own = model.predict_proba(frame[:150])[:, 1]
    assert np.abs(own - np.array(expected["probabilities"])[:150, 1]).max() < 1e-6


def test_xgboost_of_three_classes_and_of_counts(tmp_path, people, leaves):
    import xgboost

    x = people[["age", "income", "visits"]]
    three = xgboost.XGBClassifier(n_estimators=6, max_depth=3).fit(x, leaves + (people.age > 60) * leaves)
    three.save_model(source(tmp_path / "a") / "model.json")
    result = bring(tmp_path / "a", "xgboost", "model.json")
    assert result["task"] == "multiclass" and result["exported"] and proven(tmp_path / "a")
    counts = xgboost.train({"objective": "count:poisson", "max_depth": 3}, xgboost.DMatrix(x, people.visits), 8)
    counts.save_model(source(tmp_path / "b") / "model.json")
    result = bring(tmp_path / "b", "xgboost", "model.json")
    assert result["task"] == "regression" and result["exported"] and proven(tmp_path / "b")["apart"] < 1e-5


def test_lightgbm_with_categories(tmp_path, people, leaves):
    import lightgbm

    frame = people.assign(city=people.city.astype("category"), plan=people.plan.astype("category"))
    model = lightgbm.LGBMClassifier(n_estimators=12, min_child_samples=5, verbose=-1).fit(frame, leaves)
    model.booster_.save_model(source(tmp_path) / "model.txt")
    result = bring(tmp_path, "lightgbm", "model.txt", people[:150])
    assert result["exported"], result["reason"]
    assert proven(tmp_path)["apart"] < 1e-6
    _, _, expected = parity(tmp_path)
    own = model.predict_proba(frame[:150])[:, 1]
    assert np.abs(own - np.array(expected["probabilities"])[:150, 1]).max() < 1e-6


def test_lightgbm_compares_large_numbers_as_the_library_does(tmp_path):
    import lightgbm

    random = np.random.default_rng(0)
    # Times in milliseconds: float32 cannot tell neighbours apart.
    when = (1.7e12 + random.integers(0, 400, 600)).astype(float)
    model = lightgbm.LGBMRegressor(n_estimators=10, min_child_samples=5, verbose=-1).fit(
        pd.DataFrame({"when": when}), (when % 400 > 200) * 10.0
    )
    model.booster_.save_model(source(tmp_path) / "model.txt")
    result = bring(tmp_path, "lightgbm", "model.txt", pd.DataFrame({"when": when[:300]}))
    assert result["exported"], result["reason"]
    assert proven(tmp_path)["apart"] < 1e-5


def test_catboost_of_numbers_is_a_graph_and_with_categories_answers_from_python(tmp_path, people, leaves):
    import catboost

    made = {"iterations": 12, "depth": 3, "logging_level": "Silent", "allow_writing_files": False}
    numbers = catboost.CatBoostClassifier(**made).fit(people[["age", "income"]], np.where(leaves, "gone", "here"))
    numbers.save_model(str(source(tmp_path / "a") / "model.cbm"))
    result = bring(tmp_path / "a", "catboost", "model.cbm", people[:100])
    assert result["exported"], result["reason"]
    assert proven(tmp_path / "a")["apart"] < 1e-6
    assert read_json(tmp_path / "a", "model/signature.json")["classes"] == ["gone", "here"]
    words = people[["age", "city"]].assign(city=people.city.fillna("none"))
    model = catboost.CatBoostClassifier(**made, cat_features=["city"]).fit(words, leaves)
    model.save_model(str(source(tmp_path / "b") / "model.cbm"))
    result = bring(tmp_path / "b", "catboost", "model.cbm", words[:100], classes=["here", "gone"])
    assert not result["exported"] and 'CatBoost counts categories and texts ("city")' in result["reason"], result
    signature, rows, expected = parity(tmp_path / "b")
    assert len(rows) >= 990 and next(one for one in signature["inputs"] if one["name"] == "city")["required"]
    assert np.abs(np.array(expected["probabilities"])[:100] - model.predict_proba(words[:100])).max() < 1e-6
