"""T-SQL types on the wire: how a column declares itself in COLMETADATA and how each value is written in a row (MS-TDS 2.2.5)."""

from __future__ import annotations

import struct
from collections.abc import Callable
from decimal import Decimal
from functools import cache
from typing import Any
from uuid import UUID

from tests.servers.tds.collations import collation
from tests.servers.tds.readings import TICKS_A_DAY
from tests.servers.tds.scope import OutputColumn
from tests.servers.tds.sql_types import MAX, UNICODE, SqlType, decimal_width

_NO_VALUE = b"\xff" * 8
_1900 = 693_595
_SORT_ORDER_OF_SQL_COLLATION = 0x34
_TIME_BYTES = (3, 3, 3, 4, 4, 5, 5, 5)
"""Bytes of a time by its scale."""
Encode = Callable[[Any], bytes]


def collation_bytes(name: str) -> bytes:
    """LCID and flags, then the sort order, which is 0 for a Windows collation."""
    rules = collation(name)
    ignored = (rules.ignores_case, rules.ignores_accents, rules.ignores_kana, rules.ignores_width)
    flags = 0x20 if rules.binary else sum(1 << place for place, ignores in enumerate(ignored) if ignores)
    flags |= 0x40 if rules.utf8 else 0
    version = 2 if rules.base.endswith("_100") else 0
    sort_order = _SORT_ORDER_OF_SQL_COLLATION if rules.base.startswith("sql_") else 0
    return struct.pack("<IB", rules.lcid | flags << 20 | version << 28, sort_order)


def _large(encode: Encode) -> Encode:
    def encoded(value: Any) -> bytes:
        raw = encode(value)
        chunks = struct.pack("<I", len(raw)) + raw if raw else b""
        return struct.pack("<Q", len(raw)) + chunks + struct.pack("<I", 0)  # every value ends with an empty chunk

    return encoded


def _long(encode: Encode) -> Encode:
    def encoded(value: Any) -> bytes:
        raw = encode(value)
        return struct.pack("<H", len(raw)) + raw

    return encoded


def _fixed(layout: str) -> Encode:
    packer = struct.Struct(layout)
    size = bytes([packer.size])
    return lambda value: size + packer.pack(value)


def _decimal(precision: int, scale: int) -> Encode:
    width = decimal_width(precision)

    def encoded(value: Decimal) -> bytes:
        sign, digits, exponent = value.as_tuple()
        number = int("".join(map(str, digits))) * 10 ** (scale + int(exponent))
        return bytes([width, 1 - sign]) + number.to_bytes(width - 1, "little")

    return encoded


def _money(width: int) -> Encode:
    def encoded(value: Decimal) -> bytes:
        number = int(value.scaleb(4))
        raw = struct.pack("<i", number) if width == 4 else struct.pack("<iI", number >> 32, number & 0xFFFFFFFF)
        return bytes([width]) + raw

    return encoded


def _clock(ticks: int, scale: int) -> bytes:
    return (ticks // 10 ** (7 - scale)).to_bytes(_TIME_BYTES[scale], "little")


def _time(scale: int) -> Encode:
    return lambda value: bytes([_TIME_BYTES[scale]]) + _clock(value, scale)


def _datetime2(scale: int) -> Encode:
    size = bytes([_TIME_BYTES[scale] + 3])
    return lambda value: size + _clock(value % TICKS_A_DAY, scale) + (value // TICKS_A_DAY).to_bytes(3, "little")


def _datetimeoffset(scale: int) -> Encode:
    size = bytes([_TIME_BYTES[scale] + 5])

    def encoded(value: dict[str, int]) -> bytes:
        days, clock = divmod(value["t"], TICKS_A_DAY)
        return size + _clock(clock, scale) + days.to_bytes(3, "little") + struct.pack("<h", value["o"])

    return encoded


def _datetime(value: int) -> bytes:
    days, clock = divmod(value, TICKS_A_DAY)
    return b"\x08" + struct.pack("<iI", days - _1900, (clock * 3 + 50_000) // 100_000)


def _smalldatetime(value: int) -> bytes:
    days, clock = divmod(value, TICKS_A_DAY)
    return b"\x04" + struct.pack("<HH", days - _1900, clock // (60 * 10**7))


def _text(kind: SqlType) -> Encode:
    page = "utf-16-le" if kind.name in UNICODE else collation(kind.collation).code_page
    return lambda value: value.encode(page, "replace")


_PLAIN: dict[str, tuple[bytes, Encode]] = {
    "bit": (b"\x68\x01", _fixed("<B")),
    "tinyint": (b"\x26\x01", _fixed("<B")),
    "smallint": (b"\x26\x02", _fixed("<h")),
    "int": (b"\x26\x04", _fixed("<i")),
    "null": (b"\x26\x04", _fixed("<i")),
    "bigint": (b"\x26\x08", _fixed("<q")),
    "real": (b"\x6d\x04", _fixed("<f")),
    "float": (b"\x6d\x08", _fixed("<d")),
    "money": (b"\x6e\x08", _money(8)),
    "smallmoney": (b"\x6e\x04", _money(4)),
    "date": (b"\x28", lambda value: b"\x03" + value.to_bytes(3, "little")),
    "datetime": (b"\x6f\x08", _datetime),
    "smalldatetime": (b"\x6f\x04", _smalldatetime),
    "uniqueidentifier": (b"\x24\x10", lambda value: b"\x10" + (value if isinstance(value, UUID) else UUID(value)).bytes_le),
}
_SCALED = {"time": (0x29, _time), "datetime2": (0x2A, _datetime2), "datetimeoffset": (0x2B, _datetimeoffset)}
_SIZED = {"varbinary": 0xA5, "varchar": 0xA7, "binary": 0xAD, "char": 0xAF, "nvarchar": 0xE7, "nchar": 0xEF}


@cache
def wire_type(kind: SqlType) -> tuple[bytes, Encode, bytes]:
    """TYPE_INFO, the writer of a value, and what stands for NULL."""
    if kind.name in _PLAIN:
        declared, encode = _PLAIN[kind.name]
        return declared, encode, b"\0"
    if kind.name == "decimal":
        return bytes([0x6A, decimal_width(kind.precision), kind.precision, kind.scale]), _decimal(kind.precision, kind.scale), b"\0"
    if kind.name == "xml":
        return b"\xf1\0", _large(lambda value: value.encode("utf-16-le")), _NO_VALUE
    if kind.name in _SCALED:
        number, maker = _SCALED[kind.name]
        return bytes([number, kind.scale]), maker(kind.scale), b"\0"
    declared = bytes([_SIZED[kind.name]])
    size = 0xFFFF if kind.length == MAX else kind.length * 2 if kind.name in UNICODE else kind.length
    declared += struct.pack("<H", size)
    encode = _text(kind) if kind.is_text else bytes
    if kind.is_text:
        declared += collation_bytes(kind.collation)
    if kind.length == MAX:
        return declared, _large(encode), _NO_VALUE
    return declared, _long(encode), b"\xff\xff"


def column_metadata(columns: tuple[OutputColumn, ...]) -> bytes:
    """The COLMETADATA token."""
    parts = [b"\x81", struct.pack("<H", len(columns))]
    for column in columns:
        flags = 0x0008 | (0x0001 if column.nullable else 0)
        name = column.name[:255].encode("utf-16-le")
        parts.append(struct.pack("<IH", 0, flags) + wire_type(column.type)[0] + bytes([len(name) // 2]) + name)
    return b"".join(parts)


def row_writer(columns: tuple[OutputColumn, ...]) -> Callable[[tuple[Any, ...]], bytes]:
    """A function from a row of DuckDB's to a ROW token."""
    writers = [wire_type(column.type)[1:] for column in columns]

    def written(row: tuple[Any, ...]) -> bytes:
        return b"\xd1" + b"".join([nothing if value is None else encode(value) for value, (encode, nothing) in zip(row, writers)])

    return written
