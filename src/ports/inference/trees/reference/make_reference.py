"""Writes small tree graphs as our engines emit them, and what shap's TreeExplainer says of a few rows: TreeSHAP is held to it.

    PYTHONPATH=python python src/ports/inference/trees/reference/make_reference.py FOLDER      (needs shap beside the engines' runtime)
"""

import json
import sys
from pathlib import Path

import lightgbm
import numpy as np
import shap
import xgboost
from atoll_engines.onnx_models import outputs
from atoll_engines.onnx_models.lightgbm_trees import lightgbm_ensemble
from atoll_engines.onnx_models.sklearn_trees import forest_ensemble, hist_boosting_ensemble
from atoll_engines.onnx_models.trees import Ensemble, emit_ensemble
from atoll_engines.onnx_models.xgboost_trees import xgboost_ensemble
from atoll_engines.recipes import GraphBuilder
from atoll_engines.recipes.raw import InputColumn
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestRegressor

FEATURES, ROWS = 6, 12


def graph(ensemble: Ensemble, finish: str, width: int) -> bytes:
    builder = GraphBuilder([InputColumn(f"x{i}", "number") for i in range(FEATURES)])
    sums = emit_ensemble(builder, builder.node("Cast", ["numbers"], to=outputs.FLOAT), ensemble)
    if finish == "sigmoid":
        sums = outputs.sigmoid_classes(builder, sums)
    elif finish == "softmax":
        sums = outputs.softmax_classes(builder, sums)
    elif finish == "mean":
        sums = builder.node("Div", [sums, builder.constant(float(len(ensemble.trees)), np.float32)])
    name = "prediction" if width == 1 else "probabilities"
    builder.output(sums, name)
    return builder.finish([(name, 1, ("N", width))]).SerializeToString()


def main(folder: Path) -> None:
    rng = np.random.default_rng(5)
    x = rng.normal(size=(600, FEATURES)).astype(np.float32)
    whole = x.copy()
    x[rng.random(x.shape) < 0.05] = np.nan
    y = 2 * whole[:, 0] + whole[:, 1] * whole[:, 2] + np.sin(whole[:, 3]) + rng.normal(size=600) * 0.2
    kinds = np.digitize(y, [-1.5, 1.5])
    rows = x[:ROWS]
    boosted = xgboost.XGBRegressor(n_estimators=15, max_depth=5, n_jobs=1).fit(x, y)
    light = lightgbm.LGBMClassifier(n_estimators=15, num_leaves=12, n_jobs=1, verbose=-1).fit(x, y > 0)
    histogram = HistGradientBoostingClassifier(max_iter=8, max_leaf_nodes=10, early_stopping=False).fit(x, kinds)
    forest = RandomForestRegressor(5, min_samples_leaf=4, random_state=0).fit(whole, y)
    cases = {
        "boosted": (xgboost_ensemble(boosted.get_booster().save_raw("json")), "none", 1, shap.TreeExplainer(boosted), rows),
        "light": (lightgbm_ensemble(light.booster_.model_to_string()), "sigmoid", 2, shap.TreeExplainer(light.booster_), rows),
        "histogram": (hist_boosting_ensemble(histogram), "softmax", 3, shap.TreeExplainer(histogram), rows),
        "forest": (forest_ensemble(forest.estimators_, 0), "mean", 1, shap.TreeExplainer(forest), whole[:ROWS]),
    }
    figures = {}
    for name, (ensemble, finish, width, explainer, given) in cases.items():
        (folder / f"{name}.onnx").write_bytes(graph(ensemble, finish, width))
        values = np.asarray(explainer.shap_values(given, check_additivity=False), np.float64)
        figures[name] = {
            "width": width,
            "rows": [[None if np.isnan(v) else float(v) for v in row] for row in given],
            "expected": np.ravel(explainer.expected_value).astype(np.float64).tolist(),
            "values": values.reshape(ROWS, FEATURES, -1).tolist(),
        }
    (folder / "figures.json").write_text(json.dumps({"shap": shap.__version__, "cases": figures}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
