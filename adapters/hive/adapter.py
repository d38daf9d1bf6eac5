"""The Hive adapter: one SELECT for a scan, run by HiveServer2 and read as columns."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TypeVar

import pyarrow as pa

from adapters.arrow_batches import bounded
from adapters.arrow_types import scan_schema
from adapters.connection_pool import ConnectionPool
from adapters.hive.columns import ResultColumn, record_batch, result_columns
from adapters.hive.dialect import hive_dialect
from adapters.hive.drift import described_table, drifted, found_columns, used
from adapters.hive.failures import HiveError
from adapters.hive.options import HiveOptions
from adapters.hive.session import RunningStatement, Session
from adapters.interface import Capabilities, ReadContext, Scan, SourceError, Split, Verdict
from adapters.sql import classify_condition, write_statement
from catalog.relations import JoinRelation, Relation, relation_columns, relation_tables
from catalog.source_tables import RawColumn, SqlTable
from catalog.types import Type

_DESCRIBING = 60.0
"""Seconds that `describe` may take: a statement for each table."""

Answer = TypeVar("Answer")


class HiveAdapter:
    """One database of a HiveServer2. Sessions are kept and used again; each read has one for itself."""

    def __init__(self, options: HiveOptions) -> None:
        self.capabilities = Capabilities(filter=True, limit=True, joins=True, unnest=True, slots=options.slots)
        self._options = options
        self._dialect = hive_dialect(options)
        self._sessions = ConnectionPool(options.slots, partial(Session, options))
        self._compared: set[tuple[str, RawColumn]] = set()
        """Columns whose type was once found to be the declared one. A result says it of what is selected, but not what a nested column
        is made of; and of what is only compared it says nothing, and Hive compares anything with anything."""

    # ------------------------------------------------------------------------------------------------ the pure half

    def classify(self, scan: Scan) -> Sequence[Verdict]:
        columns = relation_columns(scan.relation)
        return [classify_condition(self._dialect, condition, columns) for condition in scan.conditions]

    def explain(self, scan: Scan) -> str:
        return write_statement(scan, self._dialect).shown()

    def splits(self, scan: Scan) -> Sequence[Split]:
        return [Split(scan=scan)]

    # -------------------------------------------------------------------------------------------- the half with I/O

    def describe(self, table: str | None = None) -> Mapping[str, SqlTable]:
        context = ReadContext(deadline=time.monotonic() + _DESCRIBING)

        def ask(session: Session) -> dict[str, SqlTable]:
            names = session.table_names(self._options.database, context) if table is None else [table]
            found = {name: found_columns(session, self._options.database, name, context) for name in names}
            return {name: described_table(name, columns) for name, columns in found.items() if columns is not None}

        return self._in_session(ask, context)

    def ping(self, context: ReadContext) -> None:
        self._in_session(lambda session: session.version(context), context)

    def read(self, split: Split, context: ReadContext) -> Iterator[pa.RecordBatch]:
        context.check()
        statement = write_statement(split.scan, self._dialect)
        context.statements.append(statement.sql)
        failure: SourceError | None = None
        with self._sessions.connection(context) as session:
            try:
                running = self._begin(session, statement.sql, split.scan, context)
                yield from self._batches(running, split.scan, context)
                running.close(context)
            except HiveError as error:
                failure = error.in_words()
        if failure is not None:  # outside of `except`: nothing of the server's is carried along
            raise failure

    def close(self) -> None:
        self._sessions.close()

    def _begin(self, session: Session, sql: str, scan: Scan, context: ReadContext) -> RunningStatement:
        """The statement begun. Raises SourceError, S120 if a table or column is gone; HiveError."""
        failure = self._drift(session, scan, context)
        if failure is None:
            try:
                return session.execute(sql, context)
            except HiveError as error:
                failure = error.in_words()
                forbidden = error.forbidden
            if not forbidden:
                self._compared.clear()
                failure = drifted(session, self._options.database, used(scan), context) or failure
        raise failure

    def _drift(self, session: Session, scan: Scan, context: ReadContext) -> SourceError | None:
        for table in used(scan):
            left = tuple(column for column in table.columns if (table.name, column) not in self._compared)
            if left:
                found = drifted(session, self._options.database, [replace(table, columns=left)], context)
                if found is not None:
                    return found
                self._compared.update((table.name, column) for column in left)
        return None

    def _batches(self, running: RunningStatement, scan: Scan, context: ReadContext) -> Iterator[pa.RecordBatch]:
        running.wait(context)
        schema = scan_schema(scan)
        readers: list[ResultColumn] = []
        described = running.described(context)
        if scan.columns:
            readers = result_columns(described, [_origin(scan.relation, name) for name in scan.columns])
        context.touched.setdefault("rows", 0)
        for columns in running.fetched(context, scan.limit):
            for part in bounded(record_batch(columns, readers, schema), context.batch_rows, context.batch_bytes):
                context.touched["rows"] += part.num_rows
                yield part
                context.check()

    def _in_session(self, work: Callable[[Session], Answer], context: ReadContext) -> Answer:
        """Raises SourceError."""
        with self._sessions.connection(context) as session:
            try:
                return work(session)
            except HiveError as error:
                failure = error.in_words()
        raise failure


def _origin(relation: Relation, name: str) -> tuple[str, str, Type]:
    """The table and the column that a delivered column comes from, and its declared type."""
    type = relation_columns(relation)[name].type
    if isinstance(relation, JoinRelation):
        alias, _, column = name.partition(".")
        tables = {relation.alias: relation.table, **{join.alias: join.table for join in relation.joins}}
        return tables[alias].name, column, type
    return relation_tables(relation)[0].name, name, type
