"""Functions of Python that DuckDB calls: what its own do not do as SQL Server does. `FUNCTIONS` is all of them, by their names in DuckDB."""

from __future__ import annotations

import json
import struct
import uuid
from collections.abc import Callable
from decimal import Decimal, InvalidOperation, localcontext
from typing import Any

from tests.servers.tds import collations
from tests.servers.tds.errors import SqlServerError
from tests.servers.tds.readings import (
    failure,
    read_bit,
    read_date,
    read_datetime,
    read_datetime2,
    read_decimal,
    read_float,
    read_guid,
    read_integer,
    read_money,
    read_offset,
    read_offset_ticks,
    read_time,
    write_bytes,
    write_date,
    write_datetime,
    write_datetime2,
    write_float,
    write_time,
)


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
        raise failure(40517, "the test server does not translate half of a supplementary character") from None


def decimal_quotient(left: str, right: str, scale: int) -> str:
    """Cut off, not rounded, at the scale of the result."""
    with localcontext() as context:
        context.prec = 120
        divisor = Decimal(right)
        if not divisor:
            raise failure(8134, "Divide by zero error encountered.")
        whole = (Decimal(left) / divisor * 10**scale).to_integral_value(rounding="ROUND_DOWN")
        return format(whole.scaleb(-scale), "f")


def decimal_product(left: str, right: str, scale: int) -> str:
    with localcontext() as context:
        context.prec = 120
        try:
            return format((Decimal(left) * Decimal(right)).quantize(Decimal(1).scaleb(-scale), rounding="ROUND_HALF_UP"), "f")
        except InvalidOperation:
            raise failure(8115, "Arithmetic overflow error converting numeric to data type numeric.") from None


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
        raise failure(2628, f"String or binary data would be truncated in table, column '{column}'. Truncated value: '{shown}'.")
    return text


def fits_bytes(raw: bytes, length: int, column: str) -> bytes:
    if len(raw.rstrip(b"\0")) > length:
        raise failure(2628, f"String or binary data would be truncated in table, column '{column}'. Truncated value: ''.")
    return raw


def json_array(text: str) -> str:
    """The document, if OPENJSON reads it: an object or an array."""
    try:
        document = json.loads(text)
    except ValueError:
        document = None
    if not isinstance(document, list | dict):
        raise failure(13609, "JSON text is not properly formatted.")
    return text


def sized_text(text: str, length: int, page: str, fixed: bool) -> str:
    """A text as varchar(length) or char(length) of a code page: cut off after so many bytes, filled up with blanks."""
    raw = text.encode(page, "replace")
    if len(raw) > length:
        text = raw[:length].decode(page, "ignore")
    return text + " " * (length - len(text.encode(page, "replace"))) if fixed else text


def fits_page(text: str, length: int, column: str, page: str) -> str:
    if len(text.rstrip(" ").encode(page, "replace")) > length:
        raise failure(2628, f"String or binary data would be truncated in table, column '{column}'. Truncated value: '{text[:length]}'.")
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
