"""What the source has, and what of a scan's tables it does not have any more."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from dataclasses import replace

from sqlglot import exp

from adapters.hive.failures import HiveError
from adapters.hive.hive_types import HiveType, fits, parse_hive_type, raw_type
from adapters.hive.session import Session
from adapters.interface import ReadContext, Scan, SourceError
from adapters.sql import qualified_table
from catalog.conditions import terms
from catalog.relations import JoinRelation, TableRelation, UnnestRelation
from catalog.source_tables import RawColumn, SqlTable

_NO_TABLE = 10001


def found_columns(session: Session, database: str, table: str, context: ReadContext) -> dict[str, HiveType | None] | None:
    """The columns of a table, its partition columns last; None in place of a type that cannot be read. None: no such table."""
    statement = exp.Describe(this=qualified_table(table, database)).sql(dialect="hive")
    try:
        rows = session.query_texts(statement, context)
    except HiveError as error:
        if error.number == _NO_TABLE:
            return None
        raise
    found: dict[str, HiveType | None] = {}
    for name, type, *_ in rows:
        if not name or name.startswith("#"):  # partition columns come once more below a heading
            break
        try:
            found[name] = parse_hive_type(type or "")
        except ValueError:
            found[name] = None
    return found


def described_table(name: str, columns: Mapping[str, HiveType | None]) -> SqlTable:
    """As it would stand in node.yaml. Columns of a type that the mapping language has no name for are left out."""
    types = {column: raw_type(found) for column, found in columns.items() if found is not None}
    return SqlTable(name=name, columns=tuple(RawColumn(name=column, type=type) for column, type in types.items() if type is not None))


def used(scan: Scan) -> list[SqlTable]:
    """The scan's tables with no more columns than the statement speaks of."""
    names = {*scan.columns, *(term.column for condition in scan.conditions for term in terms(condition))}
    match scan.relation:
        case JoinRelation(alias=alias, table=table, joins=joins):
            names |= {name for join in joins for pair in join.on for name in pair}
            aliased = [(alias, table), *((join.alias, join.table) for join in joins)]
            return [_only(one, {name.partition(".")[2] for name in names if name.startswith(f"{alias}.")}) for alias, one in aliased]
        case UnnestRelation(table=table, column=column):
            return [_only(table, {*names, column})]
        case TableRelation(table=SqlTable() as table):
            return [_only(table, names)]
        case _:
            return []


def _only(table: SqlTable, names: Set[str]) -> SqlTable:
    return replace(table, columns=tuple(column for column in table.columns if column.name in names))


def drifted(session: Session, database: str, tables: Iterable[SqlTable], context: ReadContext) -> SourceError | None:
    """The first declared table or column that is gone or of another type. Raises SourceError, HiveError."""
    for table in tables:
        found = found_columns(session, database, table.name, context)
        if found is None:
            return SourceError("S120", f"the source has no table {table.name} any more")
        for column in table.columns:
            name = column.name.lower()
            if name not in found:
                return SourceError("S120", f"table {table.name} has no column {column.name} any more")
            type = found[name]
            if type is not None and not fits(type, column.type):
                return SourceError("S120", f"table {table.name}, column {column.name} is not declared as it is: {column.type}")
    return None
