"""`catalog check --sample`: a few rows of each binding, mapped as a query would map them, and what became NULL on the way."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from adapters.arrow_types import arrow_type
from adapters.interface import Adapter, ReadContext, Scan, SourceError
from catalog.binding import CompiledBinding, Projection
from catalog.model import CatalogSnapshot, TableBinding
from catalog.relations import relation_columns
from gateway.errors import GatewayError
from gateway.planner.plan import Fragment
from gateway.report import printable
from gateway.runtime.projection import ProjectionEngine

SAMPLE_ROWS = 100
_DEADLINE = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnSample:
    """A virtual column of the sample. `nulls`: NULL in the mapped rows; `made`: at least so many of them although every raw column
    that the expression reads had a value, so the mapping made them."""

    name: str
    nulls: int
    made: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BindingSample:
    """One binding's sample. `failure` is the fact of the error that ended it, '' if it ended well."""

    binding: str
    raw_rows: int = 0
    rows: int = 0
    columns: tuple[ColumnSample, ...] = ()
    failure: str = ""

    def document(self) -> dict[str, object]:
        columns = {column.name: {"nulls": column.nulls, "made_by_mapping": column.made} for column in self.columns if column.nulls}
        found: dict[str, object] = {"binding": self.binding, "raw_rows": self.raw_rows, "rows": self.rows, "columns": columns}
        return found | ({"failure": self.failure} if self.failure else {})

    def lines(self) -> list[str]:
        if self.failure:
            return [printable(f"{self.binding}: failed: {self.failure}")]
        lines = [f"{self.binding}: {self.raw_rows} raw rows, {self.rows} rows"]
        for column in self.columns:
            if column.made:
                lines.append(f"  {column.name}: {column.nulls} NULL, at least {column.made} of them made by the mapping")
            elif self.rows and column.nulls == self.rows:
                lines.append(f"  {column.name}: always NULL")
        return lines


def sample_bindings(snapshot: CatalogSnapshot, sources: Callable[[str, str], Adapter]) -> Iterator[BindingSample]:
    """A sample of every binding. A source that fails is said in its bindings' samples; the others go on."""
    # No mask is applied here, so the key of the masks is not needed.
    engine = ProjectionEngine(memory=1 << 30, threads=1, temp_folder=None, temp_bytes=1 << 30, token_key=bytes(32))
    try:
        for binding in snapshot.bindings:
            try:
                yield _sample(snapshot, binding, sources(binding.node, binding.source), engine)
            except (SourceError, GatewayError) as error:
                yield BindingSample(binding=binding.id, failure=f"{error.fact} [{error.code}]")
    finally:
        engine.close()


def _sample(snapshot: CatalogSnapshot, binding: TableBinding, adapter: Adapter, engine: ProjectionEngine) -> BindingSample:
    compiled = snapshot.compiled[binding.id]
    table = snapshot.tables[binding.table]
    names = tuple(table.columns)
    whole = compiled.project(names)
    raw = _raw_rows(adapter, binding, whole.raw_columns)
    rows = _mapped(engine, binding, whole, raw, tuple((name, column.type.duckdb) for name, column in table.columns.items()))
    mapped = [name for name in names if name in binding.columns]
    columns = tuple(
        ColumnSample(name=name, nulls=rows.column(name).null_count, made=_made(compiled, name, raw, rows.column(name).null_count))
        for name in mapped
    )
    return BindingSample(binding=binding.id, raw_rows=raw.num_rows, rows=rows.num_rows, columns=columns)


def _raw_rows(adapter: Adapter, binding: TableBinding, columns: tuple[str, ...]) -> pa.Table:
    scan = Scan(relation=binding.relation, columns=columns, limit=SAMPLE_ROWS)
    context = ReadContext(deadline=time.monotonic() + _DEADLINE)
    known = relation_columns(binding.relation)
    schema = pa.schema([pa.field(name, arrow_type(known[name].type)) for name in columns])
    batches: list[pa.RecordBatch] = []
    found = 0
    for split in adapter.splits(scan):
        reading = adapter.read(split, context)
        while found < SAMPLE_ROWS and (batch := next(reading, None)) is not None:
            batches.append(pa.RecordBatch.from_arrays(batch.columns, schema=schema))
            found += batch.num_rows
        if isinstance(reading, Generator):
            reading.close()
    return pa.Table.from_batches(batches, schema=schema).slice(0, SAMPLE_ROWS)


def _mapped(
    engine: ProjectionEngine, binding: TableBinding, projection: Projection, raw: pa.Table, columns: tuple[tuple[str, str], ...]
) -> pa.Table:
    scan = Scan(relation=binding.relation, columns=projection.raw_columns)
    fragment = Fragment(
        id="sample",
        node=binding.node,
        source=binding.source,
        binding=binding.name,
        scan=scan,
        projection=projection.query.sql(dialect="duckdb"),
        tables=projection.tables,
        row_wise=projection.row_wise,
    )
    schema = engine.schema_of(columns)
    running = engine.start(fragment, schema)
    try:
        return pa.Table.from_batches(list(running.project(raw)), schema=schema)
    finally:
        running.close()


def _made(compiled: CompiledBinding, column: str, raw: pa.Table, nulls: int) -> int:
    """NULLs that no empty raw column explains: each raw row with a NULL among the columns read may explain one."""
    if nulls == 0:
        return 0
    explained = pa.array([False] * raw.num_rows)
    for name in compiled.project([column]).raw_columns:
        explained = pc.or_(explained, pc.is_null(raw.column(name).combine_chunks()))
    return max(0, nulls - int(pc.sum(explained).as_py() or 0))
