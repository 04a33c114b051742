"""The documents of a table: which columns are text, how they are joined, and which rows hold none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from atoll_engines.errors import BadInput, what_exists
from atoll_engines.recipes import InputColumn
from atoll_engines.tabular.data import Column

WORDS = ("text", "category")


@dataclass(frozen=True)
class Documents:
    """The columns that make a document, in order, and what stands between them."""

    inputs: tuple[InputColumn, ...]
    separator: str = " "

    def of(self, frame: pd.DataFrame) -> np.ndarray:
        """One text for each row; a missing part is left out, a row without any is the empty text."""
        columns = [frame[one.name].to_numpy(dtype=object) for one in self.inputs]
        texts = np.empty(len(frame), dtype=object)
        for row in range(len(frame)):
            parts = [str(column[row]) for column in columns if isinstance(column[row], str) and column[row]]
            texts[row] = self.separator.join(parts)
        return texts


def chosen_documents(columns: Sequence[Column], target: str | None, options: dict[str, Any], separator: str = " ") -> Documents:
    """The text columns: those that `options` names, else all of type text, else the only column of words."""
    there = {column.name: column for column in columns if column.name != target}
    asked = options.get("columns") or options.get("column")
    names = [asked] if isinstance(asked, str) else asked
    if names:
        for name in names:
            if name not in there:
                raise BadInput(
                    f'There is no text column "{name}" to learn from. {what_exists(str(name), there)}',
                    parameter="options.column",
                    column=name,
                )
            if there[name].type not in WORDS:
                raise BadInput(f'Column "{name}" is of type {there[name].type}, not text.', parameter="options.column", column=name)
    else:
        names = [name for name, column in there.items() if column.type == "text"]
        words = [name for name, column in there.items() if column.type == "category"]
        if not names and len(words) == 1:
            names = words
        if not names:
            help = f" Name one of them (options.column): {', '.join(words)}." if words else ""
            raise BadInput(f"The table has no text column to learn from.{help}", parameter="options.column")
    return Documents(tuple(InputColumn(name, "text") for name in names), str(options.get("separator") or separator))


def refuse_empty(texts: np.ndarray, rows: np.ndarray, names: Sequence[str]) -> np.ndarray:
    """Marks the rows that have a document; none at all cannot be learned from."""
    filled = np.array([bool(text.strip()) for text in texts], dtype=bool)
    if not filled.any():
        said = ", ".join(f'"{name}"' for name in names)
        raise BadInput(f"Every document is empty ({said}); there is nothing to learn from.", column=names[0], row=int(rows[0]))
    return filled
