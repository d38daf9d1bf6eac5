"""Functions of dates and times."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sqlglot import exp

from tests.servers.tds.conversion import converted, local_ticks
from tests.servers.tds.errors import NotTranslated, SqlServerError
from tests.servers.tds.function_types import Argument, Handler
from tests.servers.tds.readings import TICKS_A_DAY
from tests.servers.tds.sql_types import BIGINT, INSTANTS, INT, SqlType
from tests.servers.tds.values import Value

if TYPE_CHECKING:
    from tests.servers.tds.expressions import Translation


_MINUTE = 60 * 10**7


_NOW = "(epoch_us(get_current_timestamp()) + 62135596800000000) * 10"


_TICKS = {"hour": 3600 * 10**7, "minute": _MINUTE, "second": 10**7, "millisecond": 10**4, "microsecond": 10, "day": TICKS_A_DAY}


def _unwrapped(node: exp.Expression) -> exp.Expression:
    """Without the reading of text that sqlglot puts around arguments of date functions."""
    return node.this if isinstance(node, exp.TsOrDsToDate | exp.TimeStrToTime) else node


def _moment(node: exp.Expression, value: Argument) -> Value:
    found = value(_unwrapped(node))
    return converted(found, SqlType(name="datetime2", scale=7)) if found.type.is_text else found


def now(kind: str) -> Handler:
    def handler(_: Translation, __: exp.Expression, ___: Argument) -> Value:
        if kind == "datetimeoffset":
            return Value(f"{{'t': {_NOW}, 'o': CAST(0 AS SMALLINT)}}", SqlType(name=kind, scale=7))
        return converted(Value(_NOW, SqlType(name="datetime2", scale=7)), SqlType(name=kind, scale=7 if kind == "datetime2" else 0))

    return handler


def date_add(_: Translation, node: exp.DateAdd, value: Argument) -> Value:
    moment, count, unit = _moment(node.this, value), converted(value(node.expression), INT).sql, node.text("unit").lower()
    if unit not in _TICKS or moment.type.name not in (*INSTANTS, "datetimeoffset", "date"):
        raise NotTranslated(f"DATEADD of {unit} to {moment.type.name}")
    step = f"CAST({count} AS BIGINT) * {_TICKS[unit]}"
    if moment.type.name == "date":
        return replace(moment, sql=f"({moment.sql} + {count})")
    if moment.type.name == "datetimeoffset":
        return replace(
            moment, sql=f"CASE WHEN {moment.sql} IS NULL THEN NULL ELSE {{'t': ({moment.sql}).t + {step}, 'o': ({moment.sql}).o}} END"
        )
    return replace(moment, sql=f"ss_datetime({moment.sql} + {step})" if moment.type.name == "datetime" else f"({moment.sql} + {step})")


def date_diff(_: Translation, node: exp.DateDiff, value: Argument) -> Value:
    """The borders of the unit that lie between: whole units of both sides, subtracted."""
    unit = node.text("unit").lower()
    if unit not in _TICKS:
        raise NotTranslated(f"DATEDIFF of {unit}")
    later, earlier = (_moment(node.args[part], value) for part in ("this", "expression"))
    ticks = [f"({one.sql}).t" if one.type.name == "datetimeoffset" else local_ticks(one.sql, one.type) for one in (later, earlier)]
    kind = BIGINT if node.args.get("big_int") else INT
    return Value(f"CAST({ticks[0]} // {_TICKS[unit]} - {ticks[1]} // {_TICKS[unit]} AS {kind.stored})", kind)


def date_part(_: Translation, node: exp.Expression, value: Argument) -> Value:
    part = node.name.lower() if isinstance(node, exp.Extract) else type(node).__name__.lower()
    moment = _moment(node.expression if isinstance(node, exp.Extract) else node.this, value)
    local = local_ticks(moment.sql, moment.type)
    if part in ("year", "month", "day"):
        text = f"{part}(DATE '0001-01-01' + CAST({local} // {TICKS_A_DAY} AS INTEGER))"
    elif part in ("hour", "minute", "second"):
        text = f"{local} // {_TICKS[part]} % {24 if part == 'hour' else 60}"
    else:
        raise NotTranslated(f"DATEPART of {part}")
    return Value(f"CAST({text} AS INTEGER)", INT)


def switch_offset(_: Translation, node: exp.Anonymous, value: Argument) -> Value:
    """SWITCHOFFSET keeps the instant; TODATETIMEOFFSET keeps what the clock shows."""
    moment, offset = value(node.expressions[0]), value(node.expressions[1])
    text = f"ss_read_offset('2000-01-01 00:00 ' || {offset.sql})" if offset.type.is_text else converted(offset, INT).sql
    switched = node.name.upper() == "SWITCHOFFSET"
    if switched:
        moment = converted(moment, SqlType(name="datetimeoffset", scale=7)) if moment.type.name != "datetimeoffset" else moment
        ticks = f"({moment.sql}).t"
    else:
        ticks = f"{local_ticks(moment.sql, moment.type)} - CAST({text} AS BIGINT) * {_MINUTE}"
    kind = SqlType(name="datetimeoffset", scale=moment.type.scale if moment.type.name in ("datetimeoffset", "datetime2") else 3)
    return Value(f"CASE WHEN {moment.sql} IS NULL THEN NULL ELSE {{'t': {ticks}, 'o': CAST({text} AS SMALLINT)}} END", kind)


def at_zone(_: Translation, node: exp.AtTimeZone, value: Argument) -> Value:
    if node.args["zone"].name.upper() != "UTC":
        raise NotTranslated("AT TIME ZONE of another zone than UTC")
    moment = value(node.this)
    if moment.type.name not in (*INSTANTS, "datetimeoffset"):
        raise SqlServerError(8116, f"Argument data type {moment.type.name} is invalid for argument 1 of AT TIME ZONE function.")
    ticks = f"({moment.sql}).t" if moment.type.name == "datetimeoffset" else moment.sql
    kind = SqlType(name="datetimeoffset", scale=moment.type.scale if moment.type.name != "datetime" else 3)
    return Value(f"CASE WHEN {moment.sql} IS NULL THEN NULL ELSE {{'t': {ticks}, 'o': CAST(0 AS SMALLINT)}} END", kind)
