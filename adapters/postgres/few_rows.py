"""A few rows decoded value by value: a key lookup's answer is there before numpy, whose every call costs microseconds, has begun.

Only the usual: a list, a composite, a type that changed or a value that fits no column is left to the way for many rows, which knows what
to say of it.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence

import pyarrow as pa

from adapters.postgres.numerics import UnfitNumberError, one_decimal
from adapters.postgres.rows import Rows
from adapters.postgres.time_scale import DAYS, EPOCH_DAYS, EPOCH_MICROSECONDS, MICROSECONDS
from catalog.types import Type

_HEAD, _LENGTH = struct.Struct(">Ii").unpack_from, struct.Struct(">i").unpack_from
_NUMERIC = 1700
Reader = Callable[[bytearray, int, int], object]
"""Rows, place and length to a value that Arrow takes for the declared type."""


class _UnusualError(Exception):
    pass


def decode_few(rows: Rows, declared: Sequence[Type], row: pa.StructType) -> pa.RecordBatch | None:
    """The rows as one batch; None if there is anything unusual about them."""
    found: list[tuple[object, ...]] = []
    data, place, oids = rows.data, 0, rows.oids
    try:
        for _ in rows.lengths:
            place += 4 if oids is None else 2
            values: list[object] = []
            for number, type in enumerate(declared):
                if oids is None:
                    oid, length = _HEAD(data, place)
                    place += 8
                else:
                    oid, (length,) = oids[number], _LENGTH(data, place)
                    place += 4
                if length < 0:
                    values.append(None)
                    continue
                if type.name == "decimal" and oid == _NUMERIC:
                    values.append(one_decimal(data, place, type.precision, type.scale))
                else:
                    values.append(_READERS[type.name, oid](data, place, length))
                place += length
            found.append(tuple(values))
    except (KeyError, _UnusualError, UnfitNumberError):
        return None
    # All columns at once: for Arrow, too, it is the call that costs.
    return pa.RecordBatch.from_struct_array(pa.array(found, row))


def _number(form: str) -> Reader:
    unpack = struct.Struct(form).unpack_from
    return lambda data, place, _: unpack(data, place)[0]


def _moved(form: str, shift: int, values: range) -> Reader:
    """A day or an instant, counted from Arrow's beginning; infinity is none."""
    unpack = struct.Struct(form).unpack_from

    def read(data: bytearray, place: int, _: int) -> int:
        (value,) = unpack(data, place)
        if value not in values:
            raise _UnusualError
        return int(value) + shift

    return read


def _uuid(data: bytearray, place: int, _: int) -> str:
    text = data[place : place + 16].hex().upper()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def _text(data: bytearray, place: int, length: int) -> str:
    return data[place : place + length].decode()


_READERS: Mapping[tuple[str, int], Reader] = {
    **{(name, oid): _number(form) for name in ("integer", "bigint") for oid, form in {21: ">h", 23: ">i", 20: ">q"}.items()},
    ("double", 700): _number(">f"),
    ("double", 701): _number(">d"),
    ("boolean", 16): _number(">?"),
    ("text", 25): _text,
    ("text", 1043): _text,
    ("uuid", 2950): _uuid,
    ("bytes", 17): lambda data, place, length: bytes(data[place : place + length]),
    ("date", 1082): _moved(">i", EPOCH_DAYS, DAYS),
    ("timestamp", 1184): _moved(">q", EPOCH_MICROSECONDS, MICROSECONDS),
    ("local_timestamp", 1114): _moved(">q", EPOCH_MICROSECONDS, MICROSECONDS),
}
"""By declared type and the OID of what came."""
