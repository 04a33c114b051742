"""The columns that steps ask for by name, before any step is built."""

from collections.abc import Iterable, Sequence
from typing import Any

from .expressions import ExpressionError, names_in, parse


def named_columns(steps: Sequence[Any]) -> set[str]:
    """Every name in the columns, expressions, ratios and renamings of the steps; selectors name no column."""
    return {name for given in steps if isinstance(given, dict) for name in _named(given) if isinstance(name, str)}


def _named(given: dict[str, Any]) -> Iterable[Any]:
    chosen = given.get("columns")
    yield from [chosen] if isinstance(chosen, str) else chosen or []
    yield given.get("numerator")
    yield given.get("denominator")
    if given.get("step") == "rename" and isinstance(given.get("names"), dict):
        yield from given["names"]
    if isinstance(given.get("expression"), str):
        try:
            yield from names_in(parse(given["expression"]))
        except ExpressionError:
            # The step itself says what is wrong with it.
            return
