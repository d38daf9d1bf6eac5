"""Plain tables as cells in HBase: under a salted key, one family for each column; and the adapter seen through such tables."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pyarrow as pa

from adapters.interface import Adapter, ReadContext, Scan, Split, Verdict
from catalog.relations import TableRelation
from catalog.source_tables import Cell, HBaseTable, RawColumn, RowKey, Salt, Segment, SqlTable
from catalog.types import TEXT

CODECS = {"text": "text", "integer": "i64be", "bigint": "i64be", "double": "f64be", "boolean": "bool", "decimal": "decimal_be"}
KINDS = ("text", "number_text", "integer", "bigint", "double", "wild_double", "boolean", "decimal")
MARK = Cell(name="mark", family="mark", qualifier="m", codec="text", type=TEXT, required=True)
"""A row of which every column is NULL has no cell; like most HBase tables these have a cell in every row."""


class RelationalView:
    """The adapter under relations that name plain tables, as the suite's scans do. `tables` may have other names in HBase."""

    def __init__(self, adapter: Adapter, tables: Mapping[str, HBaseTable]) -> None:
        self._adapter, self._tables = adapter, tables
        self.capabilities = adapter.capabilities

    def _inner(self, scan: Scan) -> Scan:
        assert isinstance(scan.relation, TableRelation)
        name = scan.relation.table.name
        table = self._tables.get(name) or layout_of(SqlTable(name=name, columns=scan.relation.table.columns, key=("id",)))
        return replace(scan, relation=TableRelation(table=table))

    def classify(self, scan: Scan) -> Sequence[Verdict]:
        return self._adapter.classify(self._inner(scan))

    def explain(self, scan: Scan) -> str:
        return self._adapter.explain(self._inner(scan))

    def describe(self, table: str | None = None) -> Mapping[str, SqlTable]:
        names = {inner.name: name for name, inner in self._tables.items()}
        found = self._adapter.describe(None if table is None else self._tables[table].name)
        return {names[name]: _without_mark(replace(one, name=names[name])) for name, one in found.items()}

    def splits(self, scan: Scan) -> Sequence[Split]:
        return self._adapter.splits(self._inner(scan))

    def read(self, split: Split, context: ReadContext) -> Iterator[pa.RecordBatch]:
        return self._adapter.read(split, context)

    def ping(self, context: ReadContext) -> None:
        self._adapter.ping(context)

    def close(self) -> None:
        self._adapter.close()


def _without_mark(table: SqlTable) -> SqlTable:
    return replace(table, columns=tuple(column for column in table.columns if column.name != MARK.name))


def layout_of(table: SqlTable) -> HBaseTable:
    key = table.key[0]
    by_name = {column.name: column for column in table.columns}
    salt = Segment(name="salt", codec="text", width=1, salt=Salt(hash="crc32", of=key, modulo=5), type=TEXT)
    codec = CODECS[by_name[key].type.name]
    segment = Segment(name=key, codec=codec, width=8 if codec == "i64be" else None, type=by_name[key].type)
    return HBaseTable(name=table.name, row_key=RowKey(segments=(salt, segment)), cells=(*map(_cell, _stored(table)), MARK))


def _stored(table: SqlTable) -> list[RawColumn]:
    return [column for column in table.columns if column.name not in table.key and column.type.name in CODECS]


def _cell(column: RawColumn) -> Cell:
    return Cell(name=column.name, family=column.name, qualifier="q", codec=CODECS[column.type.name], type=column.type)


def cells_of(table: SqlTable, row: dict[str, Any]) -> Iterator[tuple[bytes, str, bytes, int, bytes]]:
    key = row[table.key[0]]
    name = str(zlib.crc32(str(key).encode()) % 5).encode() + _bytes(key)
    yield name, MARK.family, MARK.qualifier.encode(), 1, b""
    for column in _stored(table):
        if row.get(column.name) is not None:
            yield name, column.name, b"q", 1, _bytes(row[column.name])


def _bytes(value: Any) -> bytes:
    """A value as Java writes it, by other means than the adapter's."""
    match value:
        case str():
            return value.encode()
        case bool():
            return b"\xff" if value else b"\x00"
        case int():
            return struct.pack(">q", value)
        case float():
            return struct.pack(">d", value)
        case Decimal():
            return struct.pack(">i", 4) + int(value.scaleb(4)).to_bytes(12, "big", signed=True)
        case _:
            raise TypeError(type(value))
