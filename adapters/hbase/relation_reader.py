"""Relation reader: what cells a relation needs, and how HBase rows become its columns. No I/O."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Protocol

import pyarrow as pa

from adapters.arrow_types import arrow_type
from adapters.hbase.byte_ranges import EVERYTHING, ByteRange, key_range, merge
from adapters.hbase.cell_source import CellBlock, CellRequest
from adapters.hbase.decode import decode_cells
from adapters.hbase.few_rows import FEW, FewRows, Row
from adapters.hbase.layout import KeyLayout
from adapters.hbase.qualifier import qualifier_parts, qualifier_reader
from adapters.interface import SourceError
from catalog.source_tables import Cell, HBaseTable

Columns = dict[str, pa.Array]
Families = dict[str, tuple[ByteRange, ...] | None]

TIMESTAMP = "_timestamp"


class RelationReader(Protocol):
    """Turns rows of the store into columns; the arrays are of one length, and hold every name asked for."""

    request: CellRequest

    def columns(self, block: CellBlock) -> tuple[Columns, int]:
        """The columns of these HBase rows, and how many relation rows they are. Raises SourceError S121."""
        ...


class RowReader:
    """`from: table`: a row per HBase row that counts as one.

    A row counts if it has every required cell; where none is declared, if it has a cell in a family of the declared cells
    (no declared cells: any cell). So what counts does not depend on the columns that are asked for.
    """

    def __init__(self, table: HBaseTable, layout: KeyLayout, names: Sequence[str]) -> None:
        self._table, self._layout, self._names = table, layout, frozenset(names)
        self._wanted = [cell for cell in table.cells if cell.required or cell.name in names]
        self._required = [index for index, cell in enumerate(self._wanted) if cell.required]
        self._few = FewRows(layout, [cell for cell in self._wanted if cell.name in names])
        self.request = CellRequest(
            table=table.name,
            families=self._families(),
            columns=tuple(map(_name, self._wanted)),
            existence=not self._wanted,
        )

    def _families(self) -> Families:
        if self._required:
            return _columns_of(self._wanted)
        return {cell.family: None for cell in self._table.cells} or {wide.family: None for wide in self._table.wide}

    def columns(self, block: CellBlock) -> tuple[Columns, int]:
        keys, held = self._counting(block)
        found: Columns = self._layout.decode(keys)
        for cell, values in self._asked(held):
            found[cell.name] = decode_cells(self._table.name, cell.name, cell.codec, cell.type, values)
        return found, len(keys)

    def few(self, block: CellBlock) -> list[Row] | None:
        """The rows of a small block, value by value; None where `columns` must do it. Raises SourceError S121."""
        if len(block.keys) > FEW or not self._few.known:
            return None
        keys, held = self._counting(block)
        return self._few.decode(keys, [values for _, values in self._asked(held)])

    def _counting(self, block: CellBlock) -> tuple[Sequence[bytes], Sequence[Sequence[bytes | None]]]:
        """The keys and wanted cells of the rows that count."""
        if not any(None in block.columns[index] for index in self._required):
            return block.keys, block.columns
        kept = [place for place in range(len(block.keys)) if all(block.columns[index][place] is not None for index in self._required)]
        return [block.keys[place] for place in kept], [[values[place] for place in kept] for values in block.columns]

    def _asked(self, held: Sequence[Sequence[bytes | None]]) -> list[tuple[Cell, Sequence[bytes | None]]]:
        return [(cell, values) for cell, values in zip(self._wanted, held, strict=True) if cell.name in self._names]


class StateReader:
    """`from: table` with all versions: a row for each moment at which a declared cell was written, with the cells as they
    stood then. It counts if it has every required cell."""

    def __init__(self, table: HBaseTable, layout: KeyLayout) -> None:
        self._table, self._layout = table, layout
        self._required = [_name(cell) for cell in table.cells if cell.required]
        self.request = CellRequest(table=table.name, families=_columns_of(table.cells), versions="all", loose=True)

    def columns(self, block: CellBlock) -> tuple[Columns, int]:
        keys: list[bytes] = []
        times: list[int] = []
        states: list[dict[bytes, bytes]] = []
        for place, timestamp, cells in _moments(block):
            if all(name in cells for name in self._required):
                keys.append(block.keys[place])
                times.append(timestamp)
                states.append(cells)
        found: Columns = self._layout.decode(keys)
        for cell in self._table.cells:
            values = [state.get(_name(cell)) for state in states]
            found[cell.name] = decode_cells(self._table.name, cell.name, cell.codec, cell.type, values)
        found[TIMESTAMP] = pa.array(times, pa.int64())
        return found, len(keys)


def _moments(block: CellBlock) -> Iterator[tuple[int, int, dict[bytes, bytes]]]:
    """Row, time and the cells at that time, for each row in the order of time."""
    written: dict[int, dict[int, dict[bytes, bytes]]] = {}
    for place, name, value, timestamp in zip(block.places, block.names, block.values, block.times, strict=True):
        written.setdefault(place, {}).setdefault(timestamp, {})[name] = value
    for place, by_time in written.items():
        now: dict[bytes, bytes] = {}
        for timestamp in sorted(by_time):
            now = {**now, **by_time[timestamp]}
            yield place, timestamp, now


class WideReader:
    """`from: table.family`: a row per cell whose qualifier has the declared form; other cells of the family are no rows."""

    def __init__(self, table: HBaseTable, layout: KeyLayout, family: str, names: Sequence[str]) -> None:
        self._table, self._layout, self._names = table, layout, frozenset(names)
        self._wide = table.family(family)
        self._fields = qualifier_parts(table, self._wide)
        self._read = qualifier_reader(self._fields)
        self._fixed = [cell for cell in table.cells if cell.name in names]
        self._apart = [cell for cell in self._fixed if cell.family != self._wide.family]
        self._own = tuple(key_range(cell.qualifier.encode()) for cell in self._fixed if cell.family == self._wide.family)
        self.request = CellRequest(
            table=table.name,
            families={**_columns_of(self._apart), self._wide.family: None},
            versions=table.versions,
            columns=tuple(map(_name, self._apart)),
            loose=True,
        )

    def narrowed(self, qualifiers: tuple[ByteRange, ...]) -> CellRequest:
        """The request for the cells within these ranges of qualifiers, and the fixed cells."""
        if qualifiers == EVERYTHING:
            return self.request
        families = {**self.request.families, self._wide.family: merge([*qualifiers, *self._own])}
        return replace(self.request, families=families)

    def columns(self, block: CellBlock) -> tuple[Columns, int]:
        prefix = self._wide.family.encode() + b":"
        start, read = len(prefix), self._read
        parsed = [read(name[start:]) if name.startswith(prefix) else None for name in block.names]
        rows = [index for index, fields in enumerate(parsed) if fields is not None]
        whole = len(rows) == len(parsed)
        places = block.places if whole else [block.places[index] for index in rows]
        expand = pa.array(places, pa.int64())
        found = {name: array.take(expand) for name, array in self._layout.decode(block.keys).items()}
        fields = parsed if whole else [parsed[index] for index in rows]
        for position, part in enumerate(self._fields):
            if part.name in self._names:
                found[part.name] = pa.array([one[position] for one in fields if one is not None], arrow_type(part.type))
        for fixed in self._fixed:
            found[fixed.name] = self._fixed_column(fixed, block, places).take(expand)
        wide = self._wide
        if wide.value_name in self._names:
            values = block.values if whole else [block.values[index] for index in rows]
            found[wide.value_name] = decode_cells(self._table.name, wide.value_name, wide.value_codec, wide.value_type, values)
        if self.request.versions == "all":
            found[TIMESTAMP] = pa.array([block.times[index] for index in rows], pa.int64())
        return found, len(places)

    def _fixed_column(self, fixed: Cell, block: CellBlock, places: Sequence[int]) -> pa.Array:
        """The newest version of a fixed cell for each HBase row."""
        values = block.columns[self._apart.index(fixed)] if fixed in self._apart else _newest(_name(fixed), block)
        if fixed.required and any(values[place] is None for place in set(places)):
            fact = f"a row of table {self._table.name} lacks the required cell {fixed.name}"
            raise SourceError("S121", fact, "declare the cell without required in node.yaml")
        return decode_cells(self._table.name, fixed.name, fixed.codec, fixed.type, values)


def _newest(name: bytes, block: CellBlock) -> list[bytes | None]:
    """The newest value of one column among the loose cells, for each row."""
    values: list[bytes | None] = [None] * len(block.keys)
    for place, found, value in zip(block.places, block.names, block.values, strict=True):
        if found == name and values[place] is None:
            values[place] = value
    return values


def existence_of(table: HBaseTable) -> CellRequest:
    """The request that touches every declared family: what a ping asks for."""
    families: Families = dict.fromkeys([cell.family for cell in table.cells] + [wide.family for wide in table.wide])
    return CellRequest(table=table.name, families=families, existence=True)


def _name(cell: Cell) -> bytes:
    return f"{cell.family}:{cell.qualifier}".encode()


def _columns_of(cells: Sequence[Cell]) -> Families:
    """Just these columns, by family."""
    found: dict[str, list[ByteRange]] = {}
    for cell in cells:
        found.setdefault(cell.family, []).append(key_range(cell.qualifier.encode()))
    return {family: merge(ranges) for family, ranges in found.items()}
