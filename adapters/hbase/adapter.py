"""The HBase adapter: classifies conditions, plans ranges, reads cells of a CellSource into Arrow batches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

import pyarrow as pa

from adapters.arrow_types import scan_schema
from adapters.hbase.byte_ranges import ByteRange
from adapters.hbase.cell_source import CellRequest, CellSource, StoredRow
from adapters.hbase.decode import check_codecs
from adapters.hbase.layout import KeyLayout, key_layout
from adapters.hbase.qualifier import qualifier_parts
from adapters.hbase.relation_reader import RelationReader
from adapters.hbase.row_filter import comparable, mask
from adapters.hbase.row_key_planner import by_bucket
from adapters.hbase.scan_plan import ScanPlan, hbase_table, plan_scan
from adapters.interface import Capabilities, Exactness, ReadContext, Scan, SourceError, Split, Verdict
from adapters.weaken import classify_by_test
from catalog.conditions import Condition, Test, all_of
from catalog.model import Source
from catalog.relations import TableRelation, WideRelation, relation_columns
from catalog.source_tables import HBaseTable, SqlTable

_GETS_AT_ONCE = 500


class HBaseAdapter:
    """One source. The pure half (classify, explain, splits) never touches `cells`."""

    def __init__(self, source: Source, cells: CellSource) -> None:
        self.capabilities = Capabilities(filter=True, limit=True, wide=True, slots=4)
        self._cells = cells
        self._tables = {name: table for name, table in source.tables.items() if isinstance(table, HBaseTable)}
        self._layouts = {name: _checked_layout(table) for name, table in self._tables.items()}

    # ------------------------------------------------------------------------------------------------ the pure half

    def classify(self, scan: Scan) -> Sequence[Verdict]:
        plan = self._plan(scan)
        return [classify_by_test(condition, lambda test: _verdict(plan, test)) for condition in scan.conditions]

    def explain(self, scan: Scan) -> str:
        return self._plan(scan).in_words()

    def splits(self, scan: Scan) -> Sequence[Split]:
        """One for each group of salt buckets, at most as many as there are slots; one where a limit or gets make it small."""
        plan = self._plan(scan)
        small = scan.limit is not None or plan.keys.keys is not None
        groups = () if small else by_bucket(plan.layout, plan.keys.ranges)
        if len(groups) < 2:
            return [Split(scan=scan, token=plan.keys.ranges)]
        count = min(self.capabilities.slots, len(groups))
        parts = [groups[index::count] for index in range(count)]
        return [Split(scan=scan, token=tuple(r for group in part for r in group)) for part in parts]

    def _plan(self, scan: Scan) -> ScanPlan:
        return plan_scan(self._layout(hbase_table(scan)), scan)

    def _layout(self, table: HBaseTable) -> KeyLayout:
        if self._tables.get(table.name) is table:
            return self._layouts[table.name]
        return _checked_layout(table)

    # -------------------------------------------------------------------------------------------- the half with I/O

    def read(self, split: Split, context: ReadContext) -> Iterator[pa.RecordBatch]:
        scan = split.scan
        plan = self._plan(scan)
        ranges = split.token if isinstance(split.token, tuple) else plan.keys.ranges
        reader = plan.reader()
        context.statements.append(plan.in_words(ranges))
        condition, schema, left = all_of(*scan.conditions), scan_schema(scan), scan.limit
        for rows in self._chunks(reader.request, ranges, scan.limit, context):
            batch = _batch(reader, rows, condition, schema)
            if left is not None:
                batch = batch.slice(0, left)
                left -= batch.num_rows
            yield from _pieces(batch, context)
            if left == 0:
                return

    def _chunks(
        self, request: CellRequest, ranges: Sequence[ByteRange], limit: int | None, context: ReadContext
    ) -> Iterator[list[StoredRow]]:
        """HBase rows in bounded portions: where a limit may end the read, no more than the limit at first, then twice as many."""
        most = min(context.batch_rows, context.batch_rows if limit is None else max(limit, 1))
        chunk: list[StoredRow] = []
        count = size = 0
        context.check()
        for row in self._rows(request, ranges, context):
            chunk.append(row)
            count += len(row.cells)
            size += sum(len(row.key) + len(cell.qualifier) + len(cell.value) for cell in row.cells)
            if len(chunk) >= most or count >= 4 * context.batch_rows or size >= context.batch_bytes:
                _touch(context, rows=len(chunk), cells=count, bytes=size)
                yield chunk
                context.check()
                chunk, count, size, most = [], 0, 0, min(2 * most, context.batch_rows)
        if chunk:
            _touch(context, rows=len(chunk), cells=count, bytes=size)
            yield chunk

    def _rows(self, request: CellRequest, ranges: Sequence[ByteRange], context: ReadContext) -> Iterator[StoredRow]:
        scans = [found for found in ranges if found.key is None]
        keys = iter([found.key for found in ranges if found.key is not None])
        while some := list(islice(keys, _GETS_AT_ONCE)):
            _touch(context, gets=len(some))
            yield from self._cells.get(request, some)
        for found in scans:
            _touch(context, ranges=1)
            yield from self._cells.scan(request, [found])

    def describe(self, table: str | None = None) -> Mapping[str, SqlTable]:
        """HBase has no schema: the layouts of node.yaml, one table for the rows and one for each wide family."""
        self._cells.ping(list(self._tables))
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
        self._cells.ping(list(self._tables))

    def close(self) -> None:
        self._cells.close()


def _checked_layout(table: HBaseTable) -> KeyLayout:
    check_codecs(table)
    for wide in table.wide:
        qualifier_parts(table, wide)
    return key_layout(table)


def _verdict(plan: ScanPlan, test: Test) -> Verdict:
    """The adapter applies every test itself, exactly; the reason says where."""
    column = relation_columns(plan.scan.relation).get(test.term.column)
    if test.term.kind != "value":
        return Verdict(Exactness.REFUSE, reason=f"numbers written in the text {test.term.column} are read at the gateway")
    if column is None or not comparable(column.type, test.wanted):
        return Verdict(Exactness.REFUSE, reason=f"{test.term.column} cannot be compared with such a constant in HBase")
    if test.term.column in plan.keys.used:
        return Verdict(Exactness.EXACT, test, f"{test.term.column} narrows the row keys")
    if test.term.column in plan.qualifiers.used:
        return Verdict(Exactness.EXACT, test, f"{test.term.column} narrows the columns read")
    return Verdict(Exactness.EXACT, test, f"{test.term.column} is tested by the adapter after the read")


def _batch(reader: RelationReader, rows: Sequence[StoredRow], condition: Condition, schema: pa.Schema) -> pa.RecordBatch:
    columns, length = reader.columns(rows)
    wanted = mask(condition, columns, length)
    batch = pa.RecordBatch.from_arrays([columns[name] for name in schema.names], schema=schema)
    if not schema.names:
        kept = length if wanted is None else wanted.true_count
        return pa.RecordBatch.from_struct_array(pa.array([{}] * kept, pa.struct([])))
    return batch if wanted is None else batch.filter(wanted)


def _pieces(batch: pa.RecordBatch, context: ReadContext) -> Iterator[pa.RecordBatch]:
    """The batch in pieces within the reader's bounds on rows and bytes (a single row may be larger)."""
    count = batch.num_rows
    if count <= context.batch_rows and (count <= 1 or batch.nbytes <= context.batch_bytes):
        if count:
            yield batch
        return
    half = (count + 1) // 2
    yield from _pieces(batch.slice(0, half), context)
    yield from _pieces(batch.slice(half), context)


def _touch(context: ReadContext, **counts: int) -> None:
    for name, count in counts.items():
        context.touched[name] = context.touched.get(name, 0) + count
