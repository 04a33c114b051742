"""CatBoost from its own file, or within a pickle."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from atoll_engines.bring.original import Column, Original, builder, first_line, numbered, word
from atoll_engines.bring.trees.ensemble_graph import emit_trees
from atoll_engines.bring.trees.features import emit_features
from atoll_engines.bring.trees.finish import emit_link, finish_graph
from atoll_engines.errors import BadInput, EngineError
from atoll_engines.onnx_models import outputs
from atoll_engines.onnx_models.catboost_trees import catboost_ensemble

CLASSES = ("Logloss", "CrossEntropy", "MultiClass", "MultiClassOneVsAll")
EXPONENTIAL = ("Poisson", "Tweedie")
IDENTITY = (
    "RMSE", "MAE", "Quantile", "Huber", "LogCosh", "MAPE", "Lq", "Expectile", "YetiRank", "QueryRMSE", "PairLogit", "YetiRankPairwise",
)  # fmt: skip


class CatboostOriginal(Original):
    def __init__(self, model: Any) -> None:
        import catboost

        super().__init__()
        self.library = f"catboost {catboost.__version__}"
        self.algorithm = f"catboost.{type(model).__name__}"
        self.model = model
        self.loss = str(model.get_all_params().get("loss_function") or "").split(":")[0] if model.is_fitted() else ""
        self.described = self.described_as_json()
        self.params = {"loss_function": self.loss, "trees": int(model.tree_count_)}
        self.read_columns()
        self.read_task()

    def described_as_json(self) -> dict[str, Any]:
        """The library's own JSON form; of models that it cannot write so, their columns alone."""
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "model.json"
            try:
                self.model.save_model(str(file), format="json")
                return json.loads(file.read_text("utf-8"))
            except Exception:
                return {}

    def read_columns(self) -> None:
        names = [str(name) for name in self.model.feature_names_] or numbered(len(self.model.feature_importances_))
        self.is_named = names != [str(number) for number in range(len(names))]
        names = names if self.is_named else numbered(len(names))
        self.words = {*self.model.get_cat_feature_indices(), *self.model.get_text_feature_indices()}
        if self.model.get_embedding_feature_indices():
            raise BadInput("This CatBoost model takes embeddings (vectors in one column), which rows of a table cannot hold.")
        texts = set(self.model.get_text_feature_indices())
        about = self.described.get("features_info", {})
        borders = {one["flat_feature_index"]: one.get("borders") or [] for one in about.get("float_features", [])}
        for number, name in enumerate(names):
            if number in self.words:
                self.columns.append(Column(name, "text" if number in texts else "category", nullable=False))
            else:
                points = [float(one) for one in borders.get(number, [])]
                self.columns.append(Column(name, "number", points=points[:200]))

        if self.words:
            self.notes.append("CatBoost's file keeps no names of its categories: which ones it knows is seen in the sample alone.")

    def read_task(self) -> None:
        if self.loss in CLASSES:
            said = [word(one) for one in np.ravel(self.model.classes_).tolist()] if len(np.ravel(self.model.classes_)) else ["0", "1"]
            self.classes = tuple(said)
            self.task = "binary" if len(said) == 2 else "multiclass"
            # Names that CatBoost gives by itself are numbers.
            self.is_class_named = not all(one.replace(".", "", 1).isdigit() for one in said)
        elif self.loss.startswith("Multi") and self.loss not in CLASSES:
            raise BadInput(f'This CatBoost model (loss "{self.loss}") answers with several values for a row, which is not supported.')
        else:
            self.task = "regression"

    def table(self, frame: pd.DataFrame) -> pd.DataFrame:
        values = {}
        for number, column in enumerate(self.columns):
            cells = frame[column.name]
            if number in self.words:
                if cells.isna().any():
                    row = frame.index[int(np.flatnonzero(cells.isna())[0])]
                    raise BadInput(
                        f'Row {row}: "{column.name}" is missing, and CatBoost takes no missing categories or texts.', column=column.name
                    )
                values[column.name] = cells.astype(object)
            else:
                values[column.name] = cells
        rows = pd.DataFrame(values, index=frame.index)
        return rows if self.is_named else rows.set_axis(range(len(self.columns)), axis=1)

    def answer(self, frame: pd.DataFrame) -> np.ndarray:
        kind = "Probability" if self.classes else "Exponent" if self.loss in EXPONENTIAL else "RawFormulaVal"
        return np.asarray(self.model.predict(self.table(frame), prediction_type=kind, thread_count=1), np.float64)

    def labels(self, frame: pd.DataFrame) -> list[str] | None:
        if not self.classes:
            return None
        said = np.ravel(self.model.predict(self.table(frame), prediction_type="Class", thread_count=1)).tolist()
        names = {word(one): name for one, name in zip(np.ravel(self.model.classes_).tolist(), self.classes, strict=True)}
        return [names.get(word(one), word(one)) for one in said]

    def graphs(self) -> Iterator[bytes]:
        if self.words:
            what = ", ".join(f'"{self.columns[number].name}"' for number in sorted(self.words)[:5])
            raise EngineError(f"CatBoost counts categories and texts ({what}) in tables of its own, for which there is no faithful graph.")
        if not self.described:
            raise EngineError("CatBoost could not write this model as JSON, so that its trees could be read.")
        if self.loss == "MultiClass":
            link = "softmax"
        elif self.loss == "MultiClassOneVsAll":
            raise EngineError("CatBoost's MultiClassOneVsAll is written as no graph here.")
        elif self.classes:
            link = "binary"
        elif self.loss in EXPONENTIAL:
            link = "exp"
        elif self.loss in IDENTITY:
            link = "identity"
        else:
            raise EngineError(f'CatBoost\'s loss "{self.loss}" is written as no graph here.')
        graph = builder(self.columns)
        features = outputs.to_float(graph, emit_features(graph, self.columns, {}, {}).name)
        sums = emit_trees(graph, features, catboost_ensemble(self.described))
        yield finish_graph(graph, emit_link(graph, sums, link), self.task or "regression", len(self.classes or ()))


def load(path: Path) -> CatboostOriginal:
    """From a .cbm file."""
    import catboost

    model = catboost.CatBoost()
    try:
        model.load_model(str(path))
    except Exception as error:
        raise BadInput(
            f'"{path.name}" could not be read by CatBoost {catboost.__version__}: {first_line(error)}.', file=path.name
        ) from error
    return CatboostOriginal(model)


def of_wrapper(model: Any) -> CatboostOriginal:
    return CatboostOriginal(model)
