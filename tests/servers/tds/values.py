"""A T-SQL value on its way to DuckDB: the DuckDB text that computes it, with its T-SQL type."""

from __future__ import annotations

from dataclasses import dataclass

from tests.servers.tds.sql_types import SqlType


@dataclass(frozen=True, slots=True)
class Value:
    """`label` is the collation's precedence: 2 stated with COLLATE, 1 a column's, 0 a constant's or a parameter's."""

    sql: str
    type: SqlType
    label: int = 0
    digits: int = 0
    """Of a whole-number constant: its digits, which are its precision where it meets a decimal."""


def quoted(text: str) -> str:
    """A text constant of DuckDB."""
    return "'" + text.replace("'", "''") + "'"


def identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
