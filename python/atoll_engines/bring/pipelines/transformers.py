"""Steps of scikit-learn that prepare columns, as graph nodes that compute what they compute, in float64."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from atoll_engines.bring.original import called, word
from atoll_engines.bring.pipelines.flow import Flow, Part
from atoll_engines.errors import EngineError
from atoll_engines.recipes.graph_maths import GraphMaths, GraphTensor

Step = Callable[[Any, Flow], Flow]


def apply(step: Any, flow: Flow) -> Flow:
    """What a fitted step makes of the columns."""
    if step is None or isinstance(step, str):
        if step == "drop":
            return Flow(flow.maths, [])
        return flow
    known = STEPS.get(type(step).__name__) if type(step).__module__.split(".", 1)[0] in ("sklearn", "imblearn") else None
    if known is None:
        raise EngineError(f"The step {called(step)} is written as no graph here.")
    return known(step, flow)


def pipeline(step: Any, flow: Flow) -> Flow:
    for _, one in step.steps:
        flow = apply(one, flow)
    return flow


def column_transformer(step: Any, flow: Flow) -> Flow:
    made = []
    for _, one, columns in step.transformers_:
        places = places_of(step, columns, flow.width)
        if places:
            made.append(apply(one, flow.select(places)))
    return Flow.joined(flow.maths, made)


def places_of(step: Any, columns: Any, width: int) -> list[int]:
    """The positions of columns that are named, numbered, sliced or marked."""
    if isinstance(columns, (str, int, np.integer)):
        columns = [columns]
    if isinstance(columns, slice):
        if isinstance(columns.start, str) or isinstance(columns.stop, str):
            names = list(step.feature_names_in_)
            first = names.index(columns.start) if columns.start is not None else 0
            last = names.index(columns.stop) + 1 if columns.stop is not None else len(names)
            return list(range(first, last))
        return list(range(width))[columns]
    listed = list(columns)
    if listed and isinstance(listed[0], (bool, np.bool_)):
        return [place for place, is_in in enumerate(listed) if is_in]
    if listed and isinstance(listed[0], str):
        names = {str(name): place for place, name in enumerate(step.feature_names_in_)}
        return [names[one] for one in listed]
    return [int(one) % width if int(one) < 0 else int(one) for one in listed]


def feature_union(step: Any, flow: Flow) -> Flow:
    weights = step.transformer_weights or {}
    made = []
    for name, one in step.transformer_list:
        if isinstance(one, str) and one == "drop":
            continue
        part = apply(one, flow)
        if weights.get(name) not in (None, 1, 1.0):
            part = Flow.of_numbers(flow.maths, part.numbers(name) * float(weights[name]), part.width)
        made.append(part)
    return Flow.joined(flow.maths, made)


def simple_imputer(step: Any, flow: Flow) -> Flow:
    refuse_other_missing(step)
    statistics = np.asarray(step.statistics_, dtype=object)
    parts, at, keeps = [], 0, []
    for part in flow.parts:
        fills = statistics[at : at + part.width]
        kept = [place for place, fill in enumerate(fills) if step.keep_empty_features or not is_missing(fill)]
        at += part.width
        keeps.extend(kept)
        tensor = part.tensor if len(kept) == part.width else flow.maths.choose(part.tensor, kept)
        if part.is_words:
            words = np.array([[word(fills[place]) for place in kept]], dtype=object)
            filled = flow.maths.string_choice(gone_words(flow.maths, tensor, len(kept)) > 0.0, words, tensor)
        else:
            numbers = np.array([[float(fills[place]) if not is_missing(fills[place]) else 0.0 for place in kept]])
            filled = flow.maths.where(flow.maths.is_missing(tensor), numbers, tensor)
        parts.append(Part(filled, len(kept), part.is_words))
    made = Flow(flow.maths, parts)
    if not step.add_indicator:
        return made
    return Flow.joined(flow.maths, [made, missing_indicator(step.indicator_, flow)])


def missing_indicator(step: Any, flow: Flow) -> Flow:
    refuse_other_missing(step)
    places = [int(one) for one in step.features_]
    if not places:
        return Flow(flow.maths, [])
    maths, marked = flow.maths, []
    for part in flow.select(places).parts:
        gone = gone_words(maths, part.tensor, part.width) if part.is_words else maths.number(maths.is_missing(part.tensor))
        marked.append(Part(gone, part.width, False))
    return Flow(maths, marked)


def gone_words(maths: GraphMaths, tensor: GraphTensor, width: int) -> GraphTensor:
    """1 where a word is missing (the empty text), else 0."""
    return maths.string_values(tensor, [[""]] * width, [np.array([1.0])] * width, [0.0] * width)


def refuse_other_missing(step: Any) -> None:
    missing = step.missing_values
    if not (missing is None or isinstance(missing, float) and np.isnan(missing) or type(missing).__name__ == "NAType"):
        raise EngineError(f"{type(step).__name__} takes {missing!r} for missing, which is written as no graph here.")


def is_missing(value: Any) -> bool:
    return value is None or isinstance(value, (float, np.floating)) and bool(np.isnan(value))


def linear_step(step: Any, flow: Flow, minus: Any, divide: Any) -> Flow:
    values = flow.numbers(type(step).__name__)
    if minus is not None:
        values = values - np.asarray(minus, np.float64)[None, :]
    if divide is not None:
        values = values / np.asarray(divide, np.float64)[None, :]
    return Flow.of_numbers(flow.maths, values, flow.width)


def standard_scaler(step: Any, flow: Flow) -> Flow:
    return linear_step(step, flow, step.mean_ if step.with_mean else None, step.scale_ if step.with_std else None)


def robust_scaler(step: Any, flow: Flow) -> Flow:
    return linear_step(step, flow, step.center_ if step.with_centering else None, step.scale_ if step.with_scaling else None)


def max_abs_scaler(step: Any, flow: Flow) -> Flow:
    made = linear_step(step, flow, None, step.scale_)
    return clipped(made, -1.0, 1.0) if getattr(step, "clip", False) else made


def min_max_scaler(step: Any, flow: Flow) -> Flow:
    values = flow.numbers("MinMaxScaler") * np.asarray(step.scale_)[None, :] + np.asarray(step.min_)[None, :]
    made = Flow.of_numbers(flow.maths, values, flow.width)
    return clipped(made, *map(float, step.feature_range)) if step.clip else made


def clipped(flow: Flow, low: float, high: float) -> Flow:
    maths, values = flow.maths, flow.one()
    bounded = maths.least(maths.greatest(values, np.float64(low)), np.float64(high))
    # A missing value stays missing.
    return Flow.of_numbers(maths, maths.where(maths.is_missing(values), values, bounded), flow.width)


def normalizer(step: Any, flow: Flow) -> Flow:
    maths, values = flow.maths, flow.numbers("Normalizer")
    if step.norm == "l2":
        length = maths.sqrt(maths.row_sum(values * values))
    elif step.norm == "l1":
        length = maths.row_sum(maths.abs(values))
    else:
        length = maths._node("ReduceMax", maths.abs(values), np.array([1], np.int64), keepdims=1)
    return Flow.of_numbers(maths, values / maths.where(maths.is_equal(length, 0.0), 1.0, length), flow.width)


def binarizer(step: Any, flow: Flow) -> Flow:
    values = flow.numbers("Binarizer")
    return Flow.of_numbers(flow.maths, flow.maths.number(values > float(step.threshold)), flow.width)


def polynomial(step: Any, flow: Flow) -> Flow:
    maths, values = flow.maths, flow.numbers("PolynomialFeatures")
    powers = np.asarray(step.powers_)
    if powers.size > 200_000:
        raise EngineError("PolynomialFeatures makes too many columns for a graph.")
    # One factor after the other: a column of ones stands for what is not multiplied with.
    ones = values * 0.0 + 1.0
    with_one = maths.concat([maths.choose(ones, [0]), values])
    factors = [[1 + place for place, power in enumerate(row) for _ in range(int(power))] for row in powers]
    longest = max((len(row) for row in factors), default=0)
    made = maths.choose(with_one, [row[0] if row else 0 for row in factors])
    for position in range(1, longest):
        made = made * maths.choose(with_one, [row[position] if position < len(row) else 0 for row in factors])
    return Flow.of_numbers(maths, made, len(factors))


def kbins(step: Any, flow: Flow) -> Flow:
    maths, values = flow.maths, flow.numbers("KBinsDiscretizer")
    codes, counts = [], [int(count) for count in step.n_bins_]
    for place, edges in enumerate(step.bin_edges_):
        inner = np.asarray(edges, np.float64)[1:-1]
        column = maths.choose(values, [place])
        codes.append(maths.count_passed(column, inner[None, :]) if len(inner) else column * 0.0)
    if step.encode == "ordinal":
        return Flow.of_numbers(maths, maths.concat(codes) if len(codes) > 1 else codes[0], len(codes))
    made = [
        maths.number(maths.is_equal(code, np.arange(count, dtype=np.float64)[None, :])) for code, count in zip(codes, counts, strict=True)
    ]
    return Flow.of_numbers(maths, maths.concat(made) if len(made) > 1 else made[0], sum(counts))


def function_transformer(step: Any, flow: Flow) -> Flow:
    if step.func is None:
        return flow
    if step.kw_args:
        raise EngineError("A FunctionTransformer with arguments is written as no graph here.")
    maths = flow.maths
    known: dict[Any, Callable[[GraphTensor], GraphTensor]] = {
        np.log: maths.log, np.exp: maths.exp, np.sqrt: maths.sqrt, np.abs: maths.abs, np.sign: maths.sign, np.square: lambda x: x * x,
        np.log1p: lambda x: maths.log(x + 1.0), np.expm1: lambda x: maths.exp(x) - 1.0, np.floor: maths.floor,
        np.log2: lambda x: maths.log(x) / float(np.log(2)), np.log10: lambda x: maths.log(x) / float(np.log(10)),
        np.reciprocal: lambda x: 1.0 / x, np.cbrt: lambda x: maths.sign(x) * maths._node("Pow", maths.abs(x), np.float64(1 / 3)),
    }  # fmt: skip
    make = known.get(step.func)
    if make is None:
        raise EngineError(
            f'The function "{getattr(step.func, "__name__", step.func)}" of a FunctionTransformer is written as no graph here.'
        )
    return Flow.of_numbers(maths, make(flow.numbers("FunctionTransformer")), flow.width)


def selector(step: Any, flow: Flow) -> Flow:
    return flow.select([int(place) for place in np.flatnonzero(step.get_support())])


def pca(step: Any, flow: Flow) -> Flow:
    maths, values = flow.maths, flow.numbers("PCA")
    components = np.asarray(step.components_, np.float64)
    if getattr(step, "mean_", None) is not None:
        values = values - np.asarray(step.mean_)[None, :]
    made = maths.product(values, components.T)
    if getattr(step, "whiten", False):
        least = np.finfo(np.float64).eps
        made = made / np.maximum(np.sqrt(step.explained_variance_), least)[None, :]
    return Flow.of_numbers(maths, made, len(components))


def power_transformer(step: Any, flow: Flow) -> Flow:
    maths, values = flow.maths, flow.numbers("PowerTransformer")
    made = []
    for place, power in enumerate(step.lambdas_):
        x, k = maths.choose(values, [place]), float(power)
        if step.method == "box-cox":
            made.append(maths.log(x) if k == 0 else (maths._node("Pow", x, np.float64(k)) - 1.0) / k)
            continue
        # The side that does not apply is computed at 0, where it is harmless.
        above = maths.where(x >= 0.0, x, 0.0) + 1.0
        below = 1.0 - maths.where(x < 0.0, x, 0.0)
        high = maths.log(above) if abs(k) < np.spacing(1.0) else (maths._node("Pow", above, np.float64(k)) - 1.0) / k
        low = 0.0 - maths.log(below) if abs(k - 2) <= np.spacing(1.0) else (1.0 - maths._node("Pow", below, np.float64(2 - k))) / (2 - k)
        made.append(maths.where(maths.is_missing(x), x, maths.where(x >= 0.0, high, low)))
    flow = Flow.of_numbers(maths, maths.concat(made) if len(made) > 1 else made[0], len(made))
    return standard_scaler(step._scaler, flow) if step.standardize else flow


STEPS: dict[str, Step] = {
    "Pipeline": pipeline, "ColumnTransformer": column_transformer, "FeatureUnion": feature_union, "SimpleImputer": simple_imputer,
    "MissingIndicator": missing_indicator, "StandardScaler": standard_scaler, "RobustScaler": robust_scaler, "MinMaxScaler": min_max_scaler,
    "MaxAbsScaler": max_abs_scaler, "Normalizer": normalizer, "Binarizer": binarizer, "PolynomialFeatures": polynomial,
    "KBinsDiscretizer": kbins, "FunctionTransformer": function_transformer, "PCA": pca, "TruncatedSVD": pca,
    "PowerTransformer": power_transformer,
    "SelectKBest": selector, "SelectPercentile": selector, "SelectFromModel": selector, "VarianceThreshold": selector, "RFE": selector,
    "RFECV": selector, "SelectFpr": selector, "SelectFdr": selector, "SelectFwe": selector, "GenericUnivariateSelect": selector,
    "SequentialFeatureSelector": selector,
}  # fmt: skip
