"""A gradient-boosted model of 200 trees of depth 6 on 30 numbers, exported as the training engine exports it, with rows to ask and their answers."""

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from atoll_engines.recipes import InputColumn, fit_recipe
from atoll_engines.tabular.algorithms.lightgbm_trees import LightGbm
from atoll_engines.tabular.algorithms.model import Setting
from atoll_engines.tabular.package import Seen, signature
from atoll_engines.tabular.pipeline import Pipeline

ROWS, COLUMNS, ASKED = 20_000, 30, 1_000


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(7)
    names = [f"measurement_{k:02d}" for k in range(COLUMNS)]
    frame = pd.DataFrame(random.normal(size=(ROWS, COLUMNS)).round(6), columns=names)
    score = frame.iloc[:, :10].to_numpy() @ random.normal(size=10) + np.sin(2 * frame.iloc[:, 10]) + random.normal(size=ROWS) / 2
    target = (score > 0).astype(int).to_numpy()
    recipe = fit_recipe([], frame, [InputColumn(name, "number") for name in names], target, "binary", 7)
    model = LightGbm({"n_estimators": 200, "max_depth": 6, "num_leaves": 64, "learning_rate": 0.05}, Setting("binary", 2, 7, 1))
    model.fit(np.asarray(recipe.training_features), target)
    pipeline = Pipeline(recipe, model, None, "binary", ("no", "yes"), 0.5)
    (folder / "model.onnx").write_bytes(pipeline.to_onnx().SerializeToString())
    (folder / "signature.json").write_text(json.dumps(signature(pipeline, "target", Seen(recipe.inputs).add(frame), 1e-4)))
    asked = frame.iloc[:ASKED]
    (folder / "rows.jsonl").write_text("".join(json.dumps({"row": row}) + "\n" for row in asked.to_dict("records")))
    (folder / "expected.json").write_text(json.dumps(pipeline.predict(asked)[:, 1].astype(float).tolist()))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
