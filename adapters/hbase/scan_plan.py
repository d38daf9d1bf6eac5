"""Scan plan: what a scan asks of the cell store, which part of its conditions that covers, and the same in words. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from adapters.hbase.arms import without_tests
from adapters.hbase.byte_ranges import EVERYTHING, ByteRange, readable
from adapters.hbase.layout import KeyLayout
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
class ScanPlan:
    """`names`: the columns wanted and the columns that conditions look at. `usable`: the conditions, without tests whose
    constants do not fit their column."""

    scan: Scan
    table: HBaseTable
    layout: KeyLayout
    keys: KeyPlan
    qualifiers: KeyPlan
    names: tuple[str, ...]
    usable: tuple[Condition, ...]

    def reader(self) -> RelationReader:
        if isinstance(self.scan.relation, WideRelation):
            return WideReader(self.table, self.layout, self.scan.relation.family, self.names, self.qualifiers.ranges)
        if self.table.versions == "all":
            return StateReader(self.table, self.layout)
        return RowReader(self.table, self.layout, self.names, cell_filter(self.table, self.usable))

    def in_words(self, ranges: Sequence[ByteRange] | None = None) -> str:
        ranges = self.keys.ranges if ranges is None else ranges
        relation = self.scan.relation
        name = f"{self.table.name}.{relation.family}" if isinstance(relation, WideRelation) else self.table.name
        words = [f"read {name}: {_ranges_in_words(ranges, 'row', 'get', 'range', self._buckets_in_words(ranges))}"]
        if self.qualifiers.ranges != EVERYTHING:
            words.append(f"columns: {_ranges_in_words(self.qualifiers.ranges, 'column', 'column', 'column range')}")
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


def plan_scan(layout: KeyLayout, scan: Scan) -> ScanPlan:
    table = hbase_table(scan)
    qualifiers = KeyPlan(ranges=EVERYTHING)
    fitting = partial(_comparable_test, relation_columns(scan.relation))
    usable = tuple(without_tests(condition, fitting) for condition in scan.conditions)
    if isinstance(scan.relation, WideRelation):
        qualifiers = plan_qualifiers(qualifier_parts(table, table.family(scan.relation.family)), usable)
    tested = (term.column for condition in scan.conditions for term in sorted(terms(condition), key=lambda t: t.column))
    keys = plan_row_keys(layout, usable) if qualifiers.ranges else KeyPlan(ranges=())
    names = tuple(dict.fromkeys([*scan.columns, *tested]))
    return ScanPlan(scan=scan, table=table, layout=layout, keys=keys, qualifiers=qualifiers, names=names, usable=usable)


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
