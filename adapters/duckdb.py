"""The adapter for DuckDB files, Parquet and CSV: the embedded default, and the engine behind many a laptop's data."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from threading import Lock
from typing import TYPE_CHECKING
from weakref import finalize

import pyarrow as pa

from adapters.arrow_batches import bounded, conformed
from adapters.arrow_types import scan_schema
from adapters.duckdb_dialect import DUCKDB
from adapters.duckdb_places import Place, open_place
from adapters.duckdb_views import SourceViews
from adapters.duckdb_watch import InterruptWatch
from adapters.interface import Capabilities, ReadContext, Scan, SourceError, Split, Verdict
from adapters.sql import ROW, classify_condition, write_statement
from catalog.model import Source
from catalog.relations import relation_columns, relation_tables
from catalog.source_tables import SqlTable

if TYPE_CHECKING:
    import duckdb

_OPTIONS = {"memory_limit": "1GB", "threads": min(4, os.cpu_count() or 1)}


def open_source(source: Source) -> DuckDbAdapter:
    """The adapter of a source with url `parquet:DIR`, `csv:DIR` or `duckdb:FILE`. Nothing is opened before it is needed."""
    unknown = sorted(set(source.options) - set(_OPTIONS))
    if unknown:
        raise SourceError("S110", f"a DuckDB source has no option '{unknown[0]}'", f"options: {', '.join(_OPTIONS)}")
    if not all(isinstance(table, SqlTable) for table in source.tables.values()):
        raise SourceError("S110", "a DuckDB source has tables with columns, not with a row key")
    return DuckDbAdapter(source, open_place(source.url))


class DuckDbAdapter:
    """One in-memory DuckDB with a view for each table of the source (and copies of small CSV files); each read has its own cursor."""

    capabilities = Capabilities(filter=True, limit=True, joins=True, unnest=True, slots=4)

    def __init__(self, source: Source, place: Place) -> None:
        self._source, self._place = source, place
        self._views = SourceViews(source.node, place)
        self._watch = InterruptWatch()
        self._lock = Lock()
        self._roots: list[duckdb.DuckDBPyConnection] = []
        self._closed = False
        # A connection that is still there when the interpreter ends makes the driver complain on stderr.
        self._shut = finalize(self, _shut, self._watch, self._roots)

    def classify(self, scan: Scan) -> Sequence[Verdict]:
        columns = relation_columns(scan.relation)
        return [classify_condition(DUCKDB, condition, columns) for condition in scan.conditions]

    def explain(self, scan: Scan) -> str:
        return write_statement(scan, DUCKDB).shown()

    def splits(self, scan: Scan) -> Sequence[Split]:
        return [Split(scan=scan)]

    def describe(self, table: str | None = None) -> Mapping[str, SqlTable]:
        cursor = self._cursor()
        try:
            return self._views.describe(cursor, table)
        except _failures() as error:
            raise _failure(error) from None
        finally:
            cursor.close()

    def ping(self, context: ReadContext) -> None:
        context.check()
        cursor = self._cursor()
        try:
            cursor.execute("SELECT 1").fetchall()
            self._place.names(cursor)
        except _failures() as error:
            raise _failure(error) from None
        finally:
            cursor.close()

    def read(self, split: Split, context: ReadContext) -> Iterator[pa.RecordBatch]:
        context.check()
        statement = write_statement(split.scan, DUCKDB)
        context.statements.append(statement.sql)
        cursor = self._cursor()
        failure: SourceError | None = None
        try:
            with self._watch.watch(context, cursor.interrupt):
                self._prepare(cursor, split.scan)
                # `sql` streams; `execute` would hold the whole result in memory (DuckDB 2.0).
                relation = cursor.sql(statement.sql, params=list(statement.parameters))
                yield from self._batches(relation.to_arrow_reader(context.batch_rows), split.scan, context)
        except _failures() as error:
            failure = _failure(error)
        finally:
            cursor.close()
        if failure is not None:  # outside of `except`: the driver's error, which holds values, is not carried along
            context.check()
            raise self._unreadable_value(split.scan, context) or failure

    def close(self) -> None:
        with self._lock:
            self._closed = True
            self._shut()

    def _batches(self, reader: pa.RecordBatchReader, scan: Scan, context: ReadContext) -> Iterator[pa.RecordBatch]:
        schema = scan_schema(scan)
        context.touched.setdefault("rows", 0)
        while True:
            context.check()
            try:
                batch = reader.read_next_batch()
            except StopIteration:
                return
            if not scan.columns and batch.schema.names == [ROW]:
                batch = batch.select([])
            for part in bounded(conformed(batch, schema), context.batch_rows, context.batch_bytes):
                context.touched["rows"] += part.num_rows
                yield part

    def _prepare(self, cursor: duckdb.DuckDBPyConnection, scan: Scan) -> None:
        for table in relation_tables(scan.relation):
            assert isinstance(table, SqlTable)
            self._views.ensure(cursor, table)

    def _unreadable_value(self, scan: Scan, context: ReadContext) -> SourceError | None:
        """Which column of the scan's tables has a value that cannot be read as declared: the driver's text would show the value."""
        cursor = self._cursor()
        try:
            with self._watch.watch(context, cursor.interrupt):
                for table in relation_tables(scan.relation):
                    column = self._views.unreadable_column(cursor, table.name)
                    if column is not None:
                        return SourceError("S121", f"a value of table {table.name}, column {column} cannot be read as its declared type")
        except _failures():
            return None  # then the first failure is the one to report
        finally:
            cursor.close()
        return None

    def _cursor(self) -> duckdb.DuckDBPyConnection:
        with self._lock:
            if self._closed:
                raise SourceError("S101", "the source has been closed")
            if not self._roots:
                self._roots.append(self._connect())
            return self._roots[0].cursor()

    def _connect(self) -> duckdb.DuckDBPyConnection:
        """Open and lock: from here on only the source's own files can be read, and no setting changed."""
        import duckdb

        connection = duckdb.connect(":memory:")
        try:
            for setting in (
                "temp_directory = ''",
                "enable_progress_bar = false",
                "TimeZone = 'UTC'",
                "autoinstall_known_extensions = false",
                "autoload_known_extensions = false",
                "allow_community_extensions = false",
                "allow_persistent_secrets = false",
                "python_enable_replacements = false",
            ):
                connection.execute(f"SET {setting}")
            for option, default in _OPTIONS.items():
                connection.execute(f"SET {option} = $1", [self._source.options.get(option, default)])
            self._place.attach(connection)
            connection.execute("SET allowed_directories = $1", [[str(self._place.root)]])
            connection.execute("SET enable_external_access = false")
            connection.execute("SET lock_configuration = true")
        except _failures() as error:
            connection.close()
            raise _failure(error) from None
        except SourceError:
            connection.close()
            raise
        return connection


def _shut(watch: InterruptWatch, roots: list[duckdb.DuckDBPyConnection]) -> None:
    """Stop what runs and let go of the files."""
    watch.close()
    while roots:
        roots.pop().close()


def _failures() -> tuple[type[Exception], ...]:
    """What a statement may raise: DuckDB's own tree, and what Arrow makes of it when it comes out of a stream."""
    import duckdb

    return (duckdb.Error, pa.ArrowException, OSError)


def _failure(error: Exception) -> SourceError:
    """The fault in our words: the driver's text holds values."""
    import duckdb

    match error:
        case duckdb.OutOfMemoryException() | pa.ArrowMemoryError():
            return SourceError("S105", "the source ran out of memory", "raise the source's option memory_limit")
        case duckdb.BinderException() | duckdb.CatalogException():
            return SourceError("S120", "the source's tables changed while they were read")
        case duckdb.IOException() | OSError():
            return SourceError("S102", "the files of the source could not be read", transient=True)
        case duckdb.InvalidInputException() | duckdb.ParserException() | duckdb.SyntaxException() | _:
            return SourceError("S105", "the source answered with an error")
