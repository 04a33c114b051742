"""Objects and those nearest to them: what the vectors of a model of pairs are for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from atoll_engines.tabular.networks.pair import SIDES, PairNetwork
from atoll_engines.tabular.parity_rows import as_sent
from atoll_engines.tabular.pipeline import Pipeline

MOST_OBJECTS, NEAREST = 1000, 10


def near_objects(pipeline: Pipeline, frame: pd.DataFrame) -> dict[str, list[dict[str, Any]]]:
    """By column that alone names an object: its most frequent values, each with those nearest to it by cosine."""
    if not isinstance(pipeline.model, PairNetwork):
        return {}
    found = {}
    for side in SIDES:
        column = naming_column(pipeline, side)
        if column is not None:
            found[column] = nearest(pipeline, frame, column, side)
    return found


def naming_column(pipeline: Pipeline, side: str) -> str | None:
    """The raw column that is all that is read of an object, where its values are categories."""
    model, own = pipeline.model, pipeline.model.sides[side]
    if own.numbers or len(own.categories) != 1:
        return None
    columns = pipeline.recipe.origins()[model.fields.code_columns[own.categories[0]]]
    return columns[0] if len(columns) == 1 else None


def nearest(pipeline: Pipeline, frame: pd.DataFrame, column: str, side: str) -> list[dict[str, Any]]:
    model = pipeline.model
    counts = frame[column].value_counts()
    # A row of each value, whatever else stands in it: the object's vector comes of this column alone.
    rows = frame.drop_duplicates(column).set_index(column, drop=False).loc[counts.index]
    x = pipeline.recipe.transform(rows)
    place = model.sides[side].categories[0]
    places = model.fields.places(x)[:, place]
    # What was too rare for a code of its own has no vector of its own, and of values under one code the first stands for all.
    known = (places != model.fields.offsets[place]) & ~pd.Series(places).duplicated().to_numpy()
    rows, x, times = rows[known][:MOST_OBJECTS], x[known][:MOST_OBJECTS], counts.to_numpy()[known][:MOST_OBJECTS]
    kind = next(one.type for one in pipeline.inputs if one.name == column)
    values = as_sent(rows[column], kind)
    vectors = model.predict_further(x)[f"{side}_vector"].astype(np.float64)
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    likeness = vectors @ vectors.T
    np.fill_diagonal(likeness, -np.inf)
    order = np.argsort(-likeness, axis=1, kind="stable")[:, : min(NEAREST, len(values) - 1)]
    return [
        {
            "value": str(value),
            "rows": int(times[k]),
            "near": [{"value": str(values[j]), "similarity": round(float(likeness[k, j]), 4)} for j in order[k]],
        }
        for k, value in enumerate(values)
    ]
