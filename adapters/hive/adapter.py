"""The Hive adapter: one SELECT for a scan, run by HiveServer2 and read as columns."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

import pyarrow as pa

from adapters.arrow_batches import bounded
from adapters.arrow_types import scan_schema
from adapters.hive.columns import ResultColumn, record_batch, result_columns
from adapters.hive.dialect import hive_dialect
from adapters.hive.drift import described_table, drifted, found_columns, used
from adapters.hive.failures import HiveError
from adapters.hive.options import HiveOptions
from adapters.hive.session import RunningStatement, Session
from adapters.hive.sessions import SessionPool
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
        self._sessions = SessionPool(options)
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
        session, running = self._begin(statement.sql, split.scan, context)
        whole = False
        failure: SourceError | None = None
        try:
            yield from self._batches(running, split.scan, context)
            running.close(context)
            whole = True
        except HiveError as error:
            failure = error.in_words()
        finally:
            if whole:
                self._sessions.give_back(session)
            else:
                self._sessions.abandon(session, running)
        if failure is not None:  # outside of `except`: nothing of the server's is carried along
            raise failure

    def close(self) -> None:
        self._sessions.close()

    def _begin(self, sql: str, scan: Scan, context: ReadContext) -> tuple[Session, RunningStatement]:
        """The statement begun, in a session that was there or a new one. Raises SourceError; S120 if a table or column is gone."""

        def execute(session: Session) -> tuple[Session, RunningStatement] | SourceError:
            try:
                return self._drift(session, scan, context) or (session, session.execute(sql, context))
            except HiveError as error:
                if error.may_be_stale:
                    raise
                failure = error
            if failure.forbidden:
                return failure.in_words()
            self._compared.clear()
            return drifted(session, self._options.database, used(scan), context) or failure.in_words()

        answer = self._in_session(execute, context, keep=lambda answer: isinstance(answer, SourceError))
        if isinstance(answer, SourceError):
            raise answer
        return answer

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

    def _in_session(
        self, work: Callable[[Session], Answer], context: ReadContext, keep: Callable[[Answer], bool] = lambda _: True
    ) -> Answer:
        """Do it in a session. One that was used before may be gone at the server (a restart, its idle limit): then in a new one, once.

        The session goes back to the pool if `keep` says so of the answer; else it is the caller's. Raises SourceError.
        """
        used = self._sessions.idle()
        if used is not None:
            try:
                return self._done(used, work, keep)
            except HiveError as error:
                if not error.may_be_stale:
                    raise error.in_words() from None
            except SourceError as error:
                if error.code not in ("S102", "S105"):
                    raise
        try:
            return self._done(self._sessions.fresh(context), work, keep)
        except HiveError as error:
            failure = error.in_words()
        raise failure

    def _done(self, session: Session, work: Callable[[Session], Answer], keep: Callable[[Answer], bool]) -> Answer:
        try:
            answer = work(session)
        except (SourceError, HiveError):
            self._sessions.abandon(session)
            raise
        if keep(answer):
            self._sessions.give_back(session)
        return answer


def _origin(relation: Relation, name: str) -> tuple[str, str, Type]:
    """The table and the column that a delivered column comes from, and its declared type."""
    type = relation_columns(relation)[name].type
    if isinstance(relation, JoinRelation):
        alias, _, column = name.partition(".")
        tables = {relation.alias: relation.table, **{join.alias: join.table for join in relation.joins}}
        return tables[alias].name, column, type
    return relation_tables(relation)[0].name, name, type
