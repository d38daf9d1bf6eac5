"""T-SQL as data: which tests may be asked of which type. How the harder ones are written is in `text.py` and `times.py`.

Verdicts hold for every native type under which a raw type may be declared (`native_types.py`); what sys.columns says of a column decides
only how a condition is written.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from sqlglot import exp

from adapters.interface import Exactness, SourceError
from adapters.sql import Comparison, Rule, SqlDialect, plain, qualified_table
from adapters.sql.dialect import NULL_FORMS, SET_FORMS, Form, RuleKey, is_null, joined
from adapters.sql.plain import among, possible
from adapters.sqlserver.key_lists import in_list
from adapters.sqlserver.native_types import ASSUMED, ColumnFact
from adapters.sqlserver.spelling import carried, data_length, data_type
from adapters.sqlserver.text import equal_texts, write_texts
from adapters.sqlserver.times import write_instants
from catalog.source_tables import RawColumn
from catalog.types import Type
from catalog.values import ValueSet

_CASTS: Mapping[str, str] = {
    "text": "nvarchar(4000)",
    "uuid": "uniqueidentifier",
    "integer": "int",
    "bigint": "bigint",
    "double": "float",
    "boolean": "bit",
    "date": "date",
    "timestamp": "datetimeoffset(7)",
    "local_timestamp": "datetime2(7)",
    "bytes": "varbinary(8000)",
}
INT32 = range(-(2**31) + 1, 2**31 - 1)
"""Ints, but for the two at the ends: an open bound is written as the next one."""
GUID = re.compile(r"[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}")
_SMALLEST_DOUBLE = 2.2250738585072014e-308
_MOST_LISTED_BYTES = 100

_TEXT_ORDER = "the source orders texts by a collation, not by code point: ranges and prefixes are sorted out at the gateway"
_UUID_ORDER = "the source orders identifiers by other bytes first: ranges are sorted out at the gateway"
_BYTE_ORDER = "the source takes trailing zero bytes for padding: ranges are sorted out at the gateway"
_NUMBER_IN_TEXT = "what the source takes for a number in a text differs from the gateway: it is read at the gateway"


def cast(constant: exp.Expression, type: Type) -> exp.Expression:
    spelled = f"decimal({type.precision}, {type.scale})" if type.name == "decimal" else _CASTS[type.name]
    return exp.Cast(this=constant, to=data_type(spelled))


def parameter(value: Any) -> Any:
    """Decimals, dates and times are bound as text in forms that no language setting of a session can turn."""
    match value:
        case bool() | int() | float() | str() | bytes():
            return value
        case Decimal():
            return format(value, "f")
        case datetime(tzinfo=None):
            return value.isoformat(" ", "microseconds")
        case datetime():
            return value.astimezone(UTC).isoformat(" ", "microseconds").replace("+00:00", " +00:00")
        case date():
            return value.isoformat()
        case _:
            raise AssertionError(type(value))


def _write_integers(compared: Comparison) -> exp.Expression:
    """As int where all constants are ints: a constant of a wider type than its column can cost the index."""
    narrow = all(isinstance(bound, int) and bound in INT32 for bound in _bounds(compared.wanted))
    return plain(replace(compared, type=Type("integer" if narrow else "bigint")))


def _write_identifiers(compared: Comparison) -> exp.Expression:
    """A text that is no identifier in the canonical form is equal to none; casting it would be an error, or cut it."""
    excluded = compared.wanted.points() is None
    points = (compared.wanted.excluded() if excluded else compared.wanted.points()) or ()
    canonical = [point for point in points if GUID.fullmatch(point)]
    if not canonical:
        return is_null(compared.read()).not_(copy=False) if excluded else exp.false()
    found = among(compared, canonical)
    return exp.Not(this=exp.Paren(this=found)) if excluded else found


def _write_bytes(compared: Comparison, fact: ColumnFact) -> exp.Expression:
    """Equal, and as long: comparisons take trailing zeros for padding."""
    excluded = compared.wanted.points() is None
    points = possible((compared.wanted.excluded() if excluded else compared.wanted.points()) or (), compared.type)
    cast_to = data_type("varbinary(max)" if any(len(point) > 8_000 for point in points) else "varbinary(8000)")

    def constant(point: bytes) -> exp.Expression:
        return exp.Cast(this=compared.writer.bind_raw(point), to=cast_to.copy())

    arms = []
    for point in points:
        same = exp.EQ(this=carried(compared.read(), fact), expression=constant(point))
        same_length = exp.EQ(this=data_length(carried(compared.read(), fact)), expression=data_length(constant(point)))
        arms.append(joined(exp.And, [same, same_length]))
    found = joined(exp.Or, arms)
    return exp.Not(this=exp.Paren(this=found)) if excluded else found


def _unless_odd_double(wanted: ValueSet) -> str:
    for bound in _bounds(wanted):
        if isinstance(bound, float) and (math.isinf(bound) or math.isnan(bound) or 0 < abs(bound) < _SMALLEST_DOUBLE):
            return "the source cannot be sent a number that is infinite, or smaller than its own smallest"
    return (
        "" if len(wanted.points() or wanted.excluded() or ()) <= 1_000 else "more than 1,000 listed numbers are sorted out at the gateway"
    )


def _unless_nul(wanted: ValueSet) -> str:
    return (
        "a text with a NUL is not sent to the source" if any("\0" in bound for bound in _bounds(wanted) if isinstance(bound, str)) else ""
    )


def _unless_many(wanted: ValueSet) -> str:
    listed = wanted.points() or wanted.excluded() or ()
    return (
        f"more than {_MOST_LISTED_BYTES} listed values of this type are sorted out at the gateway"
        if len(listed) > _MOST_LISTED_BYTES
        else ""
    )


def _bounds(wanted: ValueSet) -> list[Any]:
    return [bound for interval in wanted.intervals for bound in (interval.low, interval.high) if bound is not None]


def _exact(raw: str, forms: Sequence[Form], **how: Any) -> dict[RuleKey, Rule]:
    return {("value", form, raw): Rule(Exactness.EXACT, **how) for form in forms}


def _refused(raw: str, forms: Sequence[Form], reason: str, kind: str = "value") -> dict[RuleKey, Rule]:
    return {(kind, form, raw): Rule(Exactness.REFUSE, reason) for form in forms}


_POINTS: tuple[Form, ...] = ("points", "excluded")


def rules(facts: Mapping[str, ColumnFact]) -> Mapping[RuleKey, Rule]:
    """The table. `facts` are those of a relation's columns by name."""

    def fact(compared: Comparison) -> ColumnFact:
        return facts.get(compared.name) or ASSUMED[compared.column.type.name]

    def texts(compared: Comparison) -> exp.Expression:
        return write_texts(compared, fact(compared))

    def octets(compared: Comparison) -> exp.Expression:
        return _write_bytes(compared, fact(compared))

    def instants(compared: Comparison) -> exp.Expression:
        return write_instants(compared, fact(compared))

    return {
        **{key: rule for raw in _CASTS for key, rule in _exact(raw, NULL_FORMS).items()},
        **_exact("decimal", NULL_FORMS),
        **_exact("integer", SET_FORMS, write=_write_integers),
        **_exact("bigint", SET_FORMS, write=_write_integers),
        **_exact("decimal", SET_FORMS),
        **_exact("double", SET_FORMS, unless=_unless_odd_double),
        **_exact("boolean", SET_FORMS),
        **_exact("date", SET_FORMS),
        **_exact("timestamp", SET_FORMS, write=instants, unless=_unless_many),
        **_exact("local_timestamp", SET_FORMS, write=instants, unless=_unless_many),
        **_exact("uuid", _POINTS, write=_write_identifiers),
        **_refused("uuid", ("intervals",), _UUID_ORDER),
        **_exact("text", _POINTS, write=texts, unless=_unless_nul),
        **_refused("text", ("intervals",), _TEXT_ORDER),
        **_refused("text", (*NULL_FORMS, *SET_FORMS), _NUMBER_IN_TEXT, kind="number"),
        **_exact("bytes", _POINTS, write=octets, unless=_unless_many),
        **_refused("bytes", ("intervals",), _BYTE_ORDER),
    }


_WHOLE = frozenset({"integer", "bigint"})


def equality(facts: Mapping[str, ColumnFact]) -> Any:
    """How two columns are compared in a join: exactly as their values are at the gateway, or not at all."""

    def equal(left: exp.Expression, right: exp.Expression, first: RawColumn, second: RawColumn) -> exp.Expression:
        one, other = (facts.get(column.name) or ASSUMED[column.type.name] for column in (first, second))
        kinds = {first.type.name, second.type.name}
        if kinds == {"text"}:
            return equal_texts(left, right, one, other)
        same = exp.EQ(this=carried(left, one), expression=carried(right, other))
        if kinds <= _WHOLE or (len(kinds) == 1 and kinds <= {"uuid", "date", "boolean", "double"}):
            return same
        if kinds == {"bytes"}:
            return joined(exp.And, [same, exp.EQ(this=data_length(carried(left, one)), expression=data_length(carried(right, other)))])
        if kinds == {"decimal"} and first.type == second.type:
            return same
        if kinds in ({"timestamp"}, {"local_timestamp"}) and max(one.scale, other.scale) <= 6:
            return same
        raise SourceError("S110", f"columns {first.name} and {second.name} cannot be joined at the source so that only equal values meet")

    return equal


def sql_server(schema: str, facts: Mapping[str, ColumnFact] | None = None) -> SqlDialect:
    """The dialect of one scan: `facts` are those of its relation's columns, as far as they are known."""
    known = facts or {}
    return SqlDialect(
        name="tsql",
        rules=rules(known),
        cast=cast,
        parameters="positional",
        parameter=parameter,
        table=lambda name: qualified_table(name, schema),
        output=lambda column, raw: carried(column, known.get(raw.name) or ASSUMED[raw.type.name]),
        many=in_list,
        most_intervals=100,
        equal=equality(known),
        functions=frozenset({"COLLATE", "EXISTS", "BYTE_LENGTH", "DATALENGTH", "OPEN_J_S_O_N"}),
    )


NOTHING_KNOWN = sql_server("dbo")
"""For verdicts, which do not depend on facts."""
