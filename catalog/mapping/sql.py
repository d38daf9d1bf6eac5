"""Small builders of DuckDB syntax trees. Every call is anonymous, so that sqlglot never rewrites what we wrote."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from sqlglot import exp

from catalog.types import Type

NULL = exp.Null


def function(name: str, *arguments: exp.Expr) -> exp.Expr:
    return exp.Anonymous(this=name, expressions=list(arguments))


def text(value: str) -> exp.Expr:
    return exp.Literal.string(value)


def integer(value: int) -> exp.Expr:
    return exp.Neg(this=exp.Literal.number(str(-value))) if value < 0 else exp.Literal.number(str(value))


def data_type(type: Type) -> exp.DataType:
    return exp.DataType.build(type.duckdb, dialect="duckdb")


def cast(value: exp.Expr, type: Type) -> exp.Expr:
    return exp.Cast(this=value, to=data_type(type))


def try_cast(value: exp.Expr, type: Type) -> exp.Expr:
    return exp.TryCast(this=value, to=data_type(type))


def typed(value: Any, type: Type) -> exp.Expr:
    """A constant as DuckDB writes it, with its type said, so that neither session nor context can read it differently."""
    if value is None:
        return cast(exp.Null(), type)
    if isinstance(value, bool):
        return exp.Boolean(this=value)
    if isinstance(value, str):
        return text(value)
    if isinstance(value, datetime):
        shown = value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value
        written = text(shown.isoformat(sep=" "))
        return cast(written if value.tzinfo is None else text(f"{shown.isoformat(sep=' ')}+00"), type)
    if isinstance(value, date):
        return cast(text(value.isoformat()), type)
    if isinstance(value, bytes):
        return function("from_hex", text(value.hex()))
    if isinstance(value, Decimal | float):
        return cast(text(str(value)), type)
    return cast(integer(value), type) if type.name not in ("integer", "bigint") else integer(value)


def raw_column(name: str) -> exp.Expr:
    return exp.column(exp.to_identifier(name, quoted=True), table=exp.to_identifier("raw", quoted=True))


def column(table: str, name: str) -> exp.Expr:
    return exp.column(exp.to_identifier(name, quoted=True), table=exp.to_identifier(table, quoted=True))


def wrapped(value: exp.Expr) -> exp.Expr:
    """In parentheses where an operator could bind wrongly."""
    return exp.Paren(this=value) if isinstance(value, exp.Binary | exp.Unary | exp.Between | exp.In | exp.Case) else value


def both(*conditions: exp.Expr) -> exp.Expr:
    """The conjunction; of none: TRUE."""
    found: exp.Expr | None = None
    for condition in conditions:
        found = wrapped(condition) if found is None else exp.And(this=found, expression=wrapped(condition))
    return found or exp.Boolean(this=True)


def either(*conditions: exp.Expr) -> exp.Expr:
    found: exp.Expr | None = None
    for condition in conditions:
        found = wrapped(condition) if found is None else exp.Or(this=found, expression=wrapped(condition))
    return found or exp.Boolean(this=False)


def is_null(value: exp.Expr) -> exp.Expr:
    return exp.Is(this=wrapped(value), expression=exp.Null())


def is_not_null(value: exp.Expr) -> exp.Expr:
    return exp.Not(this=is_null(value))


def when(*branches: tuple[exp.Expr, exp.Expr], otherwise: exp.Expr | None = None) -> exp.Expr:
    """CASE WHEN condition THEN value ... [ELSE otherwise] END."""
    return exp.Case(ifs=[exp.If(this=condition, true=value) for condition, value in branches], default=otherwise)


def equal(one: exp.Expr, other: exp.Expr) -> exp.Expr:
    return exp.EQ(this=wrapped(one), expression=wrapped(other))
