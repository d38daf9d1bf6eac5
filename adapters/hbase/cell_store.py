"""A local store of HBase cells: one Parquet file per table, kept in memory in HBase's own order."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from adapters.hbase.byte_ranges import ByteRange, key_range
from adapters.hbase.cell_source import CellBlock, CellRequest
from adapters.interface import ReadContext, SourceError

_COLUMNS = ("row", "family", "qualifier", "timestamp", "value")


class _Cell(NamedTuple):
    family: str
    qualifier: bytes
    name: bytes
    timestamp: int
    value: bytes


@dataclass(frozen=True, slots=True)
class _Table:
    """Row keys in order, and for each its cells, newest version of each column first."""

    keys: list[bytes]
    cells: list[list[_Cell]]
    families: frozenset[str]


class CellStore:
    """Reads `<folder>/<table>.cells.parquet`; a table is loaded when it is first asked for."""

    filters = False

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._tables: dict[str, _Table] = {}
        self._lock = Lock()
        self._closed = False

    def scan(
        self, request: CellRequest, ranges: Sequence[ByteRange], context: ReadContext, first: int | None = None
    ) -> Iterator[CellBlock]:
        """Blocks of `first` rows, then of twice as many each time, within the context's bounds."""
        table = self._table(request)
        most = context.batch_rows if first is None else min(max(first, 1), context.batch_rows)
        block = _Block(request)
        for index in _indices(table, ranges):
            block.add(table.keys[index], _wanted(table.cells[index], request))
            if len(block.found.keys) >= most or block.found.cells >= 4 * context.batch_rows or block.found.size >= context.batch_bytes:
                yield block.found
                context.check()
                block, most = _Block(request), min(2 * most, context.batch_rows)
        if block.found.keys:
            yield block.found

    def get(self, request: CellRequest, keys: Sequence[bytes], context: ReadContext) -> Iterator[CellBlock]:
        return self.scan(request, [key_range(key) for key in keys], context)

    def boundaries(self, table: str) -> Sequence[bytes]:  # noqa: ARG002 -- the protocol's signature
        return ()

    def ping(self, requests: Sequence[CellRequest], context: ReadContext) -> None:  # noqa: ARG002
        if not self._folder.is_dir():
            raise SourceError("S101", "the folder of the cell store does not exist", "look at the url of the source: cells:DIR")
        for request in requests:
            self._path(request.table)

    def close(self) -> None:
        with self._lock:
            self._closed = True
            self._tables.clear()

    def _path(self, table: str) -> Path:
        path = self._folder / f"{table}.cells.parquet"
        if not path.is_file():
            there = ", ".join(sorted(found.name.removesuffix(".cells.parquet") for found in self._folder.glob("*.cells.parquet")))
            raise SourceError("S120", f"the table {table} is not in the cell store", f"its folder has: {there or 'no tables'}")
        return path

    def _table(self, request: CellRequest) -> _Table:
        with self._lock:
            if self._closed:
                raise SourceError("S101", "the source has been closed")
            table = self._tables.get(request.table)
            if table is None:
                table = self._tables[request.table] = _load(request.table, self._path(request.table))
        missing = sorted(set(request.families) - table.families)
        if missing and table.keys:
            fact = f"the table {request.table} has no family {', '.join(missing)}"
            raise SourceError("S120", fact, f"its families are: {', '.join(sorted(table.families))}")
        return table


class _Block:
    """A block that grows by rows."""

    def __init__(self, request: CellRequest) -> None:
        self.found = CellBlock(columns=[[] for _ in request.columns])
        self._slots = {name: index for index, name in enumerate(request.columns)}
        self._loose, self._all_versions = request.loose, request.versions == "all"

    def add(self, key: bytes, cells: Sequence[_Cell]) -> None:
        if not cells:
            return
        found, place = self.found, len(self.found.keys)
        held: list[bytes | None] = [None] * len(self._slots)
        found.keys.append(key)
        found.cells += len(cells)
        found.size += sum(len(key) + len(cell.qualifier) + len(cell.value) for cell in cells)
        for cell in cells:
            slot = self._slots.get(cell.name)
            if slot is not None:
                held[slot] = cell.value if held[slot] is None else held[slot]
            elif self._loose:
                found.places.append(place)
                found.names.append(cell.name)
                found.values.append(cell.value)
                if self._all_versions:
                    found.times.append(cell.timestamp)
        for column, value in zip(found.columns, held, strict=True):
            column.append(value)


def _indices(table: _Table, ranges: Sequence[ByteRange]) -> Iterator[int]:
    for found in ranges:
        last = len(table.keys) if found.stop is None else bisect_left(table.keys, found.stop)
        yield from range(bisect_left(table.keys, found.start), last)


def _wanted(cells: list[_Cell], request: CellRequest) -> list[_Cell]:
    found: list[_Cell] = []
    families, latest = request.families, request.versions == "latest"
    before: bytes | None = None
    for cell in cells:
        if families and cell.family not in families:
            continue
        ranges = families[cell.family] if families else None
        if ranges is not None and not any(r.contains(cell.qualifier) for r in ranges):
            continue
        if latest:
            if cell.name == before:
                continue
            before = cell.name
        found.append(cell)
    return found


def _load(name: str, path: Path) -> _Table:
    try:
        read = pq.read_table(path, columns=list(_COLUMNS))
        columns = [read.column(column).to_pylist() for column in _COLUMNS]
    except (pa.ArrowException, KeyError, OSError):
        hint = f"it must be Parquet with the columns {', '.join(_COLUMNS)}"
        raise SourceError("S120", f"the cells of table {name} cannot be read", hint) from None
    cells = sorted(zip(*columns, strict=True), key=lambda cell: (cell[0], cell[1], cell[2], -cell[3]))
    keys: list[bytes] = []
    rows: list[list[_Cell]] = []
    for key, family, qualifier, timestamp, value in cells:
        if not keys or keys[-1] != key:
            keys.append(key)
            rows.append([])
        rows[-1].append(_Cell(family, qualifier, family.encode() + b":" + qualifier, timestamp, value))
    return _Table(keys, rows, frozenset(columns[1]))
