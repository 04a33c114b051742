"""What the fitted steps of a pipeline tell of the raw columns: their types, the values they know, and where their numbers lie."""

from __future__ import annotations

from typing import Any

import numpy as np

from atoll_engines.bring.original import Column, word
from atoll_engines.bring.pipelines.transformers import is_missing, places_of

MANY_CATEGORIES = 5000
TEXT_STEPS = ("CountVectorizer", "TfidfVectorizer", "HashingVectorizer")
NUMERIC_STEPS = (
    "StandardScaler", "MinMaxScaler", "RobustScaler", "MaxAbsScaler", "PowerTransformer", "QuantileTransformer", "KBinsDiscretizer",
    "Normalizer",
    "PolynomialFeatures", "PCA", "TruncatedSVD", "KNNImputer", "IterativeImputer", "SplineTransformer", "Binarizer",
)  # fmt: skip


def look(step: Any, columns: list[Column]) -> None:
    """Write into the columns what a step that is given them (in this order) tells of them."""
    if step is None or isinstance(step, str) or not columns:
        return
    name = type(step).__name__
    if hasattr(step, "best_estimator_"):
        look(step.best_estimator_, columns)
    elif name == "Pipeline" and hasattr(step, "steps"):
        for _, one in step.steps:
            look(one, columns)
            if not keeps_columns(one):
                return
    elif name == "ColumnTransformer":
        for _, one, chosen in step.transformers_:
            places = places_of(step, chosen, len(columns))
            if type(one).__name__ in TEXT_STEPS:
                for place in places:
                    columns[place].type = "text"
            look(one, [columns[place] for place in places])
    elif name == "FeatureUnion":
        for _, one in step.transformer_list:
            look(one, columns)
    elif name in TEXT_STEPS:
        columns[0].type = "text"
    elif hasattr(step, "regressor_"):
        look(step.regressor_, columns)
    else:
        of_step(step, name, columns)


def keeps_columns(step: Any) -> bool:
    """Whether the step after this one still sees the raw columns, one for one."""
    return type(step).__name__ in ("SimpleImputer", "StandardScaler", "MinMaxScaler", "RobustScaler", "MaxAbsScaler") and not getattr(
        step, "add_indicator", False
    )


def of_step(step: Any, name: str, columns: list[Column]) -> None:
    known = getattr(step, "categories_", None)
    if known is not None and len(known) == len(columns):
        for column, values in zip(columns, known, strict=True):
            of_categories(column, list(values), step)
        return
    if name == "SimpleImputer":
        for column, fill in zip(columns, np.asarray(step.statistics_, dtype=object), strict=False):
            if isinstance(fill, str):
                column.type = column.type or "category"
            elif fill is not None and not is_missing(fill):
                column.type = column.type or "number"
                column.points.append(float(fill))
        return
    if name in NUMERIC_STEPS:
        for column in columns:
            column.type = column.type or "number"
    middle, spread = getattr(step, "mean_", getattr(step, "center_", None)), getattr(step, "scale_", None)
    if name in ("StandardScaler", "RobustScaler") and middle is not None and spread is not None:
        for column, at, by in zip(columns, np.ravel(middle), np.ravel(spread), strict=False):
            column.low, column.high = float(at - 2.5 * by), float(at + 2.5 * by)
    if name == "MinMaxScaler":
        for column, low, high in zip(columns, step.data_min_, step.data_max_, strict=False):
            column.low, column.high = float(low), float(high)
    if name == "GaussianNB":
        for place, column in enumerate(columns):
            spread = float(np.sqrt(step.var_[:, place].max()))
            column.low, column.high = float(step.theta_[:, place].min() - 2 * spread), float(step.theta_[:, place].max() + 2 * spread)
    of_trees(step, columns)


def of_categories(column: Column, values: list[Any], step: Any) -> None:
    present = [one for one in values if not is_missing(one)]
    if not present:
        return
    if any(isinstance(one, str) for one in present):
        column.type = "category"
        column.categories = [word(one) for one in present[:MANY_CATEGORIES]]
        column.is_closed = getattr(step, "handle_unknown", None) == "error"
    else:
        column.type = column.type or ("boolean" if all(isinstance(one, (bool, np.bool_)) for one in present) else "number")
        column.points = [float(one) for one in present[:MANY_CATEGORIES]]
        column.is_whole = all(point.is_integer() for point in column.points)
        column.is_closed = getattr(step, "handle_unknown", None) == "error"


def of_trees(step: Any, columns: list[Column]) -> None:
    """Thresholds of trees, where trees see the raw columns."""
    grown = [step] if hasattr(step, "tree_") else np.ravel(getattr(step, "estimators_", []))[:50]
    for one in grown:
        tree = getattr(one, "tree_", None)
        if tree is None:
            continue
        inner = tree.children_left != -1
        for feature, threshold in zip(tree.feature[inner][:200], tree.threshold[inner][:200], strict=True):
            if feature < len(columns) and len(columns[feature].points) < 200:
                columns[feature].points.append(float(threshold))
    for stage in getattr(step, "_predictors", [])[:50]:
        for predictor in stage:
            for one in predictor.nodes[predictor.nodes["is_leaf"] == 0][:100]:
                feature = int(one["feature_idx"])
                if feature < len(columns) and len(columns[feature].points) < 200:
                    columns[feature].points.append(float(one["num_threshold"]))
