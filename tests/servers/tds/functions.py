"""Functions that the server knows: a table from sqlglot's node, or the plain name, to what DuckDB is asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from tests.servers.tds.collations import collation
from tests.servers.tds.errors import NotTranslated, SqlServerError
from tests.servers.tds.readings import TICKS_A_DAY
from tests.servers.tds.sql_types import BIGINT, INSTANTS, INT, MAX, SYSTEM_TYPES, TEXT, UNICODE, SqlType, decimal_width, text_type
from tests.servers.tds.values import Value, _local_ticks, collated, converted, quoted, unified

if TYPE_CHECKING:
    from tests.servers.tds.expressions import Translation

_Argument = Callable[[exp.Expression], Value]
_Handler = Callable[["Translation", Any, _Argument], Value]
_NAME = text_type("nvarchar", 128)
_MINUTE = 60 * 10**7
_NOW = "(epoch_us(get_current_timestamp()) + 62135596800000000) * 10"
_TICKS = {"hour": 3600 * 10**7, "minute": _MINUTE, "second": 10**7, "millisecond": 10**4, "microsecond": 10, "day": TICKS_A_DAY}


def function(translation: Translation, node: exp.Expression, value: _Argument) -> Value:
    """Raises NotTranslated for a function that is not in the tables."""
    handler = _ANONYMOUS.get(node.name.upper()) if isinstance(node, exp.Anonymous) else _NODES.get(type(node))
    if handler is None:
        raise NotTranslated(f"{node.name if isinstance(node, exp.Anonymous) else type(node).__name__}")
    return handler(translation, node, value)


def _text(node: exp.Expression, value: _Argument) -> Value:
    """An argument that must be text; without the cast that sqlglot wraps it in."""
    if type(node) is exp.Cast and node.to.this is exp.DType.TEXT:
        node = node.this
    found = value(node)
    return found if found.type.is_text else converted(found, text_type("varchar", 8000))


def _length(_: Translation, node: exp.Length, value: _Argument) -> Value:
    inner = _text(node.this, value)
    kind = BIGINT if inner.type.length == MAX else INT
    counted = "length" if collation(inner.type.collation).supplementary else "ss_length"
    return Value(f"CAST({counted}(rtrim({inner.sql}, ' ')) AS {kind.stored})", kind)


def _data_length(_: Translation, node: exp.Anonymous, value: _Argument) -> Value:
    inner = value(node.expressions[0])
    name = inner.type.name
    kind = BIGINT if inner.type.length == MAX else INT
    if name in UNICODE:
        text = f"2 * ss_length({inner.sql})"
    elif name in TEXT:
        text = f"octet_length(ss_bytes_of_text({inner.sql}, '{collation(inner.type.collation).code_page}'))"
    elif name in ("binary", "varbinary"):
        text = f"octet_length({inner.sql})"
    else:
        size = decimal_width(inner.type.precision) if name == "decimal" else inner.type.in_catalog()[1] if name in SYSTEM_TYPES else 4
        text = f"CASE WHEN {inner.sql} IS NULL THEN NULL ELSE {size} END"
    return Value(f"CAST({text} AS {kind.stored})", kind)


def _same_text(name: str) -> _Handler:
    def handler(_: Translation, node: exp.Expression, value: _Argument) -> Value:
        inner = _text(node.this, value)
        return replace(inner, sql=f"{name}({inner.sql})", type=_varying(inner.type))

    return handler


def _trim(_: Translation, node: exp.Trim, value: _Argument) -> Value:
    if node.expression is not None:
        raise NotTranslated("TRIM of given characters")
    name = {"LEADING": "ltrim", "TRAILING": "rtrim"}.get(str(node.args.get("position") or ""), "trim")
    inner = _text(node.this, value)
    return replace(inner, sql=f"{name}({inner.sql}, ' ')", type=_varying(inner.type))


def _varying(kind: SqlType) -> SqlType:
    return replace(kind, name="nvarchar" if kind.name in UNICODE else "varchar")


def _left(_: Translation, node: exp.Left, value: _Argument) -> Value:
    inner, length = _text(node.this, value), converted(value(node.expression), BIGINT)
    return replace(inner, sql=f"ss_slice({inner.sql}, 1, {length.sql})", type=_varying(inner.type))


def _right(_: Translation, node: exp.Right, value: _Argument) -> Value:
    inner, length = _text(node.this, value), converted(value(node.expression), BIGINT)
    start = f"greatest(ss_length({inner.sql}) - {length.sql}, 0) + 1"
    return replace(inner, sql=f"ss_slice({inner.sql}, {start}, {length.sql})", type=_varying(inner.type))


def _substring(_: Translation, node: exp.Substring, value: _Argument) -> Value:
    start, length = (converted(value(node.args[part]), BIGINT).sql for part in ("start", "length"))
    inner = value(node.this)
    if inner.type.name == "varbinary":
        return replace(inner, sql=f"array_slice({inner.sql}, {start}, {start} + {length} - 1)")
    inner = _text(node.this, value)
    return replace(inner, sql=f"ss_slice({inner.sql}, {start}, {length})", type=_varying(inner.type))


def _concat(_: Translation, node: exp.Concat, value: _Argument) -> Value:
    parts = unified([_text(part, value) for part in node.expressions])
    kind = text_type(_varying(parts[0].type).name, sum(max(part.type.length, 0) for part in parts), parts[0].type.collation)
    return Value("(" + " || ".join(f"coalesce({part.sql}, '')" for part in parts) + ")", kind)


def _binary_only(function_name: str) -> _Handler:
    """REPLACE and CHARINDEX look by collation; only under a binary one is that DuckDB's own function."""

    def handler(_: Translation, node: exp.Expression, value: _Argument) -> Value:
        names = ("this", "expression", "replacement") if isinstance(node, exp.Replace) else ("this", "substr")
        parts = [_text(node.args[name], value) for name in names]
        name, label = collated(parts)
        if not collation(name).binary:
            raise NotTranslated(f"{function_name} under a collation that is not binary")
        text = f"{function_name}({', '.join(part.sql for part in parts)})"
        if function_name == "strpos":
            return Value(f"CAST({text} AS INTEGER)", INT)
        return replace(parts[0], sql=text, type=replace(_varying(parts[0].type), length=MAX), label=label)

    return handler


def _repeat(_: Translation, node: exp.Repeat, value: _Argument) -> Value:
    """Cut off at 8,000 bytes where the text is not of a (max) type."""
    inner, times = _text(node.this, value), converted(value(node.args["times"]), INT)
    text = f"repeat({inner.sql}, {times.sql})"
    if inner.type.length != MAX:
        text = f"left({text}, {4000 if inner.type.name in UNICODE else 8000})"
    kind = replace(_varying(inner.type), length=MAX if inner.type.length == MAX else 4000 if inner.type.name in UNICODE else 8000)
    return replace(inner, sql=text, type=kind)


def _space(_: Translation, node: exp.Space, value: _Argument) -> Value:
    return Value(f"repeat(' ', {converted(value(node.this), INT).sql})", text_type("varchar", 8000))


def _code(_: Translation, node: exp.Expression, value: _Argument) -> Value:
    inner = _text(node.this, value)
    if isinstance(node, exp.Ascii):
        page = collation(inner.type.collation).code_page
        return Value(f"CAST(ord(ss_code_page(left({inner.sql}, 1), {quoted(inner.type.collation)})) AS INTEGER)", INT) if page else inner
    return Value(f"CAST(unicode({inner.sql}) AS INTEGER)", INT)


def _character(_: Translation, node: exp.Expression, value: _Argument) -> Value:
    number = converted(value(node.expressions[0]), INT).sql
    if isinstance(node, exp.Chr):
        return Value(f"ss_write_bytes(ss_bytes_of_integer({number}, 1), 0)", text_type("char", 1))
    return Value(f"chr({number})", text_type("nchar", 1))


def _numeric(name: str) -> _Handler:
    def handler(_: Translation, node: exp.Expression, value: _Argument) -> Value:
        inner = value(node.this)
        if not inner.type.is_number:
            raise SqlServerError(8116, f"Argument data type {inner.type.name} is invalid for argument 1 of {name} function.")
        kind = replace(inner.type, scale=0) if inner.type.name == "decimal" and name != "abs" else inner.type
        return Value(f"CAST({name}({inner.sql}) AS {kind.stored})", kind)

    return handler


def _round(_: Translation, node: exp.Round, value: _Argument) -> Value:
    inner, digits = value(node.this), node.args.get("decimals")
    if node.args.get("truncate") is not None or not isinstance(digits, exp.Literal):
        raise NotTranslated("ROUND that cuts off, or to a computed length")
    return Value(f"CAST(round({inner.sql}, {int(digits.name)}) AS {inner.type.stored})", inner.type)


# --------------------------------------------------------------------------------------------------------------- times


def _unwrapped(node: exp.Expression) -> exp.Expression:
    """Without the reading of text that sqlglot puts around arguments of date functions."""
    return node.this if isinstance(node, exp.TsOrDsToDate | exp.TimeStrToTime) else node


def _moment(node: exp.Expression, value: _Argument) -> Value:
    found = value(_unwrapped(node))
    return converted(found, SqlType(name="datetime2", scale=7)) if found.type.is_text else found


def _now(kind: str) -> _Handler:
    def handler(_: Translation, __: exp.Expression, ___: _Argument) -> Value:
        if kind == "datetimeoffset":
            return Value(f"{{'t': {_NOW}, 'o': CAST(0 AS SMALLINT)}}", SqlType(name=kind, scale=7))
        return converted(Value(_NOW, SqlType(name="datetime2", scale=7)), SqlType(name=kind, scale=7 if kind == "datetime2" else 0))

    return handler


def _date_add(_: Translation, node: exp.DateAdd, value: _Argument) -> Value:
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


def _date_diff(_: Translation, node: exp.DateDiff, value: _Argument) -> Value:
    """The borders of the unit that lie between: whole units of both sides, subtracted."""
    unit = node.text("unit").lower()
    if unit not in _TICKS:
        raise NotTranslated(f"DATEDIFF of {unit}")
    later, earlier = (_moment(node.args[part], value) for part in ("this", "expression"))
    ticks = [f"({one.sql}).t" if one.type.name == "datetimeoffset" else _local_ticks(one.sql, one.type) for one in (later, earlier)]
    kind = BIGINT if node.args.get("big_int") else INT
    return Value(f"CAST({ticks[0]} // {_TICKS[unit]} - {ticks[1]} // {_TICKS[unit]} AS {kind.stored})", kind)


def _date_part(_: Translation, node: exp.Expression, value: _Argument) -> Value:
    part = node.name.lower() if isinstance(node, exp.Extract) else type(node).__name__.lower()
    moment = _moment(node.expression if isinstance(node, exp.Extract) else node.this, value)
    local = _local_ticks(moment.sql, moment.type)
    if part in ("year", "month", "day"):
        text = f"{part}(DATE '0001-01-01' + CAST({local} // {TICKS_A_DAY} AS INTEGER))"
    elif part in ("hour", "minute", "second"):
        text = f"{local} // {_TICKS[part]} % {24 if part == 'hour' else 60}"
    else:
        raise NotTranslated(f"DATEPART of {part}")
    return Value(f"CAST({text} AS INTEGER)", INT)


def _switch_offset(_: Translation, node: exp.Anonymous, value: _Argument) -> Value:
    """SWITCHOFFSET keeps the instant; TODATETIMEOFFSET keeps what the clock shows."""
    moment, offset = value(node.expressions[0]), value(node.expressions[1])
    text = f"ss_read_offset('2000-01-01 00:00 ' || {offset.sql})" if offset.type.is_text else converted(offset, INT).sql
    switched = node.name.upper() == "SWITCHOFFSET"
    if switched:
        moment = converted(moment, SqlType(name="datetimeoffset", scale=7)) if moment.type.name != "datetimeoffset" else moment
        ticks = f"({moment.sql}).t"
    else:
        ticks = f"{_local_ticks(moment.sql, moment.type)} - CAST({text} AS BIGINT) * {_MINUTE}"
    kind = SqlType(name="datetimeoffset", scale=moment.type.scale if moment.type.name in ("datetimeoffset", "datetime2") else 3)
    return Value(f"CASE WHEN {moment.sql} IS NULL THEN NULL ELSE {{'t': {ticks}, 'o': CAST({text} AS SMALLINT)}} END", kind)


def _at_zone(_: Translation, node: exp.AtTimeZone, value: _Argument) -> Value:
    if node.args["zone"].name.upper() != "UTC":
        raise NotTranslated("AT TIME ZONE of another zone than UTC")
    moment = value(node.this)
    if moment.type.name not in (*INSTANTS, "datetimeoffset"):
        raise SqlServerError(8116, f"Argument data type {moment.type.name} is invalid for argument 1 of AT TIME ZONE function.")
    ticks = f"({moment.sql}).t" if moment.type.name == "datetimeoffset" else moment.sql
    kind = SqlType(name="datetimeoffset", scale=moment.type.scale if moment.type.name != "datetime" else 3)
    return Value(f"CASE WHEN {moment.sql} IS NULL THEN NULL ELSE {{'t': {ticks}, 'o': CAST(0 AS SMALLINT)}} END", kind)


# ------------------------------------------------------------------------------------------------------ about the server


def _fact(name: str) -> _Handler:
    def handler(translation: Translation, node: exp.Expression, _: _Argument) -> Value:
        if isinstance(node, exp.Anonymous) and node.expressions:
            raise NotTranslated(f"{node.name} with an argument")
        return Value(translation.facts[name], INT if name == "db_id" else _NAME)

    return handler


def _object_id(translation: Translation, node: exp.ObjectId, _: _Argument) -> Value:
    if not isinstance(node.this, exp.Literal | exp.National):
        raise NotTranslated("OBJECT_ID of what is no constant")
    name = node.this.name
    if name.lower().startswith("tempdb..#"):
        known = name[len("tempdb..") :].lower() in translation.catalog.temporary
        return Value("-1" if known else "CAST(NULL AS INTEGER)", INT)
    number = translation.catalog.object_id(name)
    return Value(f"CAST({'NULL' if number is None else number} AS INTEGER)", INT)


def _database_id(translation: Translation, node: exp.Anonymous, value: _Argument) -> Value:
    if not node.expressions:
        return _fact("db_id")(translation, node, value)
    name = value(node.expressions[0]).sql
    return Value(f"(SELECT database_id FROM meta.databases WHERE lower(name) = lower({name}))", INT)


def _looked_up(query: str) -> _Handler:
    def handler(_: Translation, node: exp.Anonymous, value: _Argument) -> Value:
        return Value(f"({query.format(value(node.expressions[0]).sql)})", _NAME)

    return handler


def _server_property(_: Translation, node: exp.Anonymous, __: _Argument) -> Value:
    known = {
        "productversion": "16.0.1000.6",
        "edition": "Test Server",
        "collation": "SQL_Latin1_General_CP1_CI_AS",
        "productmajorversion": "16",
    }
    found = known.get(node.expressions[-1].name.lower())
    if found is None:
        raise NotTranslated(f"{node.name} of {node.expressions[-1].name}")
    return Value(quoted(found), _NAME)


def _collation_property(_: Translation, node: exp.Anonymous, value: _Argument) -> Value:
    if len(node.expressions) != 2 or node.expressions[1].name.lower() != "codepage":
        raise NotTranslated("COLLATIONPROPERTY of anything but CodePage")
    return Value(f"ss_code_page_number({value(node.expressions[0]).sql})", INT)


def _schema_name(_: Translation, __: exp.Expression, ___: _Argument) -> Value:
    return Value("'dbo'", _NAME)


_NODES: dict[type[exp.Expression], _Handler] = {
    exp.Length: _length,
    exp.Upper: _same_text("upper"),
    exp.Lower: _same_text("lower"),
    exp.Reverse: _same_text("reverse"),
    exp.Trim: _trim,
    exp.Left: _left,
    exp.Right: _right,
    exp.Substring: _substring,
    exp.Concat: _concat,
    exp.Replace: _binary_only("replace"),
    exp.StrPosition: _binary_only("strpos"),
    exp.Repeat: _repeat,
    exp.Space: _space,
    exp.Ascii: _code,
    exp.Unicode: _code,
    exp.Chr: _character,
    exp.Abs: _numeric("abs"),
    exp.Floor: _numeric("floor"),
    exp.Ceil: _numeric("ceil"),
    exp.Round: _round,
    exp.CurrentTimestamp: _now("datetime"),
    exp.CurrentTimestampLTZ: _now("datetimeoffset"),
    exp.DateAdd: _date_add,
    exp.DateDiff: _date_diff,
    exp.Extract: _date_part,
    exp.Year: _date_part,
    exp.Month: _date_part,
    exp.Day: _date_part,
    exp.AtTimeZone: _at_zone,
    exp.ObjectId: _object_id,
    exp.CurrentUser: _fact("user"),
    exp.CurrentSchema: _schema_name,
}
_ANONYMOUS: dict[str, _Handler] = {
    "DATALENGTH": _data_length,
    "NCHAR": _character,
    "SYSUTCDATETIME": _now("datetime2"),
    "SYSDATETIME": _now("datetime2"),
    "GETUTCDATE": _now("datetime"),
    "SWITCHOFFSET": _switch_offset,
    "TODATETIMEOFFSET": _switch_offset,
    "DB_NAME": _fact("database"),
    "DB_ID": _database_id,
    "USER_NAME": _fact("user"),
    "ORIGINAL_LOGIN": _fact("user"),
    "SCHEMA_NAME": _schema_name,
    "TYPE_NAME": _looked_up("SELECT name FROM meta.types WHERE system_type_id = {}"),
    "OBJECT_NAME": _looked_up("SELECT name FROM meta.tables WHERE object_id = {}"),
    "SERVERPROPERTY": _server_property,
    "DATABASEPROPERTYEX": _server_property,
    "COLLATIONPROPERTY": _collation_property,
}
