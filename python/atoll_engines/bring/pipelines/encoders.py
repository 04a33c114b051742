"""Encoders of scikit-learn as graph nodes: one-hot, ordinal, and by the target."""

from __future__ import annotations

from typing import Any

import numpy as np

from atoll_engines.bring.original import word
from atoll_engines.bring.pipelines.flow import Flow
from atoll_engines.bring.pipelines.transformers import STEPS, is_missing
from atoll_engines.errors import EngineError
from atoll_engines.recipes.graph_maths import GraphTensor

UNSEEN, GONE = -1.0, -2.0


def codes_of(flow: Flow, categories: list[Any]) -> list[GraphTensor]:
    """Of each column the place of a cell among the known values; -1 where it is none of them, that of NaN (or -2) where it is missing."""
    if len(categories) != flow.width:
        raise EngineError(f"An encoder knows {len(categories)} columns and is given {flow.width}.")
    maths, codes = flow.maths, []
    for place, (known, is_words) in enumerate(zip(categories, flow.kinds, strict=True)):
        values = list(np.asarray(known, dtype=object))
        gone = next((float(at) for at, one in enumerate(values) if is_missing(one)), GONE)
        cells = flow.select([place]).one()
        if is_words:
            labels = {word(one): float(at) for at, one in enumerate(values) if not is_missing(one)}
            # The empty text is how a missing word is told; a category of that name would be one too.
            labels.setdefault("", gone)
            codes.append(maths.string_values(cells, [list(labels)], [np.array(list(labels.values()))], [UNSEEN]))
        else:
            numbers = [as_number(one) for one in values if not is_missing(one)]
            points = np.array([numbers or [0.0]])
            found = maths.place_of(cells, points) - 1.0 if numbers else cells * 0.0 - 1.0
            codes.append(maths.where(maths.is_missing(cells), gone, found))
    return codes


def as_number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError) as error:
        raise EngineError(f"An encoder knows the word {value!r} in a column that is taken as numbers.") from error


def one_hot(step: Any, flow: Flow) -> Flow:
    maths, made, width = flow.maths, [], 0
    infrequent = getattr(step, "_default_to_infrequent_mappings", None) or [None] * len(step.categories_)
    for place, code in enumerate(codes_of(flow, step.categories_)):
        count = len(step.categories_[place])
        kept = list(range(count))
        mapping = infrequent[place]
        if mapping is not None:
            kept = [int(one) for one in mapping]
            count = max(kept) + 1
        # A value that is not known is nothing, or goes with the rare ones.
        others = -1
        if mapping is not None and step.handle_unknown in ("infrequent_if_exist", "warn"):
            others = count - 1
        code = mapped(maths, code, kept, others)
        dropped = None if step.drop_idx_ is None else step.drop_idx_[place]
        columns = [at for at in range(count) if dropped is None or at != after(kept, int(dropped))]
        if columns:
            made.append(maths.number(maths.is_equal(code, np.array([columns], np.float64))))
            width += len(columns)
    return Flow.of_numbers(maths, maths.concat(made) if len(made) > 1 else made[0], width)


def after(kept: list[int], place: int) -> int:
    """Where a category is once rare ones are together."""
    return kept[place] if 0 <= place < len(kept) else place


def mapped(
    maths: Any, code: GraphTensor, values: list[float] | list[int] | np.ndarray, unseen: float, gone: float | None = None
) -> GraphTensor:
    """A table's value for each code; what is unknown, and what is missing without being a category, lie before its first row."""
    table = np.array([unseen if gone is None else gone, unseen, *values], np.float64)
    return maths.lookup(table, maths.position(code + 2.0))


def ordinal(step: Any, flow: Flow) -> Flow:
    maths, made = flow.maths, []
    unseen = float(step.unknown_value) if step.handle_unknown == "use_encoded_value" else np.nan
    missing = step.encoded_missing_value
    infrequent = getattr(step, "_default_to_infrequent_mappings", None) or [None] * len(step.categories_)
    for known, code, mapping in zip(step.categories_, codes_of(flow, step.categories_), infrequent, strict=True):
        values = [float(one) for one in (mapping if mapping is not None else range(len(known)))]
        values = [float(missing) if is_missing(one) else value for one, value in zip(known, values, strict=True)]
        made.append(mapped(maths, code, values, unseen))
    return Flow.of_numbers(maths, maths.concat(made) if len(made) > 1 else made[0], len(made))


def target_encoder(step: Any, flow: Flow) -> Flow:
    if step.target_type_ == "multiclass":
        classes = len(step.classes_)
        codes = codes_of(flow, step.categories_)
        made = []
        for place, code in enumerate(codes):
            for k in range(classes):
                made.append(mapped(flow.maths, code, np.asarray(step.encodings_[place * classes + k]), float(step.target_mean_[k])))
    else:
        mean = float(np.ravel(step.target_mean_)[0])
        codes = codes_of(flow, step.categories_)
        made = [mapped(flow.maths, code, np.asarray(values), mean) for code, values in zip(codes, step.encodings_, strict=True)]
    return Flow.of_numbers(flow.maths, flow.maths.concat(made) if len(made) > 1 else made[0], len(made))


STEPS |= {"OneHotEncoder": one_hot, "OrdinalEncoder": ordinal, "TargetEncoder": target_encoder}
