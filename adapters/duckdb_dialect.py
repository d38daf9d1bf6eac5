"""DuckDB's SQL as data. DuckDB is the reference: its comparisons are what a condition means, bit for bit."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from sqlglot import exp

from adapters.duckdb_types import duckdb_type
from adapters.interface import Exactness
from adapters.sql.dialect import NULL_FORMS, SET_FORMS, Comparison, Rule, RuleKey, SqlDialect
from adapters.sql.statement import SelectBuilder, qualified_table
from adapters.sql.two_levels import two_levels
from catalog.relations import UnnestRelation
from catalog.source_tables import RawColumn
from catalog.types import DOUBLE, Type

_ORDERED = ("text", "uuid", "integer", "bigint", "double", "decimal", "boolean", "date", "timestamp", "local_timestamp", "bytes")
_NESTED = ("list", "map", "struct")
_AS_NUMBER = "the text is read as a number by the source, and again at the gateway"
_NO_ORDER = "a {} has no values that a condition can name; only whether it is null can be asked"


def _as_number(column: exp.Expression, _: RawColumn) -> exp.Expression:
    return exp.TryCast(this=column, to=duckdb_type(DOUBLE))


_RULES: dict[RuleKey, Rule] = {
    # These types have DuckDB's own order (text by code point, NaN above all).
    **{("value", form, type): Rule(Exactness.EXACT) for form in (*NULL_FORMS, *SET_FORMS) for type in _ORDERED},
    **{("value", form, type): Rule(Exactness.EXACT) for form in NULL_FORMS for type in _NESTED},
    **{("value", form, type): Rule(Exactness.REFUSE, _NO_ORDER.format(type)) for form in SET_FORMS for type in _NESTED},
    **{("number", form, "text"): Rule(Exactness.SUPERSET, _AS_NUMBER, _as_number) for form in (*NULL_FORMS, *SET_FORMS)},
}


def _cast(constant: exp.Expression, type: Type) -> exp.Expression:
    return exp.Cast(this=constant, to=duckdb_type(type))


def _parameter(value: Any) -> Any:
    """Times and decimals are bound as text, which the statement casts, so that no session zone matters."""
    match value:
        case datetime(tzinfo=None):
            return value.isoformat(" ")
        case datetime():
            return value.astimezone(UTC).isoformat(" ")
        case date():
            return value.isoformat()
        case Decimal():
            return format(value, "f")
        case _:
            return value


def _in_one_list(compared: Comparison, points: Sequence[Any]) -> exp.Expression:
    """Many points are one list parameter: a short statement, and a hash table in DuckDB."""
    bound = compared.writer.bind_raw([_parameter(point) for point in points])
    listed = exp.select(exp.Anonymous(this="UNNEST", expressions=[_cast(bound, Type("list", element=compared.type))]))
    return exp.In(this=compared.read(), query=exp.Subquery(this=listed))


def _elements(relation: UnnestRelation, builder: SelectBuilder) -> exp.Select:
    return two_levels(relation, builder, _field, _places)


def _field(element: exp.Expression, name: str) -> exp.Expression:
    return exp.Anonymous(this="STRUCT_EXTRACT", expressions=[element, exp.Literal.string(name)])


def _places(listed: exp.Expression) -> exp.Expression:
    return exp.Anonymous(this="GENERATE_SUBSCRIPTS", expressions=[listed, exp.Literal.number(1)])


DUCKDB = SqlDialect(
    name="duckdb",
    rules=_RULES,
    cast=_cast,
    parameter=_parameter,
    table=qualified_table,
    many=_in_one_list,
    unnest=_elements,
    functions=frozenset({"EXPLODE", "GENERATE_SUBSCRIPTS", "STRUCT_EXTRACT"}),
)
