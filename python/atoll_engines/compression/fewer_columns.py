"""Recipes for fewer columns."""

from __future__ import annotations

from typing import Any

from atoll_engines.recipes import named_columns

MAKING = ("name",)


def steps_without(steps: list[dict[str, Any]], kept: set[str]) -> list[dict[str, Any]]:
    """The steps as far as they are about columns that are there, or were made of such."""
    known = set(kept)
    result = []
    for step in steps:
        columns = step.get("columns")
        others = named_columns([{**step, "columns": None}])
        if not others <= known:
            # What would be made of a missing column is missing to the steps behind it too.
            continue
        if isinstance(columns, list):
            left = [name for name in columns if name in known]
            if columns and not left:
                continue
            step = {**step, "columns": left}
        elif isinstance(columns, str) and not columns.startswith("*") and columns not in known:
            continue
        known |= {step[name] for name in MAKING if isinstance(step.get(name), str)}
        result.append(step)
    return result
