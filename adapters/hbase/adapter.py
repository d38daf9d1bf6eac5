"""The HBase adapter: classifies conditions, plans ranges, reads cells of a CellSource into Arrow batches."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from adapters.arrow_batches import bounded
from adapters.hbase.byte_ranges import ByteRange
from adapters.hbase.cell_source import CellBlock, CellRequest, CellSource
from adapters.hbase.decode import check_codecs
from adapters.hbase.layout import KeyLayout, key_layout
from adapters.hbase.qualifier import qualifier_parts
from adapters.hbase.relation_reader import RowReader, existence_of
from adapters.hbase.row_filter import comparable, mask
from adapters.hbase.scan_plan import ScanPlan, ScanShape, hbase_table, plan_scan, scan_shape, tested_columns
from adapters.hbase.scan_splits import split_ranges
from adapters.interface import Capabilities, Exactness, ReadContext, Scan, SourceError, Split, Verdict
from adapters.weaken import classify_by_test
from catalog.conditions import Condition, Test, all_of, holds
from catalog.model import Source
from catalog.relations import TableRelation, WideRelation, relation_columns
from catalog.source_tables import HBaseTable, SqlTable

_GETS_AT_ONCE = 500
_SHAPES_KEPT = 1_000
_PATIENCE = 30.0
"""Seconds for what has no deadline of its own."""


@dataclass(frozen=True, slots=True)
class _Part:
    """The token of a split: the plan of its scan, and the ranges that are this split's."""

    plan: ScanPlan
    ranges: tuple[ByteRange, ...]


class HBaseAdapter:
    """One source. The pure half (classify, explain) never touches `cells`; `slots` reads may go on at the same time."""

    def __init__(self, source: Source, cells: CellSource, slots: int = 4) -> None:
        self.capabilities = Capabilities(filter=True, limit=True, wide=True, slots=slots)
        self._cells = cells
        self._tables = {name: table for name, table in source.tables.items() if isinstance(table, HBaseTable)}
        self._layouts = {name: _checked_layout(table) for name, table in self._tables.items()}
        self._shapes: dict[tuple[object, ...], ScanShape] = {}

    # ------------------------------------------------------------------------------------------------ the pure half

    def classify(self, scan: Scan) -> Sequence[Verdict]:
        plan = self._plan(scan)
        return [classify_by_test(condition, lambda test: _verdict(plan, test, self._cells.filters)) for condition in scan.conditions]

    def explain(self, scan: Scan) -> str:
        return self._plan(scan).in_words(filters=self._cells.filters)

    def _plan(self, scan: Scan) -> ScanPlan:
        return plan_scan(self._shape(scan), scan)

    def _shape(self, scan: Scan) -> ScanShape:
        table = hbase_table(scan)
        if self._tables.get(table.name) is not table:
            return scan_shape(table, _checked_layout(table), scan)
        family = scan.relation.family if isinstance(scan.relation, WideRelation) else None
        key = table.name, family, scan.columns, tested_columns(scan)
        shape = self._shapes.get(key)
        if shape is None:
            if len(self._shapes) >= _SHAPES_KEPT:
                self._shapes.clear()
            shape = self._shapes[key] = scan_shape(table, self._layouts[table.name], scan)
        return shape

    # -------------------------------------------------------------------------------------------- the half with I/O

    def splits(self, scan: Scan) -> Sequence[Split]:
        """As many as there are slots, cut where salt buckets and regions begin; one where a limit or few keys make it small."""
        plan = self._plan(scan)
        parts = [plan.keys.ranges] if scan.limit is not None else split_ranges(plan, self._cells, self.capabilities.slots)
        return [Split(scan=scan, token=_Part(plan, ranges)) for ranges in parts]

    def read(self, split: Split, context: ReadContext) -> Iterator[pa.RecordBatch]:
        scan = split.scan
        part = split.token if isinstance(split.token, _Part) else _Part(plan := self._plan(scan), plan.keys.ranges)
        context.statements.append(part.plan.in_words(part.ranges, self._cells.filters))
        shape, condition, left = part.plan.shape, all_of(*scan.conditions), scan.limit
        context.check()
        for block in self._blocks(part.plan.request, part.ranges, scan.limit, context):
            _touch(context, rows=len(block.keys), cells=block.cells, bytes=block.size)
            batch = _batch(shape, block, condition)
            if left is not None:
                batch = batch.slice(0, left)
                left -= batch.num_rows
            yield from bounded(batch, context.batch_rows, context.batch_bytes)
            if left == 0:
                return
            context.check()

    def _blocks(self, request: CellRequest, ranges: Sequence[ByteRange], limit: int | None, context: ReadContext) -> Iterator[CellBlock]:
        keys = [found.key for found in ranges if found.key is not None]
        for start in range(0, len(keys), _GETS_AT_ONCE):
            some = keys[start : start + _GETS_AT_ONCE]
            _touch(context, gets=len(some))
            yield from self._cells.get(request, some, context)
        scans = [found for found in ranges if found.key is None]
        if scans:
            _touch(context, ranges=len(scans))
            yield from self._cells.scan(request, scans, context, limit)

    def describe(self, table: str | None = None) -> Mapping[str, SqlTable]:
        """HBase has no schema: the layouts of node.yaml, one table for the rows and one for each wide family."""
        self.ping(ReadContext(deadline=time.monotonic() + _PATIENCE))
        found: dict[str, SqlTable] = {}
        for layout in self._tables.values():
            relations: list[TableRelation | WideRelation] = [TableRelation(table=layout)]
            relations += [WideRelation(table=layout, family=wide.name) for wide in layout.wide]
            for relation in relations:
                name = f"{layout.name}.{relation.family}" if isinstance(relation, WideRelation) else layout.name
                found[name] = SqlTable(name=name, columns=tuple(relation_columns(relation).values()), rows=layout.rows)
        if table is None and found:
            return found
        if table is None or table not in found:
            there = (
                f"declared are: {', '.join(found)}"
                if found
                else "HBase keeps no schema; docs/hbase-layouts.md shows how to describe a table"
            )
            raise SourceError("S120", f"no layout is declared for {table or 'any table'}", there)
        return {table: found[table]}

    def ping(self, context: ReadContext) -> None:
        context.check()
        self._cells.ping([existence_of(table) for table in self._tables.values()], context)

    def close(self) -> None:
        self._cells.close()


def _checked_layout(table: HBaseTable) -> KeyLayout:
    check_codecs(table)
    for wide in table.wide:
        qualifier_parts(table, wide)
    return key_layout(table)


def _verdict(plan: ScanPlan, test: Test, filters: bool) -> Verdict:
    """The adapter applies every test itself, exactly; the reason says where."""
    column = plan.shape.columns.get(test.term.column)
    if test.term.kind != "value":
        return Verdict(Exactness.REFUSE, reason=f"numbers written in the text {test.term.column} are read at the gateway")
    if column is None or not comparable(column.type, test.wanted):
        return Verdict(Exactness.REFUSE, reason=f"{test.term.column} cannot be compared with such a constant in HBase")
    if test.term.column in plan.keys.used:
        return Verdict(Exactness.EXACT, test, f"{test.term.column} narrows the row keys")
    if test.term.column in plan.qualifiers.used:
        return Verdict(Exactness.EXACT, test, f"{test.term.column} narrows the columns read")
    where = "by HBase, and once more" if filters and test.term.column in plan.filtered else "by the adapter"
    return Verdict(Exactness.EXACT, test, f"{test.term.column} is tested {where} after the read")


def _batch(shape: ScanShape, block: CellBlock, condition: Condition) -> pa.RecordBatch:
    """The rows of a block that satisfy the condition."""
    rows = shape.reader.few(block) if isinstance(shape.reader, RowReader) else None
    if rows is not None:
        rows = [row for row in rows if holds(condition, row)]
        return pa.RecordBatch.from_struct_array(pa.array(rows, shape.struct))
    columns, length = shape.reader.columns(block)
    wanted = mask(condition, columns, length)
    kept = length if wanted is None else wanted.true_count
    if not shape.schema.names:
        return pa.RecordBatch.from_struct_array(pa.StructArray.from_buffers(pa.struct([]), kept, [None]))
    batch = pa.RecordBatch.from_arrays([columns[name] for name in shape.schema.names], schema=shape.schema)
    return batch if wanted is None or kept == length else batch.filter(wanted)


def _touch(context: ReadContext, **counts: int) -> None:
    for name, count in counts.items():
        context.touched[name] = context.touched.get(name, 0) + count
