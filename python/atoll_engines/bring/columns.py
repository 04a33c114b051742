"""The raw columns of a brought model: what it tells itself, what the user says, and what the sample shows, together."""

from __future__ import annotations

from atoll_engines.bring.original import MOST_COLUMNS, Column, Original, lacking
from atoll_engines.bring.request import Given, Request
from atoll_engines.errors import BadInput, what_exists
from atoll_engines.tabular.data import TableFiles, read_frame


def settle_columns(original: Original, request: Request, sample: TableFiles | None) -> None:
    """Names and types of the original's columns; what cannot be settled is asked of the user."""
    given = request.inputs
    if given is not None:
        take_given(original, given)
    elif not original.is_named and sample is not None:
        take_names(original, sample, request)
    if len(original.columns) > MOST_COLUMNS:
        raise BadInput(f"The model takes {len(original.columns)} columns; at most {MOST_COLUMNS} can be served.")
    if sample is not None:
        take_types(original, sample)
    for column in original.columns:
        column.type = column.type or "number"
    seen = {one.name: one.categories for one in given or () if one.categories}
    if sample is not None:
        words = [column.name for column in original.columns if column.is_words and column.name not in seen]
        frame = read_frame(sample, words)
        seen |= {name: sorted(set(frame[name].dropna())) for name in words}
    original.complete(seen)


def take_given(original: Original, given: tuple[Given, ...]) -> None:
    """The user's columns: by name where the original has names, else by their place."""
    if not original.columns:
        original.columns = [Column(one.name) for one in given]
    if len(given) != len(original.columns):
        raise lacking("columns", f"The model takes {len(original.columns)} columns, and {len(given)} were given.")
    if original.is_named and {one.name for one in given} == {column.name for column in original.columns}:
        by_name = {one.name: one for one in given}
        pairs = [(column, by_name[column.name]) for column in original.columns]
    elif original.is_named:
        strange = next(one.name for one in given if one.name not in {column.name for column in original.columns})
        raise BadInput(
            f'The model has no column "{strange}". {what_exists(strange, [column.name for column in original.columns])}', column=strange
        )
    else:
        pairs = list(zip(original.columns, given, strict=True))
    for column, one in pairs:
        column.name = one.name
        # Words that the model knows decide: a number cannot be one of them.
        if column.type is None or (not column.is_words and one.type not in (None, "category", "text")):
            column.type = one.type
        if column.nullable is None and one.nullable is False:
            column.nullable = False
        column.categories = column.categories or one.categories
        column.low = one.low if one.low is not None else column.low
        column.high = one.high if one.high is not None else column.high


def take_names(original: Original, sample: TableFiles, request: Request) -> None:
    """Names of the sample's columns for those of a model that has none, in their order."""
    apart = {request.target, request.expected}
    names = [column.name for column in sample.columns if column.name not in apart]
    if original.columns and len(names) != len(original.columns):
        raise lacking(
            "columns",
            f"The model takes {len(original.columns)} columns that it does not name, and the sample has {len(names)} "
            f"({', '.join(names[:10])}{', …' if len(names) > 10 else ''}). Say which, "
            "in the model's order (inputs), or leave the others out of the sample.",
        )
    if not original.columns:
        original.columns = [Column(name) for name in names]
    for column, name in zip(original.columns, names, strict=True):
        column.name = name


def take_types(original: Original, sample: TableFiles) -> None:
    for column in original.columns:
        found = sample.column(column.name)
        if found is None:
            raise BadInput(
                f'The sample has no column "{column.name}", which the model takes. '
                f"{what_exists(column.name, [one.name for one in sample.columns])}",
                column=column.name,
            )
        if found.type in ("image", "audio"):
            raise BadInput(f'The column "{column.name}" holds {found.type}s, which this model does not take.', column=column.name)
        if (
            column.type is None
            or (column.type == "category" and found.type == "text")
            or (column.type == "number" and found.type == "boolean")
        ):
            column.type = {"id": "category", "integer": "number"}.get(found.type, found.type)
