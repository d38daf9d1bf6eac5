"""Relation reader: what cells a relation needs, and how HBase rows become its columns. No I/O."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

import pyarrow as pa

from adapters.arrow_types import arrow_type
from adapters.hbase.byte_ranges import ByteRange, key_range, merge
from adapters.hbase.cell_source import CellRequest, StoredCell, StoredRow
from adapters.hbase.decode import decode_cells
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

    def columns(self, rows: Sequence[StoredRow]) -> tuple[Columns, int]:
        """The columns of these HBase rows, and how many relation rows they are. Raises SourceError S121."""
        ...


class RowReader:
    """`from: table`: a row per HBase row that counts as one.

    A row counts if it has every required cell; where none is declared, if it has a cell in a family of the declared cells
    (no declared cells: any cell). So what counts does not depend on the columns that are asked for. With all versions there
    is a row for each moment at which a declared cell was written, and it holds the cells as they stood then.
    """

    def __init__(self, table: HBaseTable, layout: KeyLayout, names: Sequence[str]) -> None:
        self._table, self._layout, self._names = table, layout, names
        self._required = [cell for cell in table.cells if cell.required]
        self._all_versions = table.versions == "all"
        self._wanted = list(table.cells) if self._all_versions else [c for c in table.cells if c.required or c.name in names]
        self.request = CellRequest(table=table.name, families=self._families(), versions=table.versions)

    def _families(self) -> Families:
        if self._required or self._all_versions:
            return _columns_of(self._wanted)
        return {cell.family: None for cell in self._table.cells} or {wide.family: None for wide in self._table.wide}

    def columns(self, rows: Sequence[StoredRow]) -> tuple[Columns, int]:
        keys: list[bytes] = []
        times: list[int] = []
        held: list[dict[tuple[str, bytes], bytes]] = []
        for row in rows:
            for timestamp, cells in self._moments(row):
                if all((cell.family, cell.qualifier.encode()) in cells for cell in self._required):
                    keys.append(row.key)
                    times.append(timestamp)
                    held.append(cells)
        found: Columns = self._layout.decode(keys)
        for cell in self._wanted:
            place = (cell.family, cell.qualifier.encode())
            found[cell.name] = decode_cells(self._table.name, cell.name, cell.codec, cell.type, [cells.get(place) for cells in held])
        if self._all_versions:
            found[TIMESTAMP] = pa.array(times, pa.int64())
        return found, len(keys)

    def _moments(self, row: StoredRow) -> Iterator[tuple[int, dict[tuple[str, bytes], bytes]]]:
        if not self._all_versions:
            yield 0, {(family, qualifier): value for family, qualifier, _, value in row.cells}
            return
        now: dict[tuple[str, bytes], bytes] = {}
        by_time: dict[int, list[StoredCell]] = {}
        for cell in row.cells:
            by_time.setdefault(cell.timestamp, []).append(cell)
        for timestamp in sorted(by_time):
            now = {**now, **{(family, qualifier): value for family, qualifier, _, value in by_time[timestamp]}}
            yield timestamp, now


class WideReader:
    """`from: table.family`: a row per cell whose qualifier has the declared form; other cells of the family are no rows."""

    def __init__(self, table: HBaseTable, layout: KeyLayout, family: str, names: Sequence[str], qualifiers: tuple[ByteRange, ...]) -> None:
        self._table, self._layout, self._names = table, layout, names
        self._wide = table.family(family)
        self._fields = qualifier_parts(table, self._wide)
        self._read = qualifier_reader(self._fields)
        self._fixed = [cell for cell in table.cells if cell.name in names]
        families: Families = _columns_of(self._fixed)
        own = None if qualifiers == (ByteRange(),) else qualifiers
        families[self._wide.family] = None if own is None else merge([*own, *(families.get(self._wide.family) or ())])
        self.request = CellRequest(table=table.name, families=families, versions=table.versions)

    def columns(self, rows: Sequence[StoredRow]) -> tuple[Columns, int]:
        family, read = self._wide.family, self._read
        places: list[int] = []
        parsed = []
        values: list[bytes] = []
        times: list[int] = []
        for index, row in enumerate(rows):
            for cell in row.cells:
                if cell.family == family and (fields := read(cell.qualifier)) is not None:
                    places.append(index)
                    parsed.append(fields)
                    values.append(cell.value)
                    times.append(cell.timestamp)
        expand = pa.array(places, pa.int64())
        found = {name: array.take(expand) for name, array in self._layout.decode([row.key for row in rows]).items()}
        for position, part in enumerate(self._fields):
            found[part.name] = pa.array([fields[position] for fields in parsed], arrow_type(part.type))
        for fixed in self._fixed:
            found[fixed.name] = self._fixed_column(fixed, rows, set(places)).take(expand)
        wide = self._wide
        if wide.value_name in self._names:
            found[wide.value_name] = decode_cells(self._table.name, wide.value_name, wide.value_codec, wide.value_type, values)
        if self._table.versions == "all":
            found[TIMESTAMP] = pa.array(times, pa.int64())
        return found, len(places)

    def _fixed_column(self, fixed: Cell, rows: Sequence[StoredRow], delivered: set[int]) -> pa.Array:
        """The newest version of a fixed cell for each HBase row."""
        qualifier = fixed.qualifier.encode()
        values = []
        for index, row in enumerate(rows):
            found = next((c.value for c in row.cells if c.qualifier == qualifier and c.family == fixed.family), None)
            if found is None and fixed.required and index in delivered:
                fact = f"a row of table {self._table.name} lacks the required cell {fixed.name}"
                raise SourceError("S121", fact, "declare the cell without required in node.yaml")
            values.append(found)
        return decode_cells(self._table.name, fixed.name, fixed.codec, fixed.type, values)


def _columns_of(cells: Sequence[Cell]) -> Families:
    """Just these columns, by family."""
    found: Families = {}
    for cell in cells:
        found[cell.family] = merge([*(found.get(cell.family) or ()), key_range(cell.qualifier.encode())])
    return found
