"""Reads SQL Server: one SELECT a scan, checked before it is sent, and read in blocks."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa
from sqlglot import exp

from adapters.arrow_batches import bounded
from adapters.interface import Capabilities, Exactness, ReadContext, Scan, SourceError, Split, Verdict
from adapters.odbc.bindings import UnknownTypeError
from adapters.odbc.block_fetch import UnreadableValueError
from adapters.odbc.driver import pyodbc
from adapters.odbc.handles import OdbcError
from adapters.odbc.session import Session
from adapters.sql import classify_condition, qualified_table, write_statement
from adapters.sqlserver.connections import Connections
from adapters.sqlserver.dialect import NOTHING_KNOWN, sql_server
from adapters.sqlserver.errors import source_error
from adapters.sqlserver.facts import (
    KEYS,
    Facts,
    SourceFacts,
    check_tables,
    columns_statement,
    described,
    facts_of,
    relation_facts,
    unknown_tables,
)
from adapters.sqlserver.limits import within_parameters
from adapters.sqlserver.options import SqlServerOptions, read_options
from adapters.sqlserver.statements import Reading, Statements
from catalog.conditions import terms
from catalog.model import Source
from catalog.relations import JoinRelation, relation_columns, relation_tables
from catalog.source_tables import SqlTable


def open_source(source: Source) -> SqlServerAdapter:
    """The adapter of a source with url `sqlserver://HOST[:PORT]/DATABASE`. Opens nothing, imports no driver."""
    return SqlServerAdapter(read_options(source), f"{source.node}.{source.name}", tuple(source.tables))


class SqlServerAdapter:
    """Connections are made when they are first needed, and each lives in a thread of its own."""

    def __init__(self, options: SqlServerOptions, name: str, tables: Sequence[str] = ()) -> None:
        """`tables` are those that the mapping names."""
        self.capabilities = Capabilities(filter=True, limit=True, joins=True, slots=options.slots)
        self._options = options
        self._connections = Connections(options, name)
        self._tables = tables
        self._facts = SourceFacts()
        self._statements = Statements(options.schema)

    @property
    def database(self) -> str:
        return self._options.database

    @property
    def left_behind(self) -> int:
        """How many connections hang in the driver now."""
        return self._connections.left_behind

    # ------------------------------------------------------------------------------------------------- the pure half

    def classify(self, scan: Scan) -> Sequence[Verdict]:
        columns = relation_columns(scan.relation)
        verdicts = [classify_condition(NOTHING_KNOWN, condition, columns) for condition in scan.conditions]
        return within_parameters(verdicts, columns)

    def explain(self, scan: Scan) -> str:
        dialect = sql_server(self._options.schema, relation_facts(scan.relation, self._facts.known))
        return write_statement(self._sent(scan), dialect).shown()

    def splits(self, scan: Scan) -> Sequence[Split]:
        return [Split(scan=scan)]

    # ------------------------------------------------------------------------------------------ the half that does I/O

    def describe(self, table: str | None = None) -> Mapping[str, SqlTable]:
        context = ReadContext(deadline=time.monotonic() + 60)
        with self._connections.session(context) as session:
            facts = facts_of(self._rows(session, *columns_statement(self._options.schema), context))
            keys = self._rows(session, KEYS, [self._options.schema], context)
        found = described(facts, keys)
        if table is None:
            return found
        if table not in found:
            raise SourceError("S120", f"table {table} is not there")
        return {table: found[table]}

    def ping(self, context: ReadContext) -> None:
        with self._connections.session(context) as session:
            self._rows(session, "SELECT 1", [], context)

    def read(self, split: Split, context: ReadContext) -> Iterator[pa.RecordBatch]:
        scan = split.scan
        with self._connections.session(context) as session:
            facts = self._current_facts(session, context)
            reading = self._statements.known(scan, facts) or self._written(session, scan, context)
            context.statements.append(reading.sql)
            context.touched.setdefault("rows", 0)
            batches = session.batches(reading.sql, reading.parameters, reading.schema, context)
            while (batch := self._next(batches, scan, context)) is not None:
                for part in bounded(batch, context.batch_rows, context.batch_bytes):
                    context.check()
                    context.touched["rows"] += part.num_rows
                    yield part

    def close(self) -> None:
        self._connections.close()

    # -------------------------------------------------------------------------------------------------------- inside

    def _sent(self, scan: Scan) -> Scan:
        """The scan with what the verdicts allow."""
        verdicts = self.classify(scan)
        # Under a condition that is sent weaker than asked (or not at all) the first rows are not the right ones.
        exact = all(verdict.exactness is Exactness.EXACT for verdict in verdicts)
        conditions = tuple(verdict.pushed for verdict in verdicts)
        return Scan(relation=scan.relation, columns=scan.columns, conditions=conditions, limit=scan.limit if exact else None)

    def _current_facts(self, session: Session, context: ReadContext) -> Facts:
        asked = columns_statement(self._options.schema, self._tables)
        return self._facts.current(lambda: self._rows(session, *asked, context))

    def _written(self, session: Session, scan: Scan, context: ReadContext) -> Reading:
        """The statement. Raises SourceError S120 (a table is not as declared), S108 (the account may not see it)."""
        not_asked = [table.name for table in _tables(scan) if table.name not in self._tables]
        if self._tables and not_asked:
            self._tables = (*self._tables, *not_asked)
            self._facts.forget()
        if not _are_as_declared(scan, self._current_facts(session, context)):
            self._facts.forget()  # they may have changed since
        facts = self._current_facts(session, context)
        check_tables(scan.relation, _used_columns(scan), facts)
        for table in unknown_tables(scan.relation, facts):
            self._probe(session, table, context)
        return self._statements.written(self._sent(scan), facts)

    def _probe(self, session: Session, table: SqlTable, context: ReadContext) -> None:
        """The server's own word on a table of which its catalog says nothing: S120 or S108."""
        probe = exp.select("1").from_(qualified_table(table.name, self._options.schema)).limit(0)
        self._rows(session, probe.sql(dialect="tsql"), [], context, [table])
        raise SourceError("S120", f"table {table.name} is neither a table nor a view", "map the table or a view, not a synonym")

    def _rows(
        self, session: Session, sql: str, parameters: Sequence[Any], context: ReadContext, tables: Sequence[SqlTable] = ()
    ) -> list[tuple[Any, ...]]:
        failure: SourceError
        try:
            return session.rows(sql, parameters, context)
        except pyodbc().Error as error:
            failure = self._failure(error, tables)
        raise failure  # outside of `except`: the driver's error is not carried along

    def _next(self, batches: Iterator[pa.RecordBatch], scan: Scan, context: ReadContext) -> pa.RecordBatch | None:
        """The next batch, None at the end; every fault in our words."""
        failure: SourceError
        try:
            return next(batches, None)
        except (pyodbc().Error, OdbcError) as error:
            failure = self._failure(error, _tables(scan))
        except UnreadableValueError as error:
            failure = SourceError("S121", f"a value of {_place(scan, error.column)} cannot be read: {error.fact}")
        except UnknownTypeError as error:
            failure = SourceError("S120", f"column {error.column.name} has a type that cannot be read")
        context.check()
        raise failure

    def _failure(self, error: Exception, tables: Sequence[SqlTable]) -> SourceError:
        found = source_error(error, tables)
        if found.code == "S120":
            self._facts.forget()
        return found


def _tables(scan: Scan) -> list[SqlTable]:
    return [table for table in relation_tables(scan.relation) if isinstance(table, SqlTable)]


def _are_as_declared(scan: Scan, facts: Facts) -> bool:
    try:
        check_tables(scan.relation, _used_columns(scan), facts)
    except SourceError:
        return False
    return not unknown_tables(scan.relation, facts)


def _used_columns(scan: Scan) -> list[str]:
    asked = [term.column for condition in scan.conditions for term in terms(condition)]
    joined = [name for join in scan.relation.joins for pair in join.on for name in pair] if isinstance(scan.relation, JoinRelation) else []
    return [*scan.columns, *asked, *joined]


def _place(scan: Scan, column: int) -> str:
    """Table and column of a place in the select list."""
    name = scan.columns[column]
    match scan.relation:
        case JoinRelation(alias=alias, table=table, joins=joins):
            prefix, _, field = name.partition(".")
            found = {alias: table.name, **{join.alias: join.table.name for join in joins}}[prefix]
            return f"table {found}, column {field}"
        case _:
            return f"table {_tables(scan)[0].name}, column {name}"
