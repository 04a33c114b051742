"""The peer of bench/explain.ts: makes models and their graphs, then times shap on the same rows whenever it is asked."""

import json
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import shap
import xgboost
from atoll_engines.onnx_models.sklearn_trees import forest_ensemble, hist_boosting_ensemble
from atoll_engines.onnx_models.trees import Ensemble, emit_ensemble
from atoll_engines.onnx_models.xgboost_trees import xgboost_ensemble
from atoll_engines.recipes import GraphBuilder
from atoll_engines.recipes.raw import InputColumn
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestRegressor

FEATURES = 20


def graph(ensemble: Ensemble) -> bytes:
    builder = GraphBuilder([InputColumn(f"x{i}", "number") for i in range(FEATURES)])
    builder.output(emit_ensemble(builder, builder.node("Cast", ["numbers"], to=1), ensemble), "prediction")
    return builder.finish([("prediction", 1, ("N", 1))]).SerializeToString()


def main(folder: Path, rows: int) -> None:
    warnings.simplefilter("ignore")
    rng = np.random.default_rng(0)
    x = rng.normal(size=(20_000, FEATURES)).astype(np.float32)
    y = x[:, 0] * 2 + x[:, 1] * x[:, 2] + np.sin(x[:, 3]) + rng.normal(size=len(x)) * 0.3
    boosted = xgboost.XGBRegressor(n_estimators=500, max_depth=6, n_jobs=2).fit(x, y)
    boosted.get_booster().set_param({"nthread": 1})
    histogram = HistGradientBoostingClassifier(max_iter=300, max_leaf_nodes=31, early_stopping=False).fit(x, y > 0)
    forest = RandomForestRegressor(50, min_samples_leaf=5, n_jobs=2, random_state=0).fit(x, y)
    models = {
        "boosted": (boosted, xgboost_ensemble(boosted.get_booster().save_raw("json")), rows, 1.0),
        "histogram": (histogram, hist_boosting_ensemble(histogram), rows, 1.0),
        "forest": (forest, forest_ensemble(forest.estimators_, 0), rows // 10, 50.0),
    }
    explainers = {}
    for name, (model, ensemble, count, scale) in models.items():
        (folder / f"{name}.onnx").write_bytes(graph(ensemble))
        explainers[name] = shap.TreeExplainer(model)
        values = np.asarray(explainers[name].shap_values(x[:count], check_additivity=False), np.float64) * scale
        values.tofile(folder / f"{name}.f64")
    x[:rows].tofile(folder / "rows.f32")
    print(json.dumps({name: count for name, (_, _, count, _) in models.items()}), flush=True)
    for line in sys.stdin:
        name = line.strip()
        start = time.perf_counter()
        explainers[name].shap_values(x[: models[name][2]], check_additivity=False)
        print(time.perf_counter() - start, flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
