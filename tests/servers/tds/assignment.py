"""A value put into a column: converted, and refused where it would be cut off."""

from __future__ import annotations

from dataclasses import replace

from tests.servers.tds.collations import collation
from tests.servers.tds.conversion import converted
from tests.servers.tds.errors import SqlServerError
from tests.servers.tds.scope import OutputColumn, Table
from tests.servers.tds.sql_types import BINARY, MAX, UNICODE, SqlType
from tests.servers.tds.values import Value, quoted


def column_named(table: Table, name: str) -> OutputColumn:
    for column in table.columns:
        if column.name.lower() == name.lower():
            return column
    raise SqlServerError(207, f"Invalid column name '{name}'.")


def assigned_value(value: Value, column: OutputColumn) -> str:
    """A value put into a column: converted, and refused with 2628 where it would be cut off."""
    kind = column.type
    cut = kind.length != MAX and value.type.name != "null" and (kind.is_text or kind.name in BINARY)
    wide_signs = kind.is_text and kind.name not in UNICODE and not collation(kind.collation).code_page.startswith("cp125")
    if cut and value.type.is_text and (wide_signs or value.type.length == MAX or value.type.length > kind.length):
        wide = converted(value, replace(kind, name=_varying(kind.name), length=MAX))
        return converted(replace(wide, sql=fitted(wide.sql, kind, column.name)), kind).sql
    if value.type.name in BINARY and kind.name in BINARY and kind.length != MAX and value.type.length != kind.length:
        return converted(replace(value, sql=f"ss_fits_bytes({value.sql}, {kind.length}, {quoted(column.name)})"), kind).sql
    return converted(value, kind).sql


def fitted(text: str, kind: SqlType, column: str) -> str:
    """A text that fits into the type, or error 2628: in characters of nvarchar, in bytes of varchar."""
    if kind.name in UNICODE:
        return f"ss_fits({text}, {kind.length}, {quoted(column)})"
    return f"ss_fits_page({text}, {kind.length}, {quoted(column)}, '{collation(kind.collation).code_page}')"


def _varying(name: str) -> str:
    return {"char": "varchar", "nchar": "nvarchar"}.get(name, name)
