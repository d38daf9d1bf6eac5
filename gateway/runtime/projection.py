"""The gateway's own DuckDB, which turns raw rows into virtual rows. It never sees an expression of a user.

One instance per process, one cursor per fragment. Facts of duckdb 2.0.0: what is registered belongs to its cursor alone, so
that every fragment may call its input `raw`; an Arrow result streams only through a relation (`cursor.sql`), not `execute`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from threading import Lock

import duckdb
import pyarrow as pa

from adapters.arrow_types import arrow_type
from adapters.interface import SourceError
from catalog.binding import LookupTable
from gateway.errors import InternalError
from gateway.planner.plan import Fragment
from gateway.runtime.evaluation_errors import error_kind, evaluation_fact
from gateway.runtime.locked_duckdb import connect_locked, quoted
from gateway.runtime.spill import PrivateFolder
from gateway.runtime.token_pads import hmac_pads

_OUTPUT_ROWS = 16_384


class ProjectionEngine:
    """Holds the lookup tables, by the digest that is their name, and the pads of the keyed hash."""

    def __init__(self, *, memory: int, threads: int, temp_folder: Path | None, temp_bytes: int, token_key: bytes) -> None:
        self._folder = PrivateFolder(temp_folder)
        self._connection = connect_locked(memory=memory, threads=threads, temp_folder=self._folder.path, temp_bytes=temp_bytes)
        self._known: set[str] = set()
        self._schemas: dict[tuple[tuple[str, str], ...], pa.Schema] = {}
        self._lock = Lock()
        inner, outer = hmac_pads(token_key)
        self._create("token_key", pa.table({"inner_pad": [inner], "outer_pad": [outer]}))

    def start(self, fragment: Fragment, schema: pa.Schema) -> FragmentProjection:
        """The projection of one fragment into batches of `schema`, its lookup tables in place."""
        for table in fragment.tables:
            self._ensure(table)
        return FragmentProjection(self._connection.cursor(), fragment.projection, schema)

    def schema_of(self, columns: tuple[tuple[str, str], ...]) -> pa.Schema:
        """The Arrow schema in which DuckDB hands out columns of these types."""
        with self._lock:
            known = self._schemas.get(columns)
            if known is None:
                known = self._schemas[columns] = self._ask_schema(columns)
            return known

    def close(self) -> None:
        self._connection.close()
        self._folder.close()

    def _ensure(self, table: LookupTable) -> None:
        with self._lock:
            if table.name in self._known:
                return
            columns = list(zip(*table.rows)) if table.rows else [() for _ in table.columns]
            arrays = [pa.array(list(values), arrow_type(type)) for values, (_, type) in zip(columns, table.columns)]
            self._create(table.name, pa.table(arrays, names=[name for name, _ in table.columns]))
            self._known.add(table.name)

    def _ask_schema(self, columns: tuple[tuple[str, str], ...]) -> pa.Schema:
        nulls = ", ".join(f"CAST(NULL AS {type}) AS {quoted(name)}" for name, type in columns)
        cursor = self._connection.cursor()
        try:
            schema = cursor.sql(f"SELECT {nulls} LIMIT 0").to_arrow_reader(1).schema
        finally:
            cursor.close()
        return pa.schema([pa.field(name, field.type) for (name, _), field in zip(columns, schema)])

    def _create(self, name: str, rows: pa.Table) -> None:
        cursor = self._connection.cursor()
        try:
            cursor.register("lookup_rows", rows)
            cursor.execute(f"CREATE TABLE {quoted(name)} AS SELECT * FROM lookup_rows")  # noqa: S608  a quoted name of our own
        finally:
            cursor.close()


class FragmentProjection:
    """One fragment's cursor. Used by one thread at a time; `interrupt` from any."""

    def __init__(self, cursor: duckdb.DuckDBPyConnection, sql: str, schema: pa.Schema) -> None:
        self._cursor, self._sql, self._schema = cursor, sql, schema

    def project(self, raw: pa.Table | pa.RecordBatchReader) -> Iterator[pa.RecordBatch]:
        """Virtual rows of raw rows, as they come. A reader is read once. Raises SourceError S121 for a value that cannot be mapped."""
        try:
            self._cursor.register("raw", raw)
            reader = self._cursor.sql(self._sql).to_arrow_reader(_OUTPUT_ROWS)
            try:
                for batch in reader:
                    yield self._typed(batch)
            finally:
                reader.close()
        except (duckdb.Error, pa.ArrowException, OSError) as error:
            raise _projection_error(error) from None  # its text can hold patients' values

    def close(self) -> None:
        self._cursor.close()

    def interrupt(self) -> None:
        self._cursor.interrupt()

    def _typed(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        if batch.schema.types != self._schema.types:
            raise InternalError("X101", "a projection does not yield the types of its virtual table")
        return pa.RecordBatch.from_arrays(batch.columns, schema=self._schema)


def _projection_error(error: BaseException) -> Exception:
    if error_kind(error) == "out of memory":
        return SourceError("S105", "the rows of the source need more memory to be mapped than the gateway may use")
    fact = evaluation_fact(error)
    if fact is not None:
        return SourceError("S121", fact, "catalog check --sample counts the values that cannot be mapped")
    return InternalError("X101", "a projection failed")
