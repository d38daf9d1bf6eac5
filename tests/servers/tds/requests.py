"""Remote procedure calls as clients send them: the procedure, and its parameters with type and value (MS-TDS 2.2.6.6)."""

from __future__ import annotations

import struct
import uuid
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from pysqlbridge.tds.batch import skip_all_headers
from pysqlbridge.tds.packet import TdsProtocolError

from tests.servers.tds.readings import TICKS_A_DAY
from tests.servers.tds.sql_types import SqlType, text_type

_BY_NUMBER = {10: "sp_executesql", 11: "sp_prepare", 12: "sp_execute", 13: "sp_prepexec", 15: "sp_unprepare"}
_MINUTE = 60 * 10**7
_1900 = 693_595
_INTEGERS = {1: "tinyint", 2: "smallint", 4: "int", 8: "bigint"}
_FIXED = {0x30: (0x26, 1), 0x34: (0x26, 2), 0x38: (0x26, 4), 0x7F: (0x26, 8), 0x32: (0x68, 1), 0x3B: (0x6D, 4), 0x3E: (0x6D, 8),
          0x3C: (0x6E, 8), 0x7A: (0x6E, 4), 0x3D: (0x6F, 8), 0x3A: (0x6F, 4)}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Parameter:
    """`value` is as DuckDB takes it for the type: whole numbers for times, {'t', 'o'} for datetimeoffset."""

    name: str
    type: SqlType
    value: Any


@dataclass(frozen=True, slots=True)
class Call:
    procedure: str
    parameters: tuple[Parameter, ...]


class _Reader:
    def __init__(self, payload: bytes, at: int) -> None:
        self.payload, self.at = payload, at

    def take(self, count: int) -> bytes:
        raw = self.payload[self.at : self.at + count]
        if len(raw) < count:
            raise TdsProtocolError("the call is cut short")
        self.at += count
        return raw

    def number(self, count: int) -> int:
        return int.from_bytes(self.take(count), "little")


def parse_call(payload: bytes) -> Call:
    """Raises TdsProtocolError for what is cut short or of an unknown type."""
    reader = _Reader(payload, skip_all_headers(payload))
    length = reader.number(2)
    if length == 0xFFFF:
        number = reader.number(2)
        procedure = _BY_NUMBER.get(number, f"procedure {number}")
    else:
        procedure = reader.take(2 * length).decode("utf-16-le")
    reader.take(2)
    parameters = []
    while reader.at < len(payload):
        name = reader.take(2 * reader.number(1)).decode("utf-16-le")
        reader.take(1)
        kind, value = _typed_value(reader)
        parameters.append(Parameter(name, kind, value))
    return Call(procedure, tuple(parameters))


def _typed_value(reader: _Reader) -> tuple[SqlType, Any]:
    token = reader.number(1)
    if token in _FIXED:
        token, size = _FIXED[token]
        return _sized_number(token, size, reader.take(size))
    match token:
        case 0x1F:
            return SqlType(name="null"), None
        case 0x26 | 0x68 | 0x6D | 0x6E | 0x6F | 0x24:
            size = reader.number(1)
            return _sized_number(token, size, reader.take(reader.number(1)))
        case 0x6A | 0x6C:
            reader.take(1)
            precision, scale = reader.number(1), reader.number(1)
            raw = reader.take(reader.number(1))
            value = None if not raw else Decimal(int.from_bytes(raw[1:], "little")).scaleb(-scale) * (1 if raw[0] else -1)
            return SqlType(name="decimal", precision=precision, scale=scale), value
        case 0x28:
            raw = reader.take(reader.number(1))
            return SqlType(name="date"), int.from_bytes(raw, "little") if raw else None
        case 0x29 | 0x2A | 0x2B:
            scale = reader.number(1)
            return _scaled_time(token, scale, reader.take(reader.number(1)))
        case 0xA7 | 0xAF | 0xE7 | 0xEF | 0xA5 | 0xAD:
            return _sized_text(reader, token)
        case 0x63 | 0x23 | 0x22:
            reader.take(4 if token == 0x22 else 9)
            size = reader.number(4)
            return _decoded(token, -1, None if size == 0xFFFFFFFF else reader.take(size))
    raise TdsProtocolError(f"a parameter of type 0x{token:02x}")


def _sized_number(token: int, size: int, raw: bytes) -> tuple[SqlType, Any]:
    match token:
        case 0x26:
            return SqlType(name=_INTEGERS[size]), int.from_bytes(raw, "little", signed=size > 1) if raw else None
        case 0x68:
            return SqlType(name="bit"), raw[0] if raw else None
        case 0x6D:
            kind = SqlType(name="real" if size == 4 else "float")
            return kind, struct.unpack("<f" if len(raw) == 4 else "<d", raw)[0] if raw else None
        case 0x24:
            return SqlType(name="uniqueidentifier"), str(uuid.UUID(bytes_le=raw)) if raw else None
        case 0x6E:
            kind = SqlType(name="money" if size == 8 else "smallmoney")
            if not raw:
                return kind, None
            whole = (
                struct.unpack("<i", raw)[0] if len(raw) == 4 else (struct.unpack("<i", raw[:4])[0] << 32) | struct.unpack("<I", raw[4:])[0]
            )
            return kind, Decimal(whole).scaleb(-4)
    kind = SqlType(name="datetime" if size == 8 else "smalldatetime")
    if not raw:
        return kind, None
    if len(raw) == 4:
        days, minutes = struct.unpack("<HH", raw)
        return kind, (days + _1900) * TICKS_A_DAY + minutes * _MINUTE
    days, parts = struct.unpack("<iI", raw)
    return kind, (days + _1900) * TICKS_A_DAY + (parts * 100_000 + 1) // 3


def _scaled_time(token: int, scale: int, raw: bytes) -> tuple[SqlType, Any]:
    kind = SqlType(name={0x29: "time", 0x2A: "datetime2", 0x2B: "datetimeoffset"}[token], scale=scale)
    if not raw:
        return kind, None
    tail = {0x29: 0, 0x2A: 3, 0x2B: 5}[token]
    clock = int.from_bytes(raw[: len(raw) - tail], "little") * 10 ** (7 - scale)
    if token == 0x29:
        return kind, clock
    ticks = int.from_bytes(raw[len(raw) - tail :][:3], "little") * TICKS_A_DAY + clock
    return kind, ticks if token == 0x2A else {"t": ticks, "o": struct.unpack("<h", raw[-2:])[0]}


def _sized_text(reader: _Reader, token: int) -> tuple[SqlType, Any]:
    declared = reader.number(2)
    if token not in (0xA5, 0xAD):
        reader.take(5)
    if declared != 0xFFFF:
        size = reader.number(2)
        return _decoded(token, declared, None if size == 0xFFFF else reader.take(size))
    total = reader.number(8)
    if total == 0xFFFFFFFFFFFFFFFF:
        return _decoded(token, -1, None)
    pieces = []
    while size := reader.number(4):
        pieces.append(reader.take(size))
    return _decoded(token, -1, b"".join(pieces))


def _decoded(token: int, declared: int, raw: bytes | None) -> tuple[SqlType, Any]:
    if token in (0xA5, 0xAD, 0x22):
        return SqlType(name="varbinary", length=declared if declared > 0 else -1 if declared < 0 else 1), raw
    if token in (0xE7, 0xEF, 0x63):
        return text_type("nvarchar", declared // 2 if declared >= 0 else -1), None if raw is None else raw.decode("utf-16-le")
    return text_type("varchar", declared), None if raw is None else raw.decode("cp1252", "replace")
