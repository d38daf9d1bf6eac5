"""PostgreSQL's SQL as data. What a column's native type and collation change is how a test is written, never its verdict.

Facts that the writers cope with:
- Text is compared by the column's collation: `<` follows a language, and under a nondeterministic collation `=` takes different texts for
  equal. COLLATE "C" compares bytes, which in UTF-8 is by code point; but an index is only used under its own collation.
- char(n) ignores trailing blanks in comparisons, and so does its cast to text, which is what is delivered.
- A composite with NULL in every field IS NULL, though it is there.
- No text holds the character of code 0. A bound that has one is moved.
- There is no TRY_CAST before PostgreSQL 16, and then only of a few types: a cast that fails ends the whole statement.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, cast

from sqlglot import exp

from adapters.interface import Exactness
from adapters.postgres.natives import Native, carriage, sql_type, usual
from adapters.postgres.unnest import elements
from adapters.sql.dialect import NULL_FORMS, SET_FORMS, Comparison, Rule, RuleKey, SqlDialect, is_null, joined
from adapters.sql.plain import plain, possible
from adapters.sql.statement import qualified_table
from catalog.source_tables import RawColumn
from catalog.types import DOUBLE, TEXT, Type
from catalog.values import Interval, ValueSet

_BYTES, _UUID, _BPCHAR = Type("bytes"), Type("uuid"), Type("bpchar")
_PLAIN_ORDER = ("integer", "bigint", "double", "decimal", "boolean", "date", "timestamp", "local_timestamp", "bytes")
_NO_ORDER = "a {} has no values that a condition can name; only whether it is null can be asked"
_AS_NUMBER = "plain numbers written as text are compared by the source; any other text is sorted out at the gateway"
_CANONICAL_UUID = re.compile(r"[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}")
_NO_TEXT = re.compile("[\0\ud800-\udfff]")
"""What no text of PostgreSQL holds."""
_PLAIN_NUMBER = r"^[+-]?[0-9]{1,15}(\.[0-9]{1,15})?$"
"""So short that the cast to double cannot overflow: a double holds any number of 15 digits before the point."""

_FUNCTIONS = frozenset({"EXPLODE", "EXPLODING_GENERATE_SERIES", "CARDINALITY", "UPPER", "CONVERT_TO", "REGEXP_LIKE", "COLLATE"})


@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresDialect(SqlDialect):
    """`natives`: the native types of the relation's columns, by the names under which it delivers them. `utf8`: the database's encoding."""

    natives: Mapping[str, Native] = field(default_factory=dict)
    utf8: bool = True


def dialect_of(schema: str, natives: Mapping[str, Native], *, utf8: bool = True) -> PostgresDialect:
    """The dialect for one relation, whose columns have these native types."""

    def output(column: exp.Expression, raw: RawColumn) -> exp.Expression:
        return _value(column, natives.get(raw.name) or usual(raw.type), raw.type)

    def equal(left: exp.Expression, right: exp.Expression, left_raw: RawColumn, right_raw: RawColumn) -> exp.Expression:
        left_native, right_native = (natives.get(raw.name) or usual(raw.type) for raw in (left_raw, right_raw))
        return _equal((left, left_native, left_raw), (right, right_native, right_raw))

    return PostgresDialect(
        name="postgres",
        rules=_RULES,
        cast=_cast,
        parameter=bound_text,
        table=lambda name: qualified_table(name, schema),
        output=output,
        listed=1,
        many=_in_array,
        equal=equal,
        unnest=elements,
        functions=_FUNCTIONS,
        natives=natives,
        utf8=utf8,
    )


# ------------------------------------------------------------------------------------------------------- constants


def bound_text(value: Any) -> str:
    """A constant in the text form that PostgreSQL reads under any setting; the statement casts it."""
    match value:
        case bool():
            return "t" if value else "f"
        case datetime(tzinfo=None):
            return value.isoformat(" ")
        case datetime():
            return value.astimezone(UTC).isoformat(" ")
        case date():
            return value.isoformat()
        case Decimal():
            return format(value, "f")
        case float():
            return repr(value)
        case bytes():
            return "\\x" + value.hex()
        case _:
            return str(value)


def array_text(values: Sequence[str]) -> str:
    """An array in the text form that PostgreSQL reads."""
    quoted = (value.replace("\\", "\\\\").replace('"', '\\"') for value in values)
    return "{" + ",".join(f'"{value}"' for value in quoted) + "}"


def _cast(constant: exp.Expression, type: Type) -> exp.Expression:
    return exp.Cast(this=constant, to=sql_type(type))


def _among(compared: Comparison, column: exp.Expression, points: Sequence[Any], type: Type) -> exp.Expression:
    """The column is one of the points, all of them one parameter."""
    if len(points) == 1:
        return exp.EQ(this=column, expression=_cast(compared.writer.constants.add(bound_text(points[0])), type))
    bound = compared.writer.bind_raw([bound_text(point) for point in points])
    return exp.EQ(this=column, expression=exp.Any(this=exp.Paren(this=_cast(bound, Type("list", element=type)))))


def _in_array(compared: Comparison, points: Sequence[Any]) -> exp.Expression:
    return _among(compared, compared.read(), points, compared.type)


# --------------------------------------------------------------------------------------------------------- columns


def _native(compared: Comparison) -> Native:
    return cast(PostgresDialect, compared.writer.dialect).natives.get(compared.name) or usual(compared.column.type)


def _value(column: exp.Expression, native: Native, declared: Type) -> exp.Expression:
    """The column as it is delivered."""
    return _cast(column, declared) if carriage(native, declared) == "cast" else column


def _by_bytes(text: exp.Expression) -> exp.Expression:
    return exp.Collate(this=text, expression=exp.to_identifier("C", quoted=True))


def _exact_text(column: exp.Expression, native: Native) -> exp.Expression:
    """The delivered text, compared by code point."""
    value = _value(column, native, TEXT)
    return value if native.collation == "bytes" and value is column else _by_bytes(value)


def _uuid_text(column: exp.Expression, native: Native) -> exp.Expression:
    """The delivered upper-case text, compared by code point."""
    return _by_bytes(exp.Upper(this=_cast(_value(column, native, _UUID), TEXT)))


_Side = tuple[exp.Expression, Native, RawColumn]


def _equal(left: _Side, right: _Side) -> exp.Expression:
    """Texts under one collation may be joined by their indexes; under two, PostgreSQL would not know which to take."""
    if any(raw.type.name not in ("text", "uuid") for _, _, raw in (left, right)):
        return exp.EQ(this=_value(left[0], left[1], left[2].type), expression=_value(right[0], right[1], right[2].type))
    if all(native.name == "uuid" and raw.type.name == "uuid" for _, native, raw in (left, right)):
        return exp.EQ(this=left[0], expression=right[0])
    natives = {native.name for _, native, _ in (left, right)}
    exact = exp.EQ(this=_joined_text(left), expression=_joined_text(right))
    if (
        not natives <= {"text", "varchar"}
        or left[1].collation_id != right[1].collation_id
        or "uuid" in (left[2].type.name, right[2].type.name)
    ):
        return exact
    by_index = exp.EQ(this=left[0], expression=right[0])
    return by_index if left[1].collation != "loose" else joined(exp.And, [by_index, exact])


def _joined_text(side: _Side) -> exp.Expression:
    column, native, raw = side
    return _uuid_text(column.copy(), native) if raw.type.name == "uuid" else _exact_text(column.copy(), native)


# ----------------------------------------------------------------------------------------------------------- tests


def _write_value(compared: Comparison) -> exp.Expression:
    """Types whose order and equality are those of their values (NaN above all, as in DuckDB)."""
    native = _native(compared)
    return plain(replace(compared, read=lambda: _value(compared.read(), native, compared.column.type)))


def _write_text(compared: Comparison) -> exp.Expression:
    native, wanted = _native(compared), _without_nul(compared.wanted)
    if not cast(PostgresDialect, compared.writer.dialect).utf8:
        return _write_utf8(compared, native, wanted)
    exact = replace(compared, wanted=wanted, read=lambda: _exact_text(compared.read(), native))
    points = wanted.points()
    if not points:
        return plain(exact)
    match native.name, native.collation:
        case "text" | "varchar", "bytes" | "exact":
            return _among(compared, compared.read(), points, TEXT)
        case "text" | "varchar", "loose":
            # The first half may use an index, the second tells the texts apart.
            return joined(exp.And, [_among(compared, compared.read(), points, TEXT), plain(exact)])
        case "bpchar", _:
            return joined(exp.And, [_among(compared, compared.read(), points, _BPCHAR), plain(exact)])
        case _:
            return plain(exact)


def _write_utf8(compared: Comparison, native: Native, wanted: ValueSet) -> exp.Expression:
    """In another encoding than UTF-8 bytes have another order, and not every constant can be said: both sides become UTF-8."""

    def encoded(bound: str | None) -> bytes | None:
        return None if bound is None else bound.encode()

    def read() -> exp.Expression:
        value = _value(compared.read(), native, TEXT)
        return exp.Anonymous(this="CONVERT_TO", expressions=[_cast(value, TEXT), exp.Literal.string("UTF8")])

    intervals = tuple(replace(interval, low=encoded(interval.low), high=encoded(interval.high)) for interval in wanted.intervals)
    return plain(replace(compared, type=_BYTES, wanted=ValueSet(intervals), read=read))


def _without_nul(wanted: ValueSet) -> ValueSet:
    """The same texts, of those that hold no character of code 0, with bounds that hold none: what begins as a bound does up to that
    character, and is longer, is above the bound; the beginning itself is below."""
    if not any("\0" in bound for interval in wanted.intervals for bound in (interval.low, interval.high) if bound is not None):
        return wanted
    return ValueSet.build([_interval_without_nul(interval) for interval in wanted.intervals])


def _interval_without_nul(interval: Interval) -> Interval:
    low, low_closed, high, high_closed = interval.low, interval.low_closed, interval.high, interval.high_closed
    if low is not None and "\0" in low:
        low, low_closed = low.partition("\0")[0], False
    if high is not None and "\0" in high:
        high, high_closed = high.partition("\0")[0], True
    return Interval(low, high, low_closed, high_closed)


def _write_uuid(compared: Comparison) -> exp.Expression:
    native, wanted = _native(compared), _without_nul(compared.wanted)
    points = wanted.points()
    if points is not None:
        canonical = [point for point in points if _CANONICAL_UUID.fullmatch(point)]
        return _among(compared, _value(compared.read(), native, _UUID), canonical, _UUID) if canonical else exp.false()
    return plain(replace(compared, type=TEXT, wanted=wanted, read=lambda: _uuid_text(compared.read(), native)))


def _number(column: exp.Expression, _: RawColumn) -> exp.Expression:
    """The text as a double if it is a plain number, else NULL."""
    test = exp.RegexpLike(this=_by_bytes(_cast(column, TEXT)), expression=exp.Literal.string(_PLAIN_NUMBER))
    return exp.Case(ifs=[exp.If(this=test, true=_cast(_cast(column.copy(), TEXT), DOUBLE))])


def _write_number(compared: Comparison) -> exp.Expression:
    """Also every text that is not a plain number: whether DuckDB reads it as one is not for PostgreSQL to say."""
    return joined(exp.Or, [plain(compared), is_null(compared.read())])


def _is_there(column: exp.Expression, _: RawColumn) -> exp.Expression:
    """The text of a composite is NULL only if the composite is."""
    return _cast(column, TEXT)


_RULES: dict[RuleKey, Rule] = {
    **{("value", form, type): Rule(Exactness.EXACT, write=_write_value) for form in (*NULL_FORMS, *SET_FORMS) for type in _PLAIN_ORDER},
    **{("value", form, "text"): Rule(Exactness.EXACT, write=_write_text) for form in (*NULL_FORMS, *SET_FORMS)},
    **{("value", form, "uuid"): Rule(Exactness.EXACT, write=_write_uuid) for form in (*NULL_FORMS, *SET_FORMS)},
    **{("value", form, "list"): Rule(Exactness.EXACT) for form in NULL_FORMS},
    **{("value", form, "struct"): Rule(Exactness.EXACT, read=_is_there) for form in NULL_FORMS},
    **{("value", form, type): Rule(Exactness.REFUSE, _NO_ORDER.format(type)) for form in SET_FORMS for type in ("list", "struct")},
    # "Is a number at all" is refused: PostgreSQL would have to read every text as DuckDB does.
    **{("number", form, "text"): Rule(Exactness.SUPERSET, _AS_NUMBER, _number, _write_number) for form in ("nothing", *SET_FORMS)},
}


def one_point(value: Any, type: Type) -> str | None:
    """The constant as it is bound for `column = value`, if that is how such a test is written; None: it takes the long way.

    Lists have thousands of them, so that the usual types are looked at first. Raises UnsayableBoundError.
    """
    match type.name:
        case "text" if isinstance(value, str):
            return None if _NO_TEXT.search(value) else value
        case "integer" | "bigint" if value.__class__ is int and -(2**63) <= value < 2**63:
            return str(value)
        case "uuid":
            return value if isinstance(value, str) and _CANONICAL_UUID.fullmatch(value) else None
        case _:
            found = possible([value], type)
            return bound_text(found[0]) if found else None
