"""Values read from text and written as text, by SQL Server's rules. Times are the whole numbers of sql_types."""

from __future__ import annotations

import re
from datetime import date

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


def failure(number: int, message: str) -> ValueError:
    return ValueError(SqlServerError(number, message).marked())


def read_integer(text: str, type: str) -> int:
    """'' is 0; a fraction is an error."""
    stripped = text.strip(" ")
    if not re.fullmatch(r"[+-]?\d*", stripped) or stripped in ("+", "-"):
        if type == "bigint":
            raise failure(8114, "Error converting data type varchar to bigint.")
        raise failure(245, f"Conversion failed when converting the varchar value '{text}' to data type {type}.")
    number = int(stripped or "0")
    low, high = _RANGES[type]
    if not low <= number <= high:
        raise failure(248, f"The conversion of the varchar value '{text}' overflowed an {type} column.")
    return number


def read_decimal(text: str) -> str:
    """A decimal as DuckDB reads it. '' and an exponent are errors."""
    stripped = text.strip(" ")
    if not re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)", stripped):
        raise failure(8114, "Error converting data type varchar to numeric.")
    return stripped


def read_money(text: str) -> str:
    stripped = text.strip(" ").replace(",", "").replace("$", "").replace("¥", "")
    if not re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)?", stripped):
        raise failure(235, "Cannot convert a char value to money. The char value has incorrect syntax.")
    return stripped or "0"


def read_float(text: str) -> float:
    stripped = text.strip(" ")
    if not re.fullmatch(r"([+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?)?", stripped):
        raise failure(8114, "Error converting data type varchar to float.")
    return float(stripped or 0)


def read_bit(text: str) -> int:
    stripped = text.strip(" ").lower()
    if stripped in ("true", "false"):
        return int(stripped == "true")
    if not re.fullmatch(r"[+-]?\d*", stripped):
        raise failure(245, f"Conversion failed when converting the varchar value '{text}' to data type bit.")
    return int(int(stripped or 0) != 0)


def read_guid(text: str) -> str:
    """Braces are allowed; what follows the 36 signs is cut off."""
    match = re.match(r"\{?([0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12})", text)
    if match is None:
        raise failure(8169, "Conversion failed when converting from a character string to uniqueidentifier.")
    return match[1]


def read_moment(text: str, most_digits: int) -> tuple[int, int, int | None]:
    """Days since the year 1, ticks in the day (not yet rounded), minutes of offset or None. A time alone is on 1900-01-01."""
    stripped = text.strip(" ")
    match = _MOMENT.fullmatch(stripped)
    if match is None or (not match["year"] and not match["hour"] and stripped) or len(match["fraction"] or "") > most_digits:
        raise failure(241, "Conversion failed when converting date and/or time from character string.")
    try:
        days = date(int(match["year"]), int(match["month"]), int(match["day"])).toordinal() - 1 if match["year"] else _DAY_OF_1900
    except ValueError:
        raise failure(241, "Conversion failed when converting date and/or time from character string.") from None
    hour, minute, second = (int(match[part] or 0) for part in ("hour", "minute", "second"))
    if hour > 23 or minute > 59 or second > 59:
        raise failure(241, "Conversion failed when converting date and/or time from character string.")
    fraction = (match["fraction"] or "0").ljust(9, "0")
    ticks = ((hour * 60 + minute) * 60 + second) * 10**7 + (int(fraction) + 50) // 100
    zone = match["zone"]
    offset = None if zone is None else 0 if zone == "Z" else (int(zone[1:3]) * 60 + int(zone[4:])) * (-1 if zone[0] == "-" else 1)
    if offset is not None and abs(offset) > 14 * 60:
        raise failure(241, "Conversion failed when converting date and/or time from character string.")
    return days, ticks, offset


def read_date(text: str) -> int:
    return read_moment(text, 7)[0]


def read_time(text: str) -> int:
    return read_moment(text, 7)[1]


def read_datetime(text: str) -> int:
    """Ticks, not yet rounded to 1/300 s. More than three digits after the point are an error, as is an offset."""
    days, ticks, offset = read_moment(text, 3)
    if offset:
        raise failure(241, "Conversion failed when converting date and/or time from character string.")
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
