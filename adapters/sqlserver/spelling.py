"""Small pieces of T-SQL as trees."""

from __future__ import annotations

from functools import cache

from sqlglot import exp

from adapters.sqlserver.native_types import ColumnFact, casts


def data_type(spelled: str) -> exp.DataType:
    return _parsed(spelled).copy()


@cache
def _parsed(spelled: str) -> exp.DataType:
    return exp.DataType.build(spelled, dialect="tsql")


def cast(expression: exp.Expression, spelled: str) -> exp.Expression:
    return exp.Cast(this=expression, to=data_type(spelled))


def carried(column: exp.Expression, fact: ColumnFact) -> exp.Expression:
    """The column as its values reach the client."""
    for spelled in casts(fact):
        column = cast(column, spelled)
    return column


def collated(expression: exp.Expression, collation: str) -> exp.Expression:
    """Collations are named by letters, digits and underscores; a name of another form is a bug or an attack."""
    assert collation.replace("_", "").isalnum() and collation.isascii(), "a collation's name"
    return exp.Collate(this=expression, expression=exp.Var(this=collation))


def data_length(expression: exp.Expression) -> exp.Expression:
    """Bytes, trailing blanks and zeros included."""
    return exp.Anonymous(this="DATALENGTH", expressions=[expression])
