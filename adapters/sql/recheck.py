"""What is sent is read again: one SELECT over mapped tables and columns, known functions, nothing else. The printer is not trusted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import sqlglot
from sqlglot import exp

from adapters.interface import SourceError
from adapters.sql.dialect import SqlDialect
from catalog.source_tables import SourceTable, SqlTable
from catalog.types import Type

_REFUSED: tuple[type[exp.Expr], ...] = (exp.Command, exp.DDL, exp.DML, exp.Into, exp.Star, exp.With, exp.SetOperation)


def check_statement(sql: str, dialect: SqlDialect, tables: Iterable[SourceTable]) -> None:
    """Raises SourceError S105 if the text says more than it should: a bug of ours, or a name that broke out of its quotes."""
    known = {table.name: table for table in tables}
    try:
        statements = sqlglot.parse(sql, read=dialect.name)
    except sqlglot.errors.SqlglotError:
        raise _refused("cannot be read again") from None
    if len(statements) != 1 or not isinstance(statements[0], exp.Select):
        raise _refused("is not one SELECT")
    found = statements[0]
    if any(found.find_all(*_REFUSED)):
        raise _refused("does more than select")
    _check_tables(found, dialect, set(known))
    _check_columns(found, known)
    _check_functions(found, dialect)


def _check_tables(found: exp.Select, dialect: SqlDialect, known: set[str]) -> None:
    for table in found.find_all(exp.Table):
        if isinstance(table.this, exp.Func):
            continue  # checked with the functions
        allowed = table.name in known and _path(table) == _path(dialect.table(table.name))
        if not allowed:
            raise _refused("touches more than the mapped tables")


def _path(table: exp.Table) -> tuple[str, str, str]:
    return table.name, table.db, table.catalog


def _check_columns(found: exp.Select, known: dict[str, SourceTable]) -> None:
    """Each column is one of a mapped table, or one that the statement names itself."""
    declared = [column for table in known.values() if isinstance(table, SqlTable) for column in table.columns]
    columns = {column.name for column in declared}
    for column in declared:  # `element.code` reads back as a column `code`
        columns.update(_fields(column.type))
    for table in found.find_all(exp.Alias, exp.TableAlias):
        columns.add(table.alias if isinstance(table, exp.Alias) else table.name)
        columns.update(column.name for column in (table.args.get("columns") or ()) if isinstance(column, exp.Identifier))
    columns.update(column.name for column in found.find_all(exp.OpenJSONColumnDef))
    columns.update(
        unnested.args["offset"].name for unnested in found.find_all(exp.Unnest) if isinstance(unnested.args.get("offset"), exp.Identifier)
    )
    for used in found.find_all(exp.Column):
        if used.name not in columns:
            raise _refused("touches more than the mapped columns")


def _fields(type: Type) -> Iterator[str]:
    for name, field in type.fields:
        yield name
        yield from _fields(field)
    for part in (type.element, type.value):
        if part is not None:
            yield from _fields(part)


def _check_functions(found: exp.Select, dialect: SqlDialect) -> None:
    for function in found.find_all(exp.Func):
        if isinstance(function, exp.Cast | exp.TryCast | exp.And | exp.Or | exp.Case | exp.If):
            continue
        name = function.name.upper() if isinstance(function, exp.Anonymous) else function.sql_name()
        if name not in dialect.functions:
            raise _refused(f"calls {name}, which its dialect does not name")


def _refused(fact: str) -> SourceError:
    return SourceError("S105", f"the statement written for the source {fact}")
