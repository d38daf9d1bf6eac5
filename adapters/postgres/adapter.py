"""The PostgreSQL adapter: one statement for each scan, read in binary as it comes, in a session that can be left at any time."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from itertools import chain
from threading import Lock
from typing import TYPE_CHECKING

import pyarrow as pa

from adapters.arrow_batches import bounded
from adapters.interface import Capabilities, ReadContext, Scan, SourceError, Split, Verdict
from adapters.postgres.dialect import array_text, dialect_of
from adapters.postgres.drift import relation_natives, uncastable, unreadable
from adapters.postgres.failures import UNNAMED, missing_driver
from adapters.postgres.natives import Native
from adapters.postgres.options import PostgresOptions
from adapters.postgres.pool import ConnectionPool
from adapters.postgres.statements import Reading, Statements
from adapters.postgres.tables import NativeTable, read_tables
from adapters.sql import classify_condition, write_statement
from catalog.errors import near_names
from catalog.model import Source
from catalog.relations import relation_columns, relation_tables
from catalog.source_tables import SqlTable

if TYPE_CHECKING:
    from adapters.postgres.connection import Connection
    from adapters.postgres.rows import Rows

_PATIENCE = 30.0
"""Seconds for what has no deadline of its own."""

_PATIENCE_TO_NAME = 0.8
"""Seconds that the words of an error may cost."""

_BELIEF = 600.0
"""Seconds after which the database's catalog is asked again."""


class PostgresAdapter:
    """One database. The pure half never asks it. What its catalog said of a table is kept for ten minutes, or until a read of it fails."""

    def __init__(self, source: Source, options: PostgresOptions) -> None:
        self.capabilities = Capabilities(filter=True, limit=True, joins=True, unnest=True, slots=options.slots)
        self._node, self._schema = source.node, options.schema
        self._pool = ConnectionPool(options)
        self._tables: dict[str, NativeTable] = {}
        self._since = time.monotonic()
        self._revision = 0
        self._utf8 = True
        self._dialect = dialect_of(options.schema, {})
        self._statements = Statements(options.schema)
        self._lock = Lock()

    # ------------------------------------------------------------------------------------------------ the pure half

    def classify(self, scan: Scan) -> Sequence[Verdict]:
        columns = relation_columns(scan.relation)
        return [classify_condition(self._dialect, condition, columns) for condition in scan.conditions]

    def explain(self, scan: Scan) -> str:
        """With the types that the database has if it has been asked, else with the usual ones."""
        natives: Mapping[str, Native] = {}
        if all(table.name in self._tables for table in relation_tables(scan.relation)):
            with suppress(SourceError):
                natives = relation_natives(self._node, scan, self._tables)
        return write_statement(scan, dialect_of(self._schema, natives, utf8=self._utf8)).shown()

    def splits(self, scan: Scan) -> Sequence[Split]:
        return [Split(scan=scan)]

    # -------------------------------------------------------------------------------------------- the half with I/O

    def describe(self, table: str | None = None) -> Mapping[str, SqlTable]:
        context = ReadContext(deadline=time.monotonic() + _PATIENCE)
        with self._pool.connection(context) as connection:
            found = read_tables(_asker(connection, context), self._schema, table or "")
            if table is not None and table not in found:
                names = read_tables(_asker(connection, context), self._schema)
                raise SourceError("S120", f"node {self._node} has no table {table}", near_names(table, list(names)))
        return {name: native.described() for name, native in found.items()}

    def ping(self, context: ReadContext) -> None:
        with self._pool.connection(context) as connection:
            connection.rows("SELECT 1", [], context)

    def read(self, split: Split, context: ReadContext) -> Iterator[pa.RecordBatch]:
        scan = split.scan
        self._doubt_what_is_old()
        with self._pool.connection(context) as connection:
            reading = self._statements.known(scan, self._revision) or self._written(connection, scan, context)
            try:
                yield from self._batches(connection, scan, reading, context)
            except SourceError as error:
                if error.fact in UNNAMED:
                    raise self._named(connection, scan, error) from None
                raise

    def close(self) -> None:
        self._pool.close()

    # ------------------------------------------------------------------------------------------------------ reading

    def _batches(self, connection: Connection, scan: Scan, reading: Reading, context: ReadContext) -> Iterator[pa.RecordBatch]:
        try:
            from adapters.postgres.records import UnreadableError, decode_rows
        except ImportError:
            raise missing_driver() from None
        context.statements.append(reading.sql)
        context.touched.setdefault("rows", 0)
        with closing(_rows(connection, reading, context)) as gathered:
            for rows in chain.from_iterable(rows.portions() for rows in gathered):
                context.check()
                try:
                    batch = decode_rows(rows, reading.columns, reading.row)
                except UnreadableError as error:
                    self._forget(scan)
                    raise unreadable(self._node, scan.relation, error.column, changed=error.changed) from None
                for part in bounded(batch if scan.columns else batch.select([]), context.batch_rows, context.batch_bytes):
                    context.touched["rows"] += part.num_rows
                    yield part

    def _written(self, connection: Connection, scan: Scan, context: ReadContext) -> Reading:
        """The statement, by the native types of the columns. Raises S120 if what the scan looks at is not there as declared."""
        tables = [table.name for table in relation_tables(scan.relation)]
        self._ask(connection, [name for name in tables if name not in self._tables], context)
        revision = self._revision
        try:
            natives = relation_natives(self._node, scan, self._tables)
        except SourceError:
            self._ask(connection, tables, context)  # what did not fit may have been put right since
            revision = self._revision
            natives = relation_natives(self._node, scan, self._tables)
        return self._statements.written(scan, revision, natives, utf8=self._utf8)

    def _named(self, connection: Connection, scan: Scan, error: SourceError) -> SourceError:
        """The same failure with the table and column that it is about, for which the catalog is asked again."""
        self._forget(scan)
        if not connection.is_usable:
            return error
        try:
            tables = [table.name for table in relation_tables(scan.relation)]
            self._ask(connection, tables, ReadContext(deadline=time.monotonic() + _PATIENCE_TO_NAME))
            natives = relation_natives(self._node, scan, self._tables)
        except SourceError as found:
            return found if found.code == "S120" else error
        return (uncastable(scan, natives) if error.code == "S121" else None) or error

    # -------------------------------------------------------------------------------- what is known of the database

    def _ask(self, connection: Connection, names: Sequence[str], context: ReadContext) -> None:
        for name in names:
            found = read_tables(_asker(connection, context), self._schema, name)
            with self._lock:
                self._utf8 = connection.encoding == "UTF8"
                self._tables = {known: table for known, table in self._tables.items() if known != name} | found
                self._revision += 1

    def _forget(self, scan: Scan) -> None:
        names = {table.name for table in relation_tables(scan.relation)}
        with self._lock:
            self._tables = {known: table for known, table in self._tables.items() if known not in names}
            self._revision += 1

    def _doubt_what_is_old(self) -> None:
        """Nothing tells us when, say, the collation of a column is changed."""
        now = time.monotonic()
        if now - self._since > _BELIEF:
            with self._lock:
                self._since, self._tables = now, {}
                self._revision += 1


def _rows(connection: Connection, reading: Reading, context: ReadContext) -> Generator[Rows, None, None]:
    """What comes for the statement, sent in its own way."""
    if reading.is_copied:
        return connection.copied(reading.sql, context)
    return connection.records(reading.sql, [_bound(value) for value in reading.parameters], context, reading.name)


def _bound(value: object) -> bytes:
    return (array_text(value) if isinstance(value, list) else str(value)).encode()


def _asker(connection: Connection, context: ReadContext) -> Callable[[str, Sequence[str]], Sequence[tuple[str | None, ...]]]:
    return lambda sql, parameters: connection.rows(sql, [parameter.encode() for parameter in parameters], context)
