"""Files inside rows: what a client sends for an image or a sound, and what a worker that answers line by line is handed."""

from __future__ import annotations

import base64
import binascii
import re

from atoll_engines.errors import BadInput

HEAD = re.compile(r"^data:[^,]{0,200};base64,")


def bytes_of(value: object, row: int, column: str) -> bytes:
    """The bytes of a file that stands in a row as base64 or as a data URL."""
    where = f'Row {row}, column "{column}"'
    if not isinstance(value, str) or not value:
        raise BadInput(f"{where}: expected the bytes of a file as base64, got {_described(value)}.", row=row, column=column)
    head = HEAD.match(value)
    if head is None and value.startswith("data:"):
        raise BadInput(f'{where}: it is not a data URL of the form "data:image/png;base64,…".', row=row, column=column)
    text = "".join((value[head.end() :] if head else value).split())
    try:
        content = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        content = b""
    if not content:
        raise BadInput(f"{where}: it is not base64.", row=row, column=column)
    return content


def as_sent(content: bytes) -> str:
    """A file as a row of `parity_rows.jsonl` holds it."""
    return base64.b64encode(content).decode("ascii")


def _described(value: object) -> str:
    return "nothing" if value is None else "empty text" if value == "" else f"something of the type {type(value).__name__}"
