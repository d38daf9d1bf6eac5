"""Trino's SQL as data: what may be asked of which type, exactly or not, and how it is written.

Facts of Trino 476 behind the rules, each shown by tests/integration/trino:
- text is compared by code point. A char(n) is compared without its blanks, but delivered with them: it is compared as varchar, blanks and all.
- NaN = NaN is false, and NaN > x, too; in the gateway's order NaN equals itself and lies above all. NaN <> x is true in both.
- a real compares by the value of its 32 bits, which is what is delivered.
- timestamp with time zone compares instants; it is delivered in UTC.
- a uuid is in lower case there and in upper case here; both order as their text does.
- TRY_CAST(text AS double) reads nearly what the gateway reads: not '1_000', 'inf', 'nan', but '1d'. Such texts are let through.
- its optimizer takes a cast that only widens out of a comparison, so that these conditions still reach the connector.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from typing import Any

from sqlglot import exp

from adapters.interface import Exactness
from adapters.sql.dialect import NULL_FORMS, SET_FORMS, Comparison, Rule, RuleKey, SqlDialect
from adapters.sql.plain import plain
from adapters.sql.statement import TABLE, SelectBuilder, qualified_table, quoted_column
from catalog.relations import UnnestRelation
from catalog.source_tables import RawColumn
from catalog.types import Type

_PLAIN = ("integer", "bigint", "boolean", "decimal", "date", "timestamp", "local_timestamp", "bytes")
_NESTED = ("list", "map", "struct")
_ELEMENT = "element of list"
"""The alias of unnested elements. It holds a blank: no column of a mapping can be called so."""

_NO_ORDER = "a {} has no values that a condition can name; only whether it is null can be asked"
_AS_NUMBER = "the text is read as a number by the source, and again at the gateway"
_READ_OTHERWISE = r"(?i)\d_\d|^\s*[-+]?(inf|nan|0[xb])|[0-9.][df]\s*$|[\x00-\x08\x0e-\x1f]"
"""Texts that only the gateway may read as numbers, or only Trino: by Java's rules '1d' is one, and every control character is a blank."""

MOST_POINTS = 10_000
"""Trino plans a longer list for seconds."""

_TYPES: Mapping[str, str] = {
    "text": "VARCHAR",
    "uuid": "VARCHAR",
    "integer": "BIGINT",
    "bigint": "BIGINT",
    "double": "DOUBLE",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "timestamp": "TIMESTAMP(6) WITH TIME ZONE",
    "local_timestamp": "TIMESTAMP(6)",
}


def _as_text(column: exp.Expression, _: RawColumn) -> exp.Expression:
    return exp.Cast(this=column, to=_built("VARCHAR").copy())


def _as_upper_text(column: exp.Expression, raw: RawColumn) -> exp.Expression:
    return exp.Upper(this=_as_text(column, raw))


def _as_number(column: exp.Expression, raw: RawColumn) -> exp.Expression:
    return exp.TryCast(this=_as_text(column, raw), to=_built("DOUBLE").copy())


def _is_nan(column: exp.Expression) -> exp.Expression:
    return exp.IsNan(this=column)


def _doubles(compared: Comparison) -> exp.Expression:
    """NaN is in every range that is open above; <> and NOT IN let it through by themselves."""
    written = plain(compared)
    holds_nan = compared.wanted.excluded() is None and any(interval.high is None for interval in compared.wanted.intervals)
    return exp.Paren(this=exp.Or(this=written, expression=_is_nan(compared.read()))) if holds_nan else written


def _numbers_in_text(compared: Comparison) -> exp.Expression:
    text = compared.writer.column(compared.name)
    other = exp.RegexpLike(this=_as_text(text, compared.column), expression=exp.Literal.string(_READ_OTHERWISE))
    return exp.Paren(this=exp.Or(this=plain(compared), expression=other))


_number_not_null = Rule(Exactness.REFUSE, "which texts are numbers is decided at the gateway")
_RULES: dict[RuleKey, Rule] = {
    **{("value", form, type): Rule(Exactness.EXACT) for form in (*NULL_FORMS, *SET_FORMS) for type in _PLAIN},
    **{("value", form, type): Rule(Exactness.EXACT) for form in NULL_FORMS for type in ("text", "uuid", "double", *_NESTED)},
    **{("value", form, "text"): Rule(Exactness.EXACT, read=_as_text) for form in SET_FORMS},
    **{("value", form, "uuid"): Rule(Exactness.EXACT, read=_as_upper_text) for form in SET_FORMS},
    **{("value", form, "double"): Rule(Exactness.EXACT, write=_doubles) for form in SET_FORMS},
    **{("value", form, type): Rule(Exactness.REFUSE, _NO_ORDER.format(type)) for form in SET_FORMS for type in _NESTED},
    **{("number", form, "text"): _number_not_null for form in NULL_FORMS},
    **{("number", form, "text"): Rule(Exactness.SUPERSET, _AS_NUMBER, _as_number, _numbers_in_text) for form in SET_FORMS},
}


def _literal(value: Any, type: Type) -> exp.Expression:
    """A constant of its type. Text and whole numbers stand as they are; all else is cast from its text, so that no session
    setting matters."""
    match value:
        case bytes():
            return exp.HexString(this=value.hex())
        case bool():
            return exp.Boolean(this=value)
        case int() if abs(value) < 2**63 and type.name != "decimal":
            number = exp.Literal.number(abs(value))
            return number if value >= 0 else exp.Neg(this=number)
        case float():
            text = {"inf": "Infinity", "-inf": "-Infinity", "nan": "NaN"}.get(repr(value), repr(value))
        case datetime(tzinfo=None):
            text = value.isoformat(" ", "microseconds")
        case datetime():
            text = f"{value.astimezone(UTC).replace(tzinfo=None).isoformat(' ', 'microseconds')} UTC"
        case date():
            text = value.isoformat()
        case Decimal():
            text = format(value, "f")
        case _:
            text = str(value)
    literal = exp.Literal.string(text)
    return literal if type.is_text else _cast(literal, type)


def _cast(constant: exp.Expression, type: Type) -> exp.Expression:
    spelled = f"DECIMAL({type.precision}, {type.scale})" if type.name == "decimal" else _TYPES[type.name]
    return exp.Cast(this=constant, to=_built(spelled).copy())


@cache
def _built(spelled: str) -> exp.DataType:
    return exp.DataType.build(spelled, dialect="trino")


def _output(column: exp.Expression, raw: RawColumn) -> exp.Expression:
    if raw.type.name == "timestamp":
        return exp.AtTimeZone(this=column, zone=exp.Literal.string("UTC"))
    return column


_COMPARED_AS: Mapping[str, Callable[[exp.Expression, RawColumn], exp.Expression]] = {"text": _as_text, "uuid": _as_upper_text}


def _equal(left: exp.Expression, right: exp.Expression, left_column: RawColumn, right_column: RawColumn) -> exp.Expression:
    def compared(side: exp.Expression, column: RawColumn) -> exp.Expression:
        read = _COMPARED_AS.get(column.type.name)
        return side if read is None else read(side, column)

    equal = exp.EQ(this=compared(left, left_column), expression=compared(right, right_column))
    if left_column.type.name == right_column.type.name == "double":
        both_nan = exp.And(this=_is_nan(left.copy()), expression=_is_nan(right.copy()))
        return exp.Paren(this=exp.Or(this=equal, expression=both_nan))
    return equal


def _elements(relation: UnnestRelation, builder: SelectBuilder) -> exp.Select:
    """The table CROSS JOIN UNNEST of its list: rows become columns, an element that is NULL gives NULLs, ordinality starts at 1."""
    own = {column.name: column for column in relation.table.columns}
    fields = [name.removeprefix(f"{relation.alias}.") for name in builder.columns if name not in own and name != relation.ordinality]

    def column(name: str) -> exp.Expression:
        if name in own:
            return quoted_column(name, TABLE)
        return quoted_column(name.removeprefix(f"{relation.alias}."), _ELEMENT)

    unnested = exp.Unnest(
        expressions=[quoted_column(relation.column, TABLE)],
        alias=exp.TableAlias(
            this=exp.to_identifier(_ELEMENT, quoted=True), columns=[exp.to_identifier(field, quoted=True) for field in fields]
        ),
    )
    if relation.ordinality is not None:
        unnested.set("offset", exp.to_identifier(relation.ordinality, quoted=True))
    select = exp.Select(expressions=builder.output(column)).from_(builder.table(relation.table.name, TABLE), copy=False)
    select = select.join(unnested, join_type="cross", copy=False)
    return builder.filtered(select, column, builder.wanted)


def trino_dialect(catalog: str, schema: str) -> SqlDialect:
    """The dialect over the tables of one schema."""
    return SqlDialect(
        name="trino",
        rules=_RULES,
        cast=_cast,
        parameters="literal",
        literal=_literal,
        table=lambda name: qualified_table(name, catalog, schema),
        output=_output,
        listed=MOST_POINTS,
        most_points=MOST_POINTS,
        most_intervals=100,
        equal=_equal,
        unnest=_elements,
        functions=frozenset({"UNNEST", "EXPLODE", "IS_NAN", "REGEXP_LIKE", "UPPER", "AT_TIMEZONE"}),
    )
