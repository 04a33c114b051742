"""Items that cannot be read: named one by one, and where they are too many the fault of the data set."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from atoll_engines.contract import Report
from atoll_engines.errors import BadInput

MOST_NAMED = 50
MOST_DAMAGED_SHARE = 0.2


class Unreadable(BadInput):
    """A file that is not of its kind, or is damaged."""


def content_of(value: Any, folder: Path | None, noun: str) -> bytes:
    """The bytes of a cell: an item's path within `folder`, or base64 and data URLs as clients send them."""
    if isinstance(value, bytes):
        return value
    if folder is not None:
        path = (folder / str(value)).resolve()
        if not path.is_relative_to(folder.resolve()) or not path.is_file():
            raise Unreadable(f'There is no file "{value}" among the items.', file=str(value))
        return path.read_bytes()
    text = str(value)
    if text.startswith("data:"):
        text = text.partition(",")[2]
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise Unreadable(f"The {noun} is neither base64 nor a data URL.") from error


def tell_damaged(
    damaged: list[tuple[int, str]], paths: Sequence[object], rows: np.ndarray, report: Report, noun: str, what: str = "training"
) -> None:
    """A warning (`<noun>_unreadable`) for each damaged item; too many of them are a fault of the data set."""
    if not damaged:
        return
    if len(damaged) == len(paths) or (len(damaged) > 10 and len(damaged) > MOST_DAMAGED_SHARE * len(paths)):
        raise BadInput(
            f"{len(damaged)} of {len(paths)} {noun}s cannot be read; the first: {damaged[0][1]}",
            file=str(paths[damaged[0][0]]),
            row=int(rows[damaged[0][0]]),
        )
    for place, sentence in damaged[:MOST_NAMED]:
        facts = {"file": str(paths[place]), "row": int(rows[place])}
        report.warning(f"{noun}_unreadable", f"{sentence} It is left out of {what}.", **facts)
    if len(damaged) > MOST_NAMED:
        sentence = f"{len(damaged) - MOST_NAMED} more {noun}s cannot be read and are left out."
        report.warning(f"{noun}_unreadable", sentence, rows=len(damaged))
