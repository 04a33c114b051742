"""Reads a table channel: Parquet files and `schema.json` into a frame with a known type for each column."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from atoll_engines.errors import BadInput, EngineError

NUMERIC = ("number", "integer", "boolean")
WORDS = ("category", "text")


@dataclass(frozen=True)
class Column:
    """One column as `schema.json` declares it."""

    name: str
    type: str
    nullable: bool = True


@dataclass(frozen=True)
class TableFiles:
    """A table on disk: its columns, its number of rows and its files."""

    columns: tuple[Column, ...]
    rows: int
    files: tuple[Path, ...]
    row_id: str

    def column(self, name: str) -> Column | None:
        return next((column for column in self.columns if column.name == name), None)


def open_table(folder: Path) -> TableFiles:
    """Look at a channel without reading its rows."""
    files = tuple(sorted(folder.glob("*.parquet")))
    if not files:
        raise EngineError(f'The channel "{folder.name}" holds no Parquet file.')
    schema_file = folder / "schema.json"
    if not schema_file.is_file():
        raise EngineError(f'The channel "{folder.name}" has no schema.json.')
    schema = json.loads(schema_file.read_text("utf-8"))
    row_id = schema.get("rowId", "__row")
    columns = tuple(
        Column(item["name"], item["type"], item.get("nullable", True))
        for item in schema["columns"]
        if item["name"] != row_id
    )
    rows = sum(pq.read_metadata(file).num_rows for file in files)
    return TableFiles(columns, rows, files, row_id)


def read_frame(table: TableFiles, names: list[str]) -> pd.DataFrame:
    """The named columns as one frame; its index is the row's number in the data set version."""
    parts = list(read_chunks(table, names, rows_per_chunk=1_000_000))
    if not parts:
        return to_frame(pa.table({name: pa.array([], pa.string()) for name in names}), table, names)
    return pd.concat(parts, copy=False) if len(parts) > 1 else parts[0]


def read_chunks(
    table: TableFiles, names: list[str], rows_per_chunk: int = 131_072, only: np.ndarray | None = None
) -> Iterator[pd.DataFrame]:
    """The named columns piece by piece, so that a large table never lies in memory whole.

    `only` marks, by position in the files, the rows to read.
    """
    start = 0
    for file in table.files:
        source = pq.ParquetFile(file)
        present = set(source.schema_arrow.names)
        for name in names:
            if name not in present:
                raise BadInput(f'The table has no column "{name}".', column=name)
        wanted = [*names, table.row_id] if table.row_id in present else list(names)
        for batch in source.iter_batches(batch_size=rows_per_chunk, columns=wanted, use_threads=False):
            part = pa.table(batch)
            place = np.arange(start, start + part.num_rows)
            start += part.num_rows
            if only is not None:
                part, place = part.filter(pa.array(only[place])), place[only[place]]
            rows = part.column(table.row_id).to_numpy() if table.row_id in present else place
            frame = to_frame(part, table, names)
            frame.index = pd.Index(rows, name="__row")
            yield frame


def to_frame(part: pa.Table, table: TableFiles, names: list[str]) -> pd.DataFrame:
    """Arrow columns as the engines hold them: float64 numbers, UTC datetimes, words with None for missing."""
    values = {}
    for name in names:
        column = table.column(name)
        values[name] = to_values(part.column(name), column.type if column else "category")
    return pd.DataFrame(values, copy=False)


def to_values(column: pa.ChunkedArray, type: str) -> np.ndarray | pd.Series:
    """One column in the engines' form."""
    if type in NUMERIC:
        # Whole numbers beyond 2^53 become their nearest float64, as they do in JSON.
        return pc.cast(column, pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    if type == "datetime":
        return pc.cast(column, pa.timestamp("ms"), safe=False).to_numpy(zero_copy_only=False)
    words = pc.cast(column, pa.string()).dictionary_encode().combine_chunks()
    if isinstance(words, pa.ChunkedArray):
        words = words.chunk(0) if words.num_chunks else pa.array([], pa.string()).dictionary_encode()
    texts = np.append(words.dictionary.to_numpy(zero_copy_only=False).astype(object), None)
    codes = words.indices.fill_null(len(texts) - 1).to_numpy(zero_copy_only=False)
    # The empty string counts as missing.
    texts[texts == ""] = None
    return pd.Series(texts[codes], dtype=object)


def feature_columns(table: TableFiles, target: str, group: str | None, named: set[str]) -> list[Column]:
    """The columns a model may use: never the target; identifiers and what groups the rows only where a step names them."""
    return [
        column
        for column in table.columns
        if column.name != target and (column.name in named or (column.type != "id" and column.name != group))
    ]


def refuse_infinite(frame: pd.DataFrame) -> None:
    """An infinite number is a fault of the data; say where the first one is."""
    for name in frame.columns:
        values = frame[name]
        if values.dtype.kind != "f":
            continue
        wrong = np.flatnonzero(np.isinf(values.to_numpy()))
        if wrong.size:
            row = int(frame.index[wrong[0]])
            raise BadInput(
                f'The column "{name}" holds an infinite value in row {row}'
                f"{and_others(wrong.size - 1)}; replace it with a number or leave it empty.",
                column=name,
                row=row,
            )


def and_others(count: int) -> str:
    return "" if count <= 0 else f" and in {count} other row{'s' if count > 1 else ''}"
