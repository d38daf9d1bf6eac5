"""Constants in statements: PostgreSQL's text forms read as values of a column's type, and written back in one canonical form."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal, InvalidOperation
from typing import Any

from sqlglot import exp

_DATE = re.compile(r"\s*(\d{4})-(\d{1,2})-(\d{1,2})\s*$")
_INSTANT = re.compile(
    r"\s*(\d{4})-(\d{1,2})-(\d{1,2})(?:[ T]\s*(\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?\s*(Z|UTC|[+-]\d{1,2}(?::?\d{2})?)?)?\s*$",
    re.IGNORECASE,
)
_BOOLEANS = {"t": True, "true": True, "yes": True, "on": True, "1": True, "f": False, "false": False, "no": False, "off": False, "0": False}


def parse_date(text: str) -> date:
    """An ISO date. Raises ValueError."""
    match = _DATE.match(text)
    if match is None:
        raise ValueError("a date is written 'YYYY-MM-DD'")
    return date(int(match[1]), int(match[2]), int(match[3]))


def parse_instant(text: str) -> datetime:
    """An ISO instant; without an offset it is UTC, as in every session. Fractions are cut to microseconds. Raises ValueError."""
    match = _INSTANT.match(text)
    if match is None:
        raise ValueError("an instant is written 'YYYY-MM-DD HH:MM:SS+00', the offset may be left out for UTC")
    year, month, day, hour, minute, second = (int(part or 0) for part in match.groups()[:6])
    micro = int((match[7] or "0").ljust(6, "0")[:6])
    moment = datetime(year, month, day, hour, minute, second, micro, tzinfo=_zone(match[8]))
    return moment.astimezone(UTC)


def _zone(text: str | None) -> timezone:
    if text is None or text.upper() in ("Z", "UTC"):
        return UTC
    digits = text[1:].replace(":", "")
    hours, minutes = (int(digits), 0) if len(digits) <= 2 else (int(digits[:-2]), int(digits[-2:]))
    offset = timedelta(hours=hours, minutes=minutes)
    return timezone(-offset if text[0] == "-" else offset)


def parse_boolean(text: str) -> bool:
    found = _BOOLEANS.get(text.strip().lower())
    if found is None:
        raise ValueError("a boolean is written true or false")
    return found


def date_node(value: date) -> exp.Expr:
    return exp.cast(exp.Literal.string(value.isoformat()), "DATE")


def instant_node(value: datetime) -> exp.Expr:
    return exp.cast(exp.Literal.string(value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f+00:00")), "TIMESTAMPTZ")


NOT_CONSTANT = object()


def constant_value(node: exp.Expr) -> Any:
    """The Python value of a constant node (None for NULL), or NOT_CONSTANT. Text stays text, numbers are int or Decimal, 1e5 is float."""
    match node:
        case exp.Paren():
            return constant_value(node.this)
        case exp.Null():
            return None
        case exp.Boolean():
            return bool(node.this)
        case exp.Literal():
            return node.this if node.is_string else _number(node.this)
        case exp.RawString() | exp.UnicodeString() | exp.ByteString():
            return NOT_CONSTANT
        case exp.Neg():
            inner = constant_value(node.this)
            return -inner if isinstance(inner, int | float | Decimal) and not isinstance(inner, bool) else NOT_CONSTANT
        case exp.Cast() if type(node) is exp.Cast:
            return _cast_value(node)
        case _:
            return NOT_CONSTANT


def _number(text: str) -> int | float | Decimal:
    if re.fullmatch(r"\d+", text):
        return int(text)
    return float(text) if "e" in text.lower() else Decimal(text)


def _cast_value(node: exp.Cast) -> Any:
    inner = constant_value(node.this)
    target = node.to.this
    if inner is None or inner is NOT_CONSTANT:
        return inner
    try:
        match target:
            case exp.DataType.Type.DATE:
                return parse_date(inner) if isinstance(inner, str) else NOT_CONSTANT
            case exp.DataType.Type.TIMESTAMPTZ:
                return parse_instant(inner) if isinstance(inner, str) else NOT_CONSTANT
            case exp.DataType.Type.DOUBLE:
                return float(inner) if not isinstance(inner, bool) else NOT_CONSTANT
            case exp.DataType.Type.TEXT | exp.DataType.Type.VARCHAR if not node.to.expressions:
                return inner if isinstance(inner, str) else NOT_CONSTANT
            case _:
                return NOT_CONSTANT
    except (ValueError, InvalidOperation, OverflowError):
        return NOT_CONSTANT
