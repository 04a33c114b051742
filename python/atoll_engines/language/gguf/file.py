"""The container: a header, named values, descriptions of tensors, and their bytes."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from atoll_engines.language.gguf.blocks import BLOCK, TENSOR_TYPES, encode

MAGIC, VERSION, ALIGNMENT = b"GGUF", 3, 32
UINT32, INT32, FLOAT32, BOOL, STRING, ARRAY = 4, 5, 6, 7, 8, 9


@dataclass(frozen=True)
class Value:
    """A named value with its kind; of an array `kind` is that of its items."""

    kind: int
    value: Any
    is_array: bool = False


@dataclass(frozen=True)
class Tensor:
    """A tensor with its number format; `read` gives it when it is written, so that one lies in memory at a time."""

    name: str
    shape: tuple[int, ...]
    level: str
    read: Callable[[], np.ndarray]

    @property
    def size(self) -> int:
        count = int(np.prod(self.shape))
        return {"f32": 4 * count, "f16": 2 * count, "q8_0": count // BLOCK * 34, "q4_0": count // BLOCK * 18}[self.level]


def whole(value: int) -> Value:
    return Value(UINT32, int(value))


def real(value: float) -> Value:
    return Value(FLOAT32, float(value))


def truth(value: bool) -> Value:
    return Value(BOOL, bool(value))


def words(value: str | list[str]) -> Value:
    return Value(STRING, value, isinstance(value, list))


def list_of(kind: int, value: Iterable[Any]) -> Value:
    return Value(kind, list(value), True)


def write_file(path: Path, values: dict[str, Value], tensors: list[Tensor]) -> None:
    """Write the file; tensors follow the header in their order, each at a multiple of the alignment."""
    with path.open("wb") as file:
        file.write(MAGIC + struct.pack("<IQQ", VERSION, len(tensors), len(values)))
        for name, value in values.items():
            put_text(file, name)
            put_value(file, value)
        offset = 0
        for one in tensors:
            put_text(file, one.name)
            # The innermost dimension stands first.
            file.write(struct.pack(f"<I{len(one.shape)}QIQ", len(one.shape), *reversed(one.shape), TENSOR_TYPES[one.level], offset))
            offset += aligned(one.size)
        file.write(b"\0" * (aligned(file.tell()) - file.tell()))
        for one in tensors:
            data = encode(one.read(), one.level)
            file.write(data + b"\0" * (aligned(len(data)) - len(data)))


def aligned(size: int) -> int:
    return -(-size // ALIGNMENT) * ALIGNMENT


def put_text(file: BinaryIO, text: str) -> None:
    data = text.encode("utf-8", "surrogatepass")
    file.write(struct.pack("<Q", len(data)) + data)


def put_value(file: BinaryIO, value: Value) -> None:
    if not value.is_array:
        file.write(struct.pack("<I", value.kind))
        put_one(file, value.kind, value.value)
        return
    file.write(struct.pack("<IIQ", ARRAY, value.kind, len(value.value)))
    for one in value.value:
        put_one(file, value.kind, one)


def put_one(file: BinaryIO, kind: int, value: Any) -> None:
    if kind == STRING:
        put_text(file, value)
    else:
        file.write(struct.pack({UINT32: "<I", INT32: "<i", FLOAT32: "<f", BOOL: "<?"}[kind], value))
