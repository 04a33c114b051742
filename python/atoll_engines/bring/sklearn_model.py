"""Models of scikit-learn, alone or in pipelines, from a pickle or a joblib file; also wrappers of boosters that were pickled."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from atoll_engines.bring.original import Column, Original, builder, called, lacking, numbered, word
from atoll_engines.bring.pickles import read_pickle
from atoll_engines.bring.pipelines.facts import TEXT_STEPS, look
from atoll_engines.errors import BadInput, EngineError


class SklearnOriginal(Original):
    def __init__(self, model: Any, notes: list[str]) -> None:
        import sklearn

        super().__init__()
        self.library = f"scikit-learn {sklearn.__version__}"
        self.model, self.notes = model, notes
        core = innermost(model)
        self.algorithm = called(core)
        self.params = {
            name: value for name, value in parameters(core).items() if value is None or isinstance(value, (str, int, float, bool))
        }
        self.is_text = is_of_texts(model)
        self.read_columns()
        self.read_task(core)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            look(model, self.columns)
        for column in self.columns:
            column.points = sorted(set(column.points))[:200]

    def read_columns(self) -> None:
        if self.is_text:
            self.columns = [Column("text", "text", nullable=False)]
            return
        names = getattr(self.model, "feature_names_in_", None)
        if names is not None:
            self.columns = [Column(str(name)) for name in names]
            return
        self.is_named = False
        count = getattr(self.model, "n_features_in_", None)
        if count is None:
            count = getattr(innermost(self.model), "n_features_in_", None)
        if count is None:
            raise lacking("columns", f"{self.algorithm} does not tell how many columns it takes. Give the columns (inputs) in their order.")
        self.columns = [Column(name) for name in numbered(int(count))]

    def read_task(self, core: Any) -> None:
        from sklearn.base import is_classifier, is_clusterer, is_outlier_detector, is_regressor

        if is_clusterer(core) or is_outlier_detector(core):
            raise BadInput(
                f"{self.algorithm} tells groups or strange rows, not classes or numbers; models of scikit-learn for that are not imported. "
                "Bring it as ONNX, or train one here."
            )
        # A wrapper of another library may be of a version that this one does not recognise.
        classes = getattr(self.model, "classes_", None) if is_classifier(self.model) or hasattr(core, "predict_proba") else None
        if classes is not None:
            if isinstance(classes, list):
                raise BadInput(f"{self.algorithm} answers with several targets at once, which is not supported. Import one model for each.")
            self.classes = tuple(word(one) for one in np.ravel(classes))
            if len(self.classes) < 2:
                raise BadInput(f'{self.algorithm} knows one class alone ("{"".join(self.classes)}"): it tells nothing apart.')
            self.task = "binary" if len(self.classes) == 2 else "multiclass"
            self.is_class_named = not all(one.isdigit() for one in self.classes)
            self.has_probabilities = hasattr(self.model, "predict_proba")
            if not self.has_probabilities:
                self.notes.append(f"{type(core).__name__} gives no probabilities: 1 stands for the class that it chooses.")
        elif is_regressor(self.model) or hasattr(core, "predict"):
            self.task = "regression"
        else:
            raise BadInput(
                f"{self.algorithm} predicts nothing: it only transforms. Save the whole pipeline, with its last step that predicts."
            )
        self.threshold = own_threshold(core)

    def table(self, frame: pd.DataFrame) -> Any:
        rows = frame[[column.name for column in self.columns]]
        if self.is_text:
            cells = rows.iloc[:, 0]
            if cells.isna().any():
                row = frame.index[int(np.flatnonzero(cells.isna())[0])]
                raise BadInput(f'Row {row}: "{self.columns[0].name}" is missing; a text is needed.', column=self.columns[0].name)
            return cells.tolist()
        if self.is_named:
            return rows
        return rows.to_numpy(object if any(column.is_words for column in self.columns) else np.float64)

    def answer(self, frame: pd.DataFrame) -> np.ndarray:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            rows = self.table(frame)
            if self.task != "regression" and self.has_probabilities:
                return np.asarray(self.model.predict_proba(rows), np.float64)
            said = np.asarray(self.model.predict(rows))
        if self.task != "regression":
            place = {name: number for number, name in enumerate(self.own_classes())}
            return np.eye(len(place))[[place[word(one)] for one in said.tolist()]]
        if said.ndim == 2 and said.shape[1] == 1:
            said = said[:, 0]
        if said.ndim != 1:
            raise BadInput(
                f"{self.algorithm} answers with {said.shape[1]} numbers for each row, which is not supported. "
                "Import one model for each target."
            )
        return said.astype(np.float64)

    def labels(self, frame: pd.DataFrame) -> list[str] | None:
        if not self.classes:
            return None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            said = np.ravel(np.asarray(self.model.predict(self.table(frame)))).tolist()
        names = dict(zip(self.own_classes(), self.classes, strict=True))
        return [names.get(word(one), word(one)) for one in said]

    def own_classes(self) -> list[str]:
        return [word(one) for one in np.ravel(self.model.classes_)]

    def graphs(self) -> Iterator[bytes]:
        from atoll_engines.bring.pipelines.estimators import estimate
        from atoll_engines.bring.pipelines.flow import Flow, Part
        from atoll_engines.bring.trees.finish import finish_graph
        from atoll_engines.onnx_models.outputs import to_float
        from atoll_engines.recipes.graph_maths import GraphMaths, GraphTensor

        if self.is_text:
            raise EngineError("Texts are divided into words by rules of scikit-learn's own, which are written as no graph here.")
        if any(column.type == "datetime" for column in self.columns):
            raise EngineError("Dates within a pipeline are written as no graph here.")
        graph = builder(self.columns)
        maths = GraphMaths(graph)
        tensors = {False: GraphTensor(graph, "numbers"), True: GraphTensor(graph, "strings")}
        totals = {kind: sum(column.is_words is kind for column in self.columns) for kind in tensors}
        parts, counted = [], {False: 0, True: 0}
        for kind, count in runs([column.is_words for column in self.columns]):
            start, counted[kind] = counted[kind], counted[kind] + count
            tensor = tensors[kind]
            chosen = tensor if count == totals[kind] else maths.choose(tensor, list(range(start, start + count)))
            parts.append(Part(chosen, count, kind))
        answer = to_float(graph, estimate(self.model, Flow(maths, parts)).name)
        yield finish_graph(graph, answer, self.task or "regression", len(self.classes or ()))


def runs(kinds: list[bool]) -> list[tuple[bool, int]]:
    """Lengths of what follows one another."""
    found: list[tuple[bool, int]] = []
    for kind in kinds:
        if found and found[-1][0] is kind:
            found[-1] = (kind, found[-1][1] + 1)
        else:
            found.append((kind, 1))
    return found


def innermost(model: Any) -> Any:
    """The estimator that answers, within pipelines and searches."""
    for name in ("best_estimator_", "regressor_"):
        if hasattr(model, name):
            return innermost(getattr(model, name))
    if type(model).__name__ == "Pipeline" and getattr(model, "steps", None):
        return innermost(model.steps[-1][1])
    return model


def first_step(model: Any) -> Any:
    if hasattr(model, "best_estimator_"):
        return first_step(model.best_estimator_)
    return first_step(model.steps[0][1]) if type(model).__name__ in ("Pipeline",) and model.steps else model


def is_of_texts(model: Any) -> bool:
    first = first_step(model)
    if type(first).__name__ == "FeatureUnion":
        return all(is_of_texts(one) for _, one in first.transformer_list)
    return type(first).__name__ in TEXT_STEPS


def parameters(model: Any) -> dict[str, Any]:
    try:
        return model.get_params(deep=False)
    except Exception:
        return {}


def own_threshold(model: Any) -> float | None:
    """Of a classifier that chooses by a threshold of its own."""
    found = getattr(model, "best_threshold_", None)
    if found is None and type(model).__name__ == "FixedThresholdClassifier":
        found = model.threshold if model.threshold != "auto" else None
    return float(found) if found is not None else None


def load(path: Path) -> Original:
    """From a pickle or a joblib file."""
    model, said = read_pickle(path)
    return of_object(model, path.name, said)


def of_object(model: Any, name: str, notes: list[str]) -> Original:
    """Of what a pickle held."""
    library, kind = type(model).__module__.split(".", 1)[0], type(model).__name__
    if isinstance(model, dict):
        inside = [value for value in model.values() if hasattr(value, "predict")]
        if len(inside) == 1:
            return of_object(inside[0], name, [*notes, "The file holds a dictionary with one model in it; that one is used."])
        raise BadInput(
            f'"{name}" holds a dictionary ({", ".join(map(str, list(model)[:10]))}) with {len(inside)} models, not one. '
            "Save the model alone.",
            file=name,
        )
    made = of_booster(model, library, kind)
    if made is not None:
        made.notes = [*notes, *made.notes]
        return made
    if not hasattr(model, "predict") and not hasattr(model, "transform"):
        raise BadInput(
            f'"{name}" holds {type(model).__module__}.{kind}, which is no model that predicts. Save the fitted model itself.', file=name
        )
    refuse_unfitted(model, name)
    return SklearnOriginal(model, notes)


def of_booster(model: Any, library: str, kind: str) -> Original | None:
    from atoll_engines.bring.trees import catboost_model, lightgbm_model, xgboost_model

    if library == "xgboost":
        return xgboost_model.XgboostOriginal(model) if kind == "Booster" else xgboost_model.of_wrapper(model)
    if library == "lightgbm":
        return lightgbm_model.LightgbmOriginal(model) if kind == "Booster" else lightgbm_model.of_wrapper(model)
    return catboost_model.of_wrapper(model) if library in ("catboost", "_catboost") else None


def refuse_unfitted(model: Any, name: str) -> None:
    from sklearn.exceptions import NotFittedError
    from sklearn.utils.validation import check_is_fitted

    try:
        check_is_fitted(model)
    except NotFittedError as error:
        raise BadInput(
            f'"{name}" holds {type(model).__name__} that was never fitted: it has learnt nothing. Fit it, then save it.', file=name
        ) from error
    except TypeError:
        return
