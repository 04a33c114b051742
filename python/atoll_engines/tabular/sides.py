"""Which columns of a table of pairs describe the left object; the rest describes the right one."""

from __future__ import annotations

from collections.abc import Iterable

from atoll_engines.errors import BadInput, what_exists
from atoll_engines.tabular.request import Request
from atoll_engines.tabular.training_table import Source

PAIRS = "pair_embeddings"


def left_columns(request: Request, source: Source, also: Iterable[str] = ()) -> tuple[str, ...]:
    """`options.left`, checked; of two columns the first. Empty where no algorithm asked for, or of `also`, reads pairs."""
    given = request.options.get("left")
    wanted = {*also, *request.algorithms, *(request.options.get("members") or []), request.options.get("base")}
    if given is None and PAIRS not in wanted:
        return ()
    names = [column.name for column in source.schema if column.type != "id"]
    if given is None:
        if len(names) == 2:
            return (names[0],)
        raise BadInput(
            f"Pairs have a left and a right object, and the table has {len(names)} columns beside the target: {', '.join(names)}. "
            f'Say which describe the left one: options.left, as ["{names[0] if names else "user"}"]; the rest is the right one.',
            parameter="left",
        )
    # One column may be named plainly, as on a command line.
    given = [given] if isinstance(given, str) else given
    if not isinstance(given, list) or not given or not all(isinstance(name, str) for name in given):
        raise BadInput('options.left is a list of the columns that describe the left object, as ["user"].', parameter="left")
    for name in given:
        if source.tables[0].column(name) is None or name == request.target:
            raise BadInput(f'There is no column "{name}" for the left object. {what_exists(name, names)}', parameter="left", column=name)
    # An identifier is read where a step names it; of a part of the columns only that part has sides.
    left = tuple(column.name for column in source.schema if column.name in given)
    if not left or len(left) == len(source.schema):
        one, other = ("left", "right") if not left else ("right", "left")
        raise BadInput(
            f"No column is left for the {one} object: {', '.join(names)} all describe the {other} one.", parameter="left"
        )
    return left
