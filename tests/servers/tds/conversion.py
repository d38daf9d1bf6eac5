"""Conversion from type to type by the rules of CAST, as DuckDB text."""

from __future__ import annotations

from dataclasses import replace

from tests.servers.tds.collations import collation
from tests.servers.tds.errors import NotTranslated, SqlServerError
from tests.servers.tds.readings import TICKS_A_DAY
from tests.servers.tds.sql_types import APPROXIMATE, BINARY, EXACT, INTEGERS, MAX, MONEY, TIMES, UNICODE, SqlType
from tests.servers.tds.values import Value, quoted

_MINUTE = 60 * 10**7


_1900 = 693_595
"""Days from the year 1 to 1900-01-01."""


def converted(value: Value, target: SqlType, style: int = 0, *, explicit: bool = False) -> Value:
    """The value as `target`. Raises SqlServerError 529 or 206 where SQL Server has no such conversion."""
    source = value.type
    if target.name == "xml":
        if not source.is_text and source.name != "null":
            raise SqlServerError(529, f"Explicit conversion from data type {source.name} to xml is not allowed.")
        return Value(f"CAST({value.sql} AS VARCHAR)", target)
    if source.name == "null":
        return Value(f"CAST(NULL AS {target.stored})", target, value.label)
    if target.is_text and not target.collation:
        target = replace(target, collation=source.collation)
    sql = _converted(value.sql, source, target, style)
    if sql is None:
        number = 529 if explicit else 206
        raise SqlServerError(number, f"Explicit conversion from data type {source.name} to {target.name} is not allowed.")
    return Value(sql, target, value.label if target.is_text and source.is_text else 0)


def _converted(sql: str, source: SqlType, target: SqlType, style: int) -> str | None:
    if source == target:
        return sql
    if target.is_text:
        text = _written(sql, source, style)
        return None if text is None else sized(text, source, target)
    if target.name in EXACT or target.name in APPROXIMATE:
        return _to_number(sql, source, target)
    if target.name in TIMES:
        return _to_time(sql, source, target)
    if target.name == "uniqueidentifier":
        return f"CAST(ss_read_guid({sql}) AS UUID)" if source.is_text else None
    if target.name in BINARY:
        return _to_binary(sql, source, target)
    return None


def sized(text: str, source: SqlType, target: SqlType) -> str:
    """A text fitted into a character type: code page, length (cut off), and blanks to fill char and nchar."""
    if target.name not in UNICODE and (source.name in UNICODE or source.collation != target.collation):
        text = f"ss_code_page({text}, {quoted(target.collation)})"
    if target.length == MAX:
        return text
    if target.name not in UNICODE:
        page = collation(target.collation).code_page
        narrow = source.is_text and source.length != MAX and source.length <= target.length and page.startswith("cp125")
        fixed = target.name == "char"
        return text if narrow and not fixed else f"ss_sized({text}, {target.length}, '{page}', {'true' if fixed else 'false'})"
    if not (source.is_text and source.length != MAX and source.length <= target.length):
        text = f"ss_slice({text}, 1, {target.length})"
    return f"rpad({text}, {target.length}, ' ')" if target.name == "nchar" else text


def _written(sql: str, source: SqlType, style: int) -> str | None:
    match source.name:
        case "xml":
            return sql
        case _ if source.is_text:
            return sql
        case "bit" | "tinyint" | "smallint" | "int" | "bigint" | "decimal":
            return f"CAST({sql} AS VARCHAR)"
        case "money" | "smallmoney" if style == 0:
            return f"CAST(CAST({sql} AS DECIMAL(19,2)) AS VARCHAR)"
        case "money" | "smallmoney" if style == 2:
            return f"CAST({sql} AS VARCHAR)"
        case "float" | "real" if style in (0, 3):
            return f"ss_write_float({sql}, {6 if style == 0 else 17 if source.name == 'float' else 9})"
        case "date" if style in (0, 23, 120, 121, 126):
            return f"ss_write_date({sql})"
        case "date" if style == 112:
            return f"replace(ss_write_date({sql}), '-', '')"
        case "time" if style in (0, 121, 114):
            return f"ss_write_time({sql}, {source.scale})"
        case "datetime" | "smalldatetime" if style in (0, 100, 120, 121, 126, 20, 21, 25):
            return f"ss_write_datetime({sql}, {style if style != 100 else 0})"
        case "datetime2" if style in (0, 121, 126):
            text = f"ss_write_datetime2({sql}, {source.scale})"
            return f"replace({text}, ' ', 'T')" if style == 126 else text
        case "datetime2" if style == 120:
            return f"ss_write_datetime2({sql}, 0)"
        case "datetimeoffset" if style in (0, 121):
            offset = f"({sql}).o"
            local = f"({sql}).t + CAST({offset} AS BIGINT) * {_MINUTE}"
            sign = f"CASE WHEN {offset} < 0 THEN '-' ELSE '+' END"
            return f"printf('%s %s%02d:%02d', ss_write_datetime2({local}, {source.scale}), {sign}, abs({offset}) // 60, abs({offset}) % 60)"
        case "uniqueidentifier":
            return f"upper(CAST({sql} AS VARCHAR))"
        case "binary" | "varbinary" if style in (0, 1, 2):
            return f"ss_write_bytes({sql}, {style})"
        case "null":
            return f"CAST({sql} AS VARCHAR)"
    raise NotTranslated(f"{source.name} as text in style {style}")


def _to_number(sql: str, source: SqlType, target: SqlType) -> str | None:
    if source.name in BINARY or source.name in TIMES or source.name == "uniqueidentifier":
        return None
    if source.is_text:
        match target.name:
            case "bit":
                return f"ss_read_bit({sql})"
            case "float" | "real":
                return f"CAST(ss_read_float({sql}) AS {target.stored})"
            case "money" | "smallmoney":
                return f"CAST(ss_read_money({sql}) AS {target.stored})"
            case "decimal":
                return f"CAST(ss_read_decimal({sql}) AS {target.stored})"
            case _:
                return f"CAST(ss_read_integer({sql}, '{target.name}') AS {target.stored})"
    if target.name == "bit":
        return f"CAST({sql} <> 0 AS UTINYINT)"
    if target.name in INTEGERS and (source.name == "decimal" or source.name in APPROXIMATE):
        return f"CAST(trunc({sql}) AS {target.stored})"
    if source.name in APPROXIMATE and (target.name == "decimal" or target.name in MONEY):
        return f"CAST(CAST({sql} AS DOUBLE) AS {target.stored})"
    return f"CAST({sql} AS {target.stored})"


def _to_time(sql: str, source: SqlType, target: SqlType) -> str | None:
    if source.is_text:
        match target.name:
            case "date":
                return f"ss_read_date({sql})"
            case "time":
                return _rounded(f"ss_read_time({sql})", target)
            case "datetime" | "smalldatetime":
                return _rounded(f"ss_read_datetime({sql})", target)
            case "datetime2":
                return _rounded(f"ss_read_datetime2({sql})", target)
            case _:
                return _with_offset(_rounded(f"ss_read_offset_ticks({sql})", target), f"ss_read_offset({sql})", sql)
    if source.name not in TIMES:
        if target.name in ("datetime", "smalldatetime") and source.name in EXACT:
            return _rounded(f"CAST(round(({sql} + {_1900}) * CAST({TICKS_A_DAY} AS HUGEINT)) AS BIGINT)", target)
        return None
    local = local_ticks(sql, source)
    match target.name:
        case "date" if source.name != "time":
            return f"CAST({local} // {TICKS_A_DAY} AS INTEGER)"
        case "time" if source.name != "date":
            return _rounded(f"({local} % {TICKS_A_DAY})", target)
        case "datetimeoffset" if source.name == "datetimeoffset":
            return _with_offset(_rounded(f"({sql}).t", target), f"({sql}).o", sql)
        case "datetimeoffset":
            return _with_offset(_rounded(local, target), "0", sql)
        case "date" | "time":
            return None
        case _:
            return _rounded(local, target)


def local_ticks(sql: str, source: SqlType) -> str:
    """Ticks since the year 1, as the clock on the wall shows them."""
    match source.name:
        case "date":
            return f"CAST({sql} AS BIGINT) * {TICKS_A_DAY}"
        case "time":
            return f"({sql} + {_1900 * TICKS_A_DAY})"
        case "datetimeoffset":
            return f"(({sql}).t + CAST(({sql}).o AS BIGINT) * {_MINUTE})"
        case _:
            return f"({sql})"


def _rounded(ticks: str, target: SqlType) -> str:
    match target.name:
        case "datetime":
            return f"ss_datetime({ticks})"
        case "smalldatetime":
            return f"ss_smalldatetime({ticks})"
        case _ if target.scale == 7:
            return ticks
        case "time":  # does not go round to the next day
            unit = 10 ** (7 - target.scale)
            return f"(({ticks} + {unit // 2}) // {unit} * {unit} % {TICKS_A_DAY})"
        case _:
            unit = 10 ** (7 - target.scale)
            return f"(({ticks} + {unit // 2}) // {unit} * {unit})"


def _with_offset(ticks: str, offset: str, source: str) -> str:
    return f"CASE WHEN {source} IS NULL THEN NULL ELSE {{'t': {ticks}, 'o': CAST({offset} AS SMALLINT)}} END"


def _to_binary(sql: str, source: SqlType, target: SqlType) -> str | None:
    match source.name:
        case "binary" | "varbinary":
            raw = sql
        case "tinyint" | "smallint" | "int" | "bigint" | "bit":
            width = {"tinyint": 1, "bit": 1, "smallint": 2, "int": 4, "bigint": 8}[source.name]
            raw = f"ss_bytes_of_integer({sql}, {width if target.name == 'varbinary' else target.length})"
        case "uniqueidentifier":
            raw = f"ss_guid_bytes(CAST({sql} AS VARCHAR))"
        case "nvarchar" | "nchar" | "varchar" | "char":
            page = "utf-16-le" if source.name in UNICODE else collation(source.collation).code_page
            raw = f"ss_bytes_of_text({sql}, '{page}')"
        case _:
            raise NotTranslated(f"{source.name} as {target.name}")
    if target.length == MAX:
        return raw
    return f"ss_bytes({raw}, {target.length}, {'true' if target.name == 'binary' else 'false'})"


MACROS = (
    # 1/300 of a second, as ticks: .003 is 33333, .007 is 66667
    """CREATE OR REPLACE MACRO ss_datetime(t) AS CASE WHEN t IS NULL THEN NULL
    WHEN t < 552877920000000000 OR t >= 3155378975999985000 THEN error('SQL Server error 242: The conversion resulted in an out-of-range value.')
    ELSE CAST(((CAST(t AS HUGEINT) * 3 + 50000) // 100000 * 100000 + 1) // 3 AS BIGINT) END""",
    """CREATE OR REPLACE MACRO ss_smalldatetime(t) AS CASE WHEN t IS NULL THEN NULL
    WHEN t < 599266080000000000 OR t >= 655889183990000000 THEN error('SQL Server error 242: The conversion resulted in an out-of-range value.')
    ELSE CAST((t // 10000 + 30001) // 60000 * 600000000 AS BIGINT) END""",
)
