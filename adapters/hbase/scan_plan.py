"""Scan plan: what a scan asks of the cell store, which part of its conditions that covers, and the same in words. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import pyarrow as pa

from adapters.arrow_types import scan_schema
from adapters.hbase.arms import without_tests
from adapters.hbase.byte_ranges import EVERYTHING, ByteRange, readable
from adapters.hbase.cell_source import CellRequest
from adapters.hbase.layout import KeyLayout, Part
from adapters.hbase.qualifier import qualifier_parts
from adapters.hbase.relation_reader import RelationReader, RowReader, StateReader, WideReader
from adapters.hbase.row_filter import comparable
from adapters.hbase.row_key_planner import MAX_RANGES, KeyPlan, by_bucket, plan_qualifiers, plan_row_keys
from adapters.hbase.salt import bucket_count
from adapters.hbase.server_filter import cell_filter
from adapters.interface import Scan, SourceError
from catalog.conditions import Always, Condition, Test, terms
from catalog.relations import TableRelation, WideRelation, relation_columns
from catalog.source_tables import HBaseTable, RawColumn

_SHOWN = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanShape:
    """What scans of the same columns, with conditions on the same columns, have in common. `columns`: all of the relation's;
    `struct`: the type of one row of the schema."""

    table: HBaseTable
    layout: KeyLayout
    family: str | None
    columns: Mapping[str, RawColumn]
    schema: pa.Schema
    struct: pa.StructType
    reader: RelationReader
    fields: tuple[Part, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanPlan:
    """The ranges of row keys, and of a wide family's qualifiers, for one scan; and the request that reads them. `filtered`:
    the columns that the request's filter looks at."""

    scan: Scan
    shape: ScanShape
    keys: KeyPlan
    qualifiers: KeyPlan
    request: CellRequest
    filtered: frozenset[str] = frozenset()

    @property
    def table(self) -> HBaseTable:
        return self.shape.table

    @property
    def layout(self) -> KeyLayout:
        return self.shape.layout

    def in_words(self, ranges: Sequence[ByteRange] | None = None, filters: bool = False) -> str:
        """`filters`: whether what holds the cells applies the filter."""
        ranges = self.keys.ranges if ranges is None else ranges
        name = self.table.name if self.shape.family is None else f"{self.table.name}.{self.shape.family}"
        words = [f"read {name}: {_ranges_in_words(ranges, 'row', 'get', 'range', self._buckets_in_words(ranges))}"]
        if self.qualifiers.ranges != EVERYTHING:
            words.append(f"columns: {_ranges_in_words(self.qualifiers.ranges, 'column', 'column', 'column range')}")
        if filters and self.filtered and any(found.key is None for found in ranges):
            words.append(f"HBase leaves out rows by {', '.join(sorted(self.filtered))}")
        after = sorted(self.names_after_the_read())
        if after:
            words.append(f"after the read: tests on {', '.join(after)}")
        if self.scan.limit is not None:
            words.append(f"stop after {self.scan.limit} rows")
        return "; ".join(words)

    def _buckets_in_words(self, ranges: Sequence[ByteRange]) -> str:
        first = self.layout.parts[0]
        if first.salt is None or bucket_count(first.salt) > MAX_RANGES:
            return ""
        touched, count = len(by_bucket(self.layout, ranges)), bucket_count(first.salt)
        return f" in all {count} buckets" if touched == count else f" in {touched} of {count} buckets"

    def names_after_the_read(self) -> frozenset[str]:
        """The columns with tests that neither ranges nor columns cover."""
        tested = {term.column for condition in self.scan.conditions for term in terms(condition)}
        return frozenset(tested - self.keys.used - self.qualifiers.used)


def hbase_table(scan: Scan) -> HBaseTable:
    """The table of a scan. Raises SourceError S110 for a relation that HBase does not have."""
    match scan.relation:
        case TableRelation(table=HBaseTable() as table) | WideRelation(table=table):
            return table
        case _:
            raise SourceError("S110", "an HBase source has tables with a row key and wide families only", "see docs/hbase-layouts.md")


def tested_columns(scan: Scan) -> tuple[str, ...]:
    """The columns that conditions look at."""
    found: dict[str, None] = {}
    for condition in scan.conditions:
        found |= dict.fromkeys(sorted(term.column for term in terms(condition)))
    return tuple(found)


def scan_shape(table: HBaseTable, layout: KeyLayout, scan: Scan) -> ScanShape:
    family = scan.relation.family if isinstance(scan.relation, WideRelation) else None
    names = tuple(dict.fromkeys([*scan.columns, *tested_columns(scan)]))
    reader: RelationReader
    fields: tuple[Part, ...] = ()
    if family is not None:
        reader, fields = WideReader(table, layout, family, names), qualifier_parts(table, table.family(family))
    elif table.versions == "all":
        reader = StateReader(table, layout)
    else:
        reader = RowReader(table, layout, names)
    columns = relation_columns(scan.relation)
    return ScanShape(
        table=table,
        layout=layout,
        family=family,
        columns=columns,
        schema=(schema := scan_schema(scan)),
        struct=pa.struct(list(schema)),
        reader=reader,
        fields=fields,
    )


def plan_scan(shape: ScanShape, scan: Scan) -> ScanPlan:
    fitting = partial(_comparable_test, shape.columns)
    usable = tuple(without_tests(condition, fitting) for condition in scan.conditions)
    qualifiers = KeyPlan(ranges=EVERYTHING) if shape.family is None else plan_qualifiers(shape.fields, usable)
    keys = plan_row_keys(shape.layout, usable) if qualifiers.ranges else KeyPlan(ranges=())
    request, filtered = shape.reader.request, frozenset[str]()
    if isinstance(shape.reader, WideReader):
        request = shape.reader.narrowed(qualifiers.ranges)
    elif isinstance(shape.reader, RowReader) and (found := cell_filter(shape.table, usable)) is not None:
        request, filtered = replace(request, filter=found.text), found.columns
    return ScanPlan(scan=scan, shape=shape, keys=keys, qualifiers=qualifiers, request=request, filtered=filtered)


def _comparable_test(columns: Mapping[str, RawColumn], test: Test) -> Condition:
    """A test whose constants do not fit its column (the planner only asks about it) says nothing."""
    column = columns.get(test.term.column)
    return test if column is not None and comparable(column.type, test.wanted) else Always()


def _ranges_in_words(ranges: Sequence[ByteRange], everything: str, single: str, plural: str, where: str = "") -> str:
    if not ranges:
        return "nothing, the conditions contradict each other"
    if tuple(ranges) == EVERYTHING:
        return f"every {everything}"
    shown = ", ".join(_one_in_words(found) for found in ranges[:_SHOWN])
    more = f", and {len(ranges) - _SHOWN} more" if len(ranges) > _SHOWN else ""
    singles = sum(found.key is not None for found in ranges)
    counts = [_count(singles, single), _count(len(ranges) - singles, plural)]
    return f"{' and '.join(count for count in counts if count)}{where} ({shown}{more})"


def _count(number: int, name: str) -> str:
    return "" if number == 0 else f"{number} {name}{'s' if number > 1 else ''}"


def _one_in_words(found: ByteRange) -> str:
    if found.key is not None:
        return readable(found.key)
    return f"[{readable(found.start)} .. {'end' if found.stop is None else readable(found.stop)})"
