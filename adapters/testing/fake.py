"""A source over Arrow tables, written by hand, that answers truly, or is slow, refused, hanging, reset or drifting on demand."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Event, Lock
from typing import Literal

import pyarrow as pa

from adapters.arrow_batches import bounded, conformed
from adapters.arrow_types import scan_schema
from adapters.interface import Capabilities, Exactness, ReadContext, Scan, SourceError, Split, Verdict
from adapters.testing.relations import Row, matching, relation_rows
from adapters.weaken import classify_by_test
from catalog.conditions import Never, Test
from catalog.relations import TableRelation, relation_columns
from catalog.source_tables import RawColumn, SqlTable
from catalog.types import Type, decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """How the fake behaves. Counts of batches are per read; `None` is never.

    `filters`: claims nothing, keeps conditions exactly, or returns more rows than asked (SUPERSET). `delay`: seconds
    before each batch. `hangs_after`: says no more after so many batches, but sees cancel and deadline, as a driver with a
    socket timeout does. `deaf`: once cancelled or out of time, it goes on hanging for so many seconds. `resets_after`:
    the connection breaks after so many batches, in the first `resets` reads (None: in all). `drift`: how batches differ
    from what is declared. `splits`: how many parts a scan has.
    """

    filters: Literal["none", "exact", "more"] = "exact"
    limit: bool = True
    refused: bool = False
    delay: float = 0.0
    hangs_after: int | None = None
    deaf: float = 0.0
    resets_after: int | None = None
    resets: int | None = None
    drift: Literal["none", "type", "missing column"] = "none"
    splits: int = 1
    slots: int = 4


@dataclass(slots=True)
class FakeSource:
    """An adapter over `tables`. What was asked and what is open can be read off it.

    `behaviour` may be changed while it lives; the capabilities stay those of the first."""

    tables: Mapping[str, pa.Table]
    behaviour: Behaviour = field(default_factory=Behaviour)
    asked: list[Scan] = field(default_factory=list)
    reads: int = 0
    batches: int = 0
    open_reads: int = 0
    most_open_reads: int = 0
    closed: Event = field(default_factory=Event)
    capabilities: Capabilities = field(init=False)
    _lock: Lock = field(default_factory=Lock)

    def __post_init__(self) -> None:
        first = self.behaviour
        self.capabilities = Capabilities(filter=first.filters != "none", limit=first.limit, joins=True, unnest=True, slots=first.slots)

    def classify(self, scan: Scan) -> Sequence[Verdict]:
        columns = relation_columns(scan.relation)
        return [classify_by_test(condition, lambda test: self._verdict(test, columns)) for condition in scan.conditions]

    def explain(self, scan: Scan) -> str:
        return f"fake: columns {', '.join(scan.columns)}; {len(scan.conditions)} conditions; limit {scan.limit}"

    def describe(self, table: str | None = None) -> Mapping[str, SqlTable]:
        self._answer_the_door()
        names = [table] if table is not None else list(self.tables)
        return {name: _described(name, self._table(name)) for name in names}

    def splits(self, scan: Scan) -> Sequence[Split]:
        count = 1 if scan.limit is not None else self.behaviour.splits
        return [Split(scan=scan, token=(part, count)) for part in range(count)]

    def ping(self, context: ReadContext) -> None:
        context.check()
        self._answer_the_door()
        if self.behaviour.hangs_after is not None:
            self._hang(context)

    def read(self, split: Split, context: ReadContext) -> Iterator[pa.RecordBatch]:
        with self._lock:
            self.asked.append(split.scan)
            self.reads += 1
            read = self.reads
            self.open_reads += 1
            self.most_open_reads = max(self.most_open_reads, self.open_reads)
        try:
            context.check()
            self._answer_the_door()
            context.statements.append(self.explain(split.scan))
            yield from self._misbehaving(self._honest(split, context), read, context)
        finally:
            with self._lock:
                self.open_reads -= 1

    def close(self) -> None:
        self.closed.set()

    def _answer_the_door(self) -> None:
        if self.closed.is_set():
            raise SourceError("S101", "the source has been closed")
        if self.behaviour.refused:
            raise SourceError("S101", "the source refused the connection", transient=True)

    def _misbehaving(self, batches: Iterator[pa.RecordBatch], read: int, context: ReadContext) -> Iterator[pa.RecordBatch]:
        behaviour = self.behaviour
        resets = behaviour.resets_after if behaviour.resets is None or read <= behaviour.resets else None
        sent = 0
        while True:
            if sent == behaviour.hangs_after:
                self._hang(context)
            if sent == resets:
                raise SourceError("S102", "the connection to the source broke", transient=True)
            _wait(behaviour.delay, context)
            batch = next(batches, None)
            if batch is None:
                return
            sent += 1
            with self._lock:
                self.batches += 1
            yield _drifted(batch, behaviour.drift)

    def _hang(self, context: ReadContext) -> None:
        """Until the context is over; a deaf source notices only later, a closed one ends at once."""
        while not self.closed.wait(0.005):
            try:
                context.check()
            except SourceError:
                self.closed.wait(self.behaviour.deaf)
                raise
        raise SourceError("S102", "the connection to the source broke", transient=True)

    def _honest(self, split: Split, context: ReadContext) -> Iterator[pa.RecordBatch]:
        scan, schema = split.scan, scan_schema(split.scan)
        for batch in self._parts(self._wanted(split), scan, context):
            context.check()
            for part in bounded(conformed(batch, schema), context.batch_rows, context.batch_bytes):
                context.touched["rows"] = context.touched.get("rows", 0) + part.num_rows
                yield part

    def _wanted(self, split: Split) -> pa.Table:
        """The rows of a split, all columns of the relation that the scan asks for."""
        scan = split.scan
        part, count = split.token if isinstance(split.token, tuple) else (0, 1)
        if isinstance(scan.relation, TableRelation) and not scan.conditions:
            found = self._columns(self._table(scan.relation.table.name), scan)
        else:
            rows = self._kept(relation_rows(scan.relation, self.tables), scan)
            found = _table(rows, scan)
        if count > 1:
            found = found.slice(found.num_rows * part // count, found.num_rows * (part + 1) // count - found.num_rows * part // count)
        return found if scan.limit is None or not self.behaviour.limit else found.slice(0, scan.limit)

    def _kept(self, rows: list[Row], scan: Scan) -> list[Row]:
        if any(isinstance(condition, Never) for condition in scan.conditions):
            return []  # no verdict makes more of Never
        match self.behaviour.filters:
            case "none":
                return rows
            case "exact":
                return matching(rows, scan.conditions)
            case "more":
                asked_for = {id(row) for row in matching(rows, scan.conditions)}
                return [row for place, row in enumerate(rows) if id(row) in asked_for or place % 2]

    def _columns(self, table: pa.Table, scan: Scan) -> pa.Table:
        for name in scan.columns:
            if name not in table.column_names:
                raise SourceError("S120", f"the fake source has no column {name} any more")
        return table.select(list(scan.columns))

    def _parts(self, table: pa.Table, scan: Scan, context: ReadContext) -> Iterator[pa.RecordBatch]:
        if scan.columns:
            yield from table.to_batches(max_chunksize=context.batch_rows)
            return
        counted = pa.table({"row": pa.nulls(table.num_rows)})
        yield from (batch.select([]) for batch in counted.to_batches(max_chunksize=context.batch_rows))

    def _table(self, name: str) -> pa.Table:
        if name not in self.tables:
            raise SourceError("S120", f"the fake source has no table {name} any more")
        return self.tables[name]

    def _verdict(self, test: Test, columns: Mapping[str, RawColumn]) -> Verdict:
        match self.behaviour.filters:
            case "none":
                return Verdict(Exactness.REFUSE, reason="the fake source filters nothing")
            case "more":
                return Verdict(Exactness.SUPERSET, test, "the fake source returns other rows too")
            case "exact":
                if columns[test.term.column].type.name in ("list", "map", "struct"):
                    return Verdict(Exactness.REFUSE, reason="the fake source does not compare nested values")
                return Verdict(Exactness.EXACT, test)


def _wait(seconds: float, context: ReadContext) -> None:
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        context.cancelled.wait(min(left, max(0.0, context.deadline - time.monotonic())))
        context.check()


def _drifted(batch: pa.RecordBatch, drift: str) -> pa.RecordBatch:
    match drift:
        case "type":
            return pa.record_batch([pa.array([b"?"] * batch.num_rows, pa.binary()) for _ in batch.schema], names=batch.schema.names)
        case "missing column":
            return batch.select(batch.schema.names[:-1])
        case _:
            return batch


def _table(rows: list[Row], scan: Scan) -> pa.Table:
    if not scan.columns:
        return pa.table({"row": pa.nulls(len(rows))})
    schema = scan_schema(scan)
    return pa.table({name: pa.array([row[name] for row in rows], schema.field(name).type) for name in scan.columns}, schema=schema)


def _described(name: str, table: pa.Table) -> SqlTable:
    columns = tuple(RawColumn(name=field.name, type=_raw_type(field.type)) for field in table.schema)
    return SqlTable(name=name, columns=columns, rows=table.num_rows)


def _raw_type(type: pa.DataType) -> Type:
    if pa.types.is_decimal(type):
        return decimal(type.precision, type.scale)
    if pa.types.is_list(type):
        return Type("list", element=_raw_type(type.value_type))
    if pa.types.is_map(type):
        return Type("map", key=_raw_type(type.key_type), value=_raw_type(type.item_type))
    if pa.types.is_struct(type):
        return Type("struct", fields=tuple((field.name, _raw_type(field.type)) for field in type))
    if pa.types.is_timestamp(type):
        return Type("timestamp" if type.tz else "local_timestamp")
    return Type(_SIMPLE[str(type)])


_SIMPLE = {
    "string": "text",
    "int64": "integer",
    "double": "double",
    "bool": "boolean",
    "date32[day]": "date",
    "binary": "bytes",
}
