"""A local store of HBase cells: one Parquet file per table, kept in memory in HBase's own order."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

import pyarrow as pa
import pyarrow.parquet as pq

from adapters.hbase.byte_ranges import ByteRange
from adapters.hbase.cell_source import CellRequest, StoredCell, StoredRow
from adapters.interface import SourceError

_COLUMNS = ("row", "family", "qualifier", "timestamp", "value")


@dataclass(frozen=True, slots=True)
class _Table:
    """Row keys in order, and for each its cells, newest version of each column first."""

    keys: list[bytes]
    cells: list[list[StoredCell]]
    families: frozenset[str]


class CellStore:
    """Reads `<folder>/<table>.cells.parquet`; a table is loaded when it is first asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._tables: dict[str, _Table] = {}
        self._lock = Lock()
        self._closed = False

    def scan(self, request: CellRequest, ranges: Sequence[ByteRange], limit: int | None = None) -> Iterator[StoredRow]:
        table = self._table(request)
        left = len(table.keys) if limit is None else limit
        for found in ranges:
            first = bisect_left(table.keys, found.start)
            last = len(table.keys) if found.stop is None else bisect_left(table.keys, found.stop)
            for index in range(first, last):
                if left <= 0:
                    return
                cells = _wanted(table.cells[index], request)
                if cells:
                    left -= 1
                    yield StoredRow(table.keys[index], cells)

    def get(self, request: CellRequest, keys: Sequence[bytes]) -> Iterator[StoredRow]:
        return self.scan(request, [ByteRange(key, key + b"\x00") for key in keys])

    def ping(self, tables: Sequence[str]) -> None:
        if not self._folder.is_dir():
            raise SourceError("S101", "the folder of the cell store does not exist", "look at the url of the source: cells:DIR")
        for table in tables:
            self._path(table)

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


def _wanted(cells: list[StoredCell], request: CellRequest) -> list[StoredCell]:
    found: list[StoredCell] = []
    families, latest = request.families, request.versions == "latest"
    before: tuple[str, bytes] | None = None
    for cell in cells:
        family, qualifier, _, _ = cell
        if families and family not in families:
            continue
        ranges = families[family] if families else None
        if ranges is not None and not any(r.contains(qualifier) for r in ranges):
            continue
        if latest:
            if (family, qualifier) == before:
                continue
            before = family, qualifier
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
    rows: list[list[StoredCell]] = []
    for key, family, qualifier, timestamp, value in cells:
        if not keys or keys[-1] != key:
            keys.append(key)
            rows.append([])
        rows[-1].append(StoredCell(family, qualifier, timestamp, value))
    return _Table(keys, rows, frozenset(columns[1]))
