"""What `describe` says of columns that are written as text: the type in which every value comes back as it is written."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from adapters.duckdb_places import FoundColumn, FoundTable, quoted_column
from adapters.duckdb_types import text_expression
from catalog.types import TEXT, Type, decimal

if TYPE_CHECKING:
    import duckdb

WHOLE_DIGITS = 15
"""Digits before the point that a guessed decimal has room for."""

_INTEGER = r"^-?(?:0|[1-9]\d{0,17})$"  # '007' and '+7' are not written so: they stay text
_DECIMAL = rf"^-?(?:0|[1-9]\d{{0,{WHOLE_DIGITS - 1}}})\.(\d{{1,10}})$"
_BOOLEAN = r"^(?:true|false)$"


def guessed_types(connection: duckdb.DuckDBPyConnection, found: FoundTable) -> dict[str, Type]:
    """Reads the whole table once. A column without values, or whose values fit no type, is text."""
    columns = [column for column in found.columns if column.as_text]
    if not columns:
        return {}
    output = [fact for column in columns for fact in _facts(column)]
    query = exp.Select(expressions=output).from_(found.rows.copy())
    answer = connection.execute(query.sql(dialect="duckdb")).fetchone()
    assert answer is not None
    width = len(output) // len(columns)
    return {column.name: _type(answer[place * width : (place + 1) * width]) for place, column in enumerate(columns)}


def _facts(column: FoundColumn) -> list[exp.Expression]:
    """Number of values; digits after the point if all are decimals with as many; then a yes or no for each of _TRIED."""
    fraction = exp.Length(
        this=exp.Anonymous(this="REGEXP_EXTRACT", expressions=[quoted_column(column.name), _text(_DECIMAL), exp.Literal.number(1)])
    )
    same = exp.EQ(this=exp.Min(this=fraction.copy()), expression=exp.Max(this=fraction.copy()))
    digits = exp.Case(ifs=[exp.If(this=same, true=exp.Max(this=fraction.copy()))], default=exp.Literal.number(0))
    return [exp.Count(this=quoted_column(column.name)), digits, *(_all(column, fits) for _, fits in _TRIED)]


def _all(column: FoundColumn, fits: Callable[[exp.Expression], exp.Expression]) -> exp.Expression:
    missing = exp.Is(this=quoted_column(column.name), expression=exp.Null())
    return exp.Anonymous(this="BOOL_AND", expressions=[exp.Or(this=missing, expression=fits(quoted_column(column.name)))])


def _matches(pattern: str) -> Callable[[exp.Expression], exp.Expression]:
    return lambda column: exp.Anonymous(this="REGEXP_MATCHES", expressions=[column, _text(pattern)])


def _reads(type: Type) -> Callable[[exp.Expression], exp.Expression]:
    def fits(column: exp.Expression) -> exp.Expression:
        tried = text_expression(column, type, trying=True)
        assert tried is not None
        return exp.Not(this=exp.Is(this=tried, expression=exp.Null()))

    return fits


def _is_canonical_uuid(column: exp.Expression) -> exp.Expression:
    tried = text_expression(column.copy(), Type("uuid"), trying=True)
    same = exp.EQ(this=tried, expression=column)
    return exp.Coalesce(this=same, expressions=[exp.false()])


_TRIED: tuple[tuple[Type, Callable[[exp.Expression], exp.Expression]], ...] = (
    (Type("integer"), _matches(_INTEGER)),
    (Type("boolean"), _matches(_BOOLEAN)),
    (Type("date"), _reads(Type("date"))),
    (Type("timestamp"), _reads(Type("timestamp"))),
    (Type("local_timestamp"), _reads(Type("local_timestamp"))),
    (Type("uuid"), _is_canonical_uuid),
)


def _type(facts: tuple[Any, ...]) -> Type:
    count, scale, *fits = facts
    if not count:
        return TEXT
    if scale:
        return decimal(WHOLE_DIGITS + scale, scale)
    return next((type for (type, _), all_fit in zip(_TRIED, fits) if all_fit), TEXT)


def _text(value: str) -> exp.Expression:
    return exp.Literal.string(value)
