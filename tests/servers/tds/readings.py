"""Values read from text and written as text, by SQL Server's rules. Times are the whole numbers of sql_types."""

from __future__ import annotations

import json
import re
import struct
import uuid
from collections.abc import Callable
from datetime import date
from decimal import Decimal, InvalidOperation, localcontext
from typing import Any

from tests.servers.tds import collations
from tests.servers.tds.errors import SqlServerError

TICKS_A_DAY = 86_400 * 10**7
_MINUTE = 60 * 10**7
_DAY_OF_1900 = date(1900, 1, 1).toordinal() - 1
_RANGES = {"tinyint": (0, 255), "smallint": (-(2**15), 2**15 - 1), "int": (-(2**31), 2**31 - 1), "bigint": (-(2**63), 2**63 - 1)}
_MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
_MOMENT = re.compile(
    r"(?:(?P<year>\d{4})(?P<dash>-?)(?P<month>\d{2})(?P=dash)(?P<day>\d{2}))?(?:(?:(?<=\d)[T ]\s*|^)"
    r"(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:\.(?P<fraction>\d{1,9}))?)?)?\s*(?P<zone>Z|[+-]\d{2}:\d{2})?",
)


def _failure(number: int, message: str) -> ValueError:
    return ValueError(SqlServerError(number, message).marked())


def read_integer(text: str, type: str) -> int:
    """'' is 0; a fraction is an error."""
    stripped = text.strip(" ")
    if not re.fullmatch(r"[+-]?\d*", stripped) or stripped in ("+", "-"):
        if type == "bigint":
            raise _failure(8114, "Error converting data type varchar to bigint.")
        raise _failure(245, f"Conversion failed when converting the varchar value '{text}' to data type {type}.")
    number = int(stripped or "0")
    low, high = _RANGES[type]
    if not low <= number <= high:
        raise _failure(248, f"The conversion of the varchar value '{text}' overflowed an {type} column.")
    return number


def read_decimal(text: str) -> str:
    """A decimal as DuckDB reads it. '' and an exponent are errors."""
    stripped = text.strip(" ")
    if not re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)", stripped):
        raise _failure(8114, "Error converting data type varchar to numeric.")
    return stripped


def read_money(text: str) -> str:
    stripped = text.strip(" ").replace(",", "").replace("$", "").replace("¥", "")
    if not re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)?", stripped):
        raise _failure(235, "Cannot convert a char value to money. The char value has incorrect syntax.")
    return stripped or "0"


def read_float(text: str) -> float:
    stripped = text.strip(" ")
    if not re.fullmatch(r"([+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?)?", stripped):
        raise _failure(8114, "Error converting data type varchar to float.")
    return float(stripped or 0)


def read_bit(text: str) -> int:
    stripped = text.strip(" ").lower()
    if stripped in ("true", "false"):
        return int(stripped == "true")
    if not re.fullmatch(r"[+-]?\d*", stripped):
        raise _failure(245, f"Conversion failed when converting the varchar value '{text}' to data type bit.")
    return int(int(stripped or 0) != 0)


def read_guid(text: str) -> str:
    """Braces are allowed; what follows the 36 signs is cut off."""
    match = re.match(r"\{?([0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12})", text)
    if match is None:
        raise _failure(8169, "Conversion failed when converting from a character string to uniqueidentifier.")
    return match[1]


def read_moment(text: str, most_digits: int) -> tuple[int, int, int | None]:
    """Days since the year 1, ticks in the day (not yet rounded), minutes of offset or None. A time alone is on 1900-01-01."""
    stripped = text.strip(" ")
    match = _MOMENT.fullmatch(stripped)
    if match is None or (not match["year"] and not match["hour"] and stripped) or len(match["fraction"] or "") > most_digits:
        raise _failure(241, "Conversion failed when converting date and/or time from character string.")
    try:
        days = date(int(match["year"]), int(match["month"]), int(match["day"])).toordinal() - 1 if match["year"] else _DAY_OF_1900
    except ValueError:
        raise _failure(241, "Conversion failed when converting date and/or time from character string.") from None
    hour, minute, second = (int(match[part] or 0) for part in ("hour", "minute", "second"))
    if hour > 23 or minute > 59 or second > 59:
        raise _failure(241, "Conversion failed when converting date and/or time from character string.")
    fraction = (match["fraction"] or "0").ljust(9, "0")
    ticks = ((hour * 60 + minute) * 60 + second) * 10**7 + (int(fraction) + 50) // 100
    zone = match["zone"]
    offset = None if zone is None else 0 if zone == "Z" else (int(zone[1:3]) * 60 + int(zone[4:])) * (-1 if zone[0] == "-" else 1)
    if offset is not None and abs(offset) > 14 * 60:
        raise _failure(241, "Conversion failed when converting date and/or time from character string.")
    return days, ticks, offset


def read_date(text: str) -> int:
    return read_moment(text, 7)[0]


def read_time(text: str) -> int:
    return read_moment(text, 7)[1]


def read_datetime(text: str) -> int:
    """Ticks, not yet rounded to 1/300 s. More than three digits after the point are an error, as is an offset."""
    days, ticks, offset = read_moment(text, 3)
    if offset:
        raise _failure(241, "Conversion failed when converting date and/or time from character string.")
    return days * TICKS_A_DAY + ticks


def read_datetime2(text: str) -> int:
    days, ticks, _ = read_moment(text, 7)
    return days * TICKS_A_DAY + ticks


def read_offset_ticks(text: str) -> int:
    """Ticks of a datetimeoffset in UTC."""
    days, ticks, offset = read_moment(text, 7)
    return days * TICKS_A_DAY + ticks - (offset or 0) * _MINUTE


def read_offset(text: str) -> int:
    return read_moment(text, 7)[2] or 0


def write_time(ticks: int, digits: int) -> str:
    seconds, fraction = divmod(ticks % TICKS_A_DAY, 10**7)
    clock = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return clock + (f".{fraction:07}"[: digits + 1] if digits else "")


def write_date(days: int) -> str:
    return date.fromordinal(days + 1).isoformat()


def write_datetime2(ticks: int, digits: int) -> str:
    return f"{write_date(ticks // TICKS_A_DAY)} {write_time(ticks, digits)}"


def write_datetime(ticks: int, style: int) -> str:
    """Styles 0 (the default), 120, 121 and 126. The value is on a 1/300 s and shown in milliseconds."""
    day, clock = date.fromordinal(ticks // TICKS_A_DAY + 1), ticks % TICKS_A_DAY
    if style in (121, 126, 120, 25, 21, 20):
        milliseconds = (clock + 5_000) // 10_000
        fraction = f".{milliseconds % 1000:03}" if style in (121, 25, 21) or (style == 126 and milliseconds % 1000) else ""
        return f"{day.isoformat()}{'T' if style == 126 else ' '}{write_time(milliseconds * 10_000, 0)}{fraction}"
    hour, minute = clock // (60 * _MINUTE), clock // _MINUTE % 60
    return f"{_MONTHS[day.month - 1]} {day.day:2} {day.year} {(hour + 11) % 12 + 1:2}:{minute:02}{'AM' if hour < 12 else 'PM'}"


def write_float(number: float, digits: int) -> str:
    """Style 0: six digits at most, an exponent of three figures."""
    shown = f"{number:.{digits}g}"
    if "e" not in shown:
        return shown
    mantissa, exponent = shown.split("e")
    return f"{mantissa}e{exponent[0]}{int(exponent[1:]):03}"


def write_bytes(raw: bytes, style: int) -> str:
    """Style 1: hexadecimal with 0x; 2: without; 0: the bytes as signs of code page 1252."""
    if style == 0:
        return raw.decode("cp1252", "replace")
    return ("0x" if style == 1 else "") + raw.hex().upper()


def utf16_length(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def utf16_slice(text: str, start: int, length: int) -> str:
    """SUBSTRING in UTF-16 code units, `start` from 1. Half a character cannot be kept by this server."""
    first = max(start - 1, 0)
    last = max(start - 1 + length, 0)
    units = text.encode("utf-16-le")
    if len(units) == 2 * len(text):
        return text[first:last]
    try:
        return units[2 * first : 2 * last].decode("utf-16-le")
    except UnicodeDecodeError:
        raise _failure(40517, "the test server does not translate half of a supplementary character") from None


def decimal_quotient(left: str, right: str, scale: int) -> str:
    """Cut off, not rounded, at the scale of the result."""
    with localcontext() as context:
        context.prec = 120
        divisor = Decimal(right)
        if not divisor:
            raise _failure(8134, "Divide by zero error encountered.")
        whole = (Decimal(left) / divisor * 10**scale).to_integral_value(rounding="ROUND_DOWN")
        return format(whole.scaleb(-scale), "f")


def decimal_product(left: str, right: str, scale: int) -> str:
    with localcontext() as context:
        context.prec = 120
        try:
            return format((Decimal(left) * Decimal(right)).quantize(Decimal(1).scaleb(-scale), rounding="ROUND_HALF_UP"), "f")
        except InvalidOperation:
            raise _failure(8115, "Arithmetic overflow error converting numeric to data type numeric.") from None


def guid_order(text: str) -> str:
    """A text that sorts as uniqueidentifier does: the last group first, the first three groups by bytes from their ends."""
    raw = uuid.UUID(text).bytes_le
    return "".join(f"{raw[place]:02x}" for place in (10, 11, 12, 13, 14, 15, 8, 9, 6, 7, 4, 5, 0, 1, 2, 3))


def guid_bytes(text: str) -> bytes:
    return uuid.UUID(text).bytes_le


def binary_of_integer(number: int, width: int) -> bytes:
    return struct.pack(">q", number)[-width:].rjust(width, b"\0")


def sized_bytes(raw: bytes, length: int, fixed: bool) -> bytes:
    return raw[:length].ljust(length, b"\0") if fixed else raw[:length]


def bytes_of_text(text: str, page: str) -> bytes:
    return text.encode(page, "replace")


def without_zeros(raw: bytes) -> bytes:
    """Binary values are compared as if the shorter were filled up with zeros."""
    return raw.rstrip(b"\0")


def fits(text: str, length: int, column: str) -> str:
    """The text, if it fits without what blanks at its end take too much."""
    if utf16_length(text.rstrip(" ")) > length:
        shown = text[:length]
        raise _failure(2628, f"String or binary data would be truncated in table, column '{column}'. Truncated value: '{shown}'.")
    return text


def fits_bytes(raw: bytes, length: int, column: str) -> bytes:
    if len(raw.rstrip(b"\0")) > length:
        raise _failure(2628, f"String or binary data would be truncated in table, column '{column}'. Truncated value: ''.")
    return raw


def json_array(text: str) -> str:
    """The document, if OPENJSON reads it: an object or an array."""
    try:
        document = json.loads(text)
    except ValueError:
        document = None
    if not isinstance(document, list | dict):
        raise _failure(13609, "JSON text is not properly formatted.")
    return text


def sized_text(text: str, length: int, page: str, fixed: bool) -> str:
    """A text as varchar(length) or char(length) of a code page: cut off after so many bytes, filled up with blanks."""
    raw = text.encode(page, "replace")
    if len(raw) > length:
        text = raw[:length].decode(page, "ignore")
    return text + " " * (length - len(text.encode(page, "replace"))) if fixed else text


def fits_page(text: str, length: int, column: str, page: str) -> str:
    if len(text.rstrip(" ").encode(page, "replace")) > length:
        raise _failure(2628, f"String or binary data would be truncated in table, column '{column}'. Truncated value: '{text[:length]}'.")
    return text


def code_page_number(name: str) -> int | None:
    """COLLATIONPROPERTY(name, 'CodePage'): None for a collation that is none."""
    try:
        page = collations.collation(name).code_page
    except SqlServerError:
        return None
    return 65001 if page == "utf-8" else int(page.removeprefix("cp"))


FUNCTIONS: dict[str, tuple[Callable[..., Any], tuple[str, ...], str]] = {
    # name in DuckDB: function, types of its arguments, type of its answer; NULL gives NULL
    "ss_equal": (collations.equality_key, ("VARCHAR", "VARCHAR", "BOOLEAN"), "VARCHAR"),
    "ss_order": (collations.order_key, ("VARCHAR", "VARCHAR", "BOOLEAN"), "VARCHAR"),
    "ss_like": (collations.like, ("VARCHAR", "VARCHAR", "VARCHAR", "VARCHAR", "BOOLEAN"), "BOOLEAN"),
    "ss_code_page": (collations.to_code_page, ("VARCHAR", "VARCHAR"), "VARCHAR"),
    "ss_read_integer": (read_integer, ("VARCHAR", "VARCHAR"), "BIGINT"),
    "ss_read_decimal": (read_decimal, ("VARCHAR",), "VARCHAR"),
    "ss_read_money": (read_money, ("VARCHAR",), "VARCHAR"),
    "ss_read_float": (read_float, ("VARCHAR",), "DOUBLE"),
    "ss_read_bit": (read_bit, ("VARCHAR",), "UTINYINT"),
    "ss_read_guid": (read_guid, ("VARCHAR",), "VARCHAR"),
    "ss_read_date": (read_date, ("VARCHAR",), "INTEGER"),
    "ss_read_time": (read_time, ("VARCHAR",), "BIGINT"),
    "ss_read_datetime": (read_datetime, ("VARCHAR",), "BIGINT"),
    "ss_read_datetime2": (read_datetime2, ("VARCHAR",), "BIGINT"),
    "ss_read_offset_ticks": (read_offset_ticks, ("VARCHAR",), "BIGINT"),
    "ss_read_offset": (read_offset, ("VARCHAR",), "SMALLINT"),
    "ss_write_time": (write_time, ("BIGINT", "INTEGER"), "VARCHAR"),
    "ss_write_date": (write_date, ("INTEGER",), "VARCHAR"),
    "ss_write_datetime2": (write_datetime2, ("BIGINT", "INTEGER"), "VARCHAR"),
    "ss_write_datetime": (write_datetime, ("BIGINT", "INTEGER"), "VARCHAR"),
    "ss_write_float": (write_float, ("DOUBLE", "INTEGER"), "VARCHAR"),
    "ss_write_bytes": (write_bytes, ("BLOB", "INTEGER"), "VARCHAR"),
    "ss_length": (utf16_length, ("VARCHAR",), "INTEGER"),
    "ss_slice": (utf16_slice, ("VARCHAR", "BIGINT", "BIGINT"), "VARCHAR"),
    "ss_quotient": (decimal_quotient, ("VARCHAR", "VARCHAR", "INTEGER"), "VARCHAR"),
    "ss_product": (decimal_product, ("VARCHAR", "VARCHAR", "INTEGER"), "VARCHAR"),
    "ss_guid_order": (guid_order, ("VARCHAR",), "VARCHAR"),
    "ss_guid_bytes": (guid_bytes, ("VARCHAR",), "BLOB"),
    "ss_json": (json_array, ("VARCHAR",), "VARCHAR"),
    "ss_fits": (fits, ("VARCHAR", "INTEGER", "VARCHAR"), "VARCHAR"),
    "ss_fits_bytes": (fits_bytes, ("BLOB", "INTEGER", "VARCHAR"), "BLOB"),
    "ss_sized": (sized_text, ("VARCHAR", "INTEGER", "VARCHAR", "BOOLEAN"), "VARCHAR"),
    "ss_fits_page": (fits_page, ("VARCHAR", "INTEGER", "VARCHAR", "VARCHAR"), "VARCHAR"),
    "ss_code_page_number": (code_page_number, ("VARCHAR",), "INTEGER"),
    "ss_bytes": (sized_bytes, ("BLOB", "INTEGER", "BOOLEAN"), "BLOB"),
    "ss_bytes_of_text": (bytes_of_text, ("VARCHAR", "VARCHAR"), "BLOB"),
    "ss_without_zeros": (without_zeros, ("BLOB",), "BLOB"),
    "ss_bytes_of_integer": (binary_of_integer, ("BIGINT", "INTEGER"), "BLOB"),
}
