"""From bound buffers to Arrow, a column at a time: NumPy arithmetic on whole blocks, nothing per value."""

from __future__ import annotations

from typing import Any

import numpy
import pyarrow as pa
import pyarrow.compute as pc

Block = numpy.ndarray[Any, Any]
"""One column's buffer (a row each), or its indicators: lengths in bytes, -1 for NULL."""

_MICROSECONDS = 1_000_000


class UnreadableError(ValueError):
    """A value cannot be carried as it is; the fact is in words and holds nothing of the value."""


def words(values: Block, indicator: Block, type: pa.DataType) -> pa.Array:
    """Numbers that Arrow keeps as the driver does."""
    return fixed_width(values.copy(), indicator == -1, type)


def bits(values: Block, indicator: Block, type: pa.DataType) -> pa.Array:
    nulls = indicator == -1
    return pa.Array.from_buffers(
        type, len(values), [_validity(nulls), pa.py_buffer(numpy.packbits(values != 0, bitorder="little"))], int(nulls.sum())
    )


def dates(values: Block, indicator: Block, type: pa.DataType) -> pa.Array:
    return fixed_width(_days(values).astype("i4"), indicator == -1, type)


def timestamps(values: Block, indicator: Block, type: pa.DataType) -> pa.Array:
    """Microseconds; the digits of a fraction beyond them are dropped."""
    return fixed_width(_microseconds(values), indicator == -1, type)


def instants(values: Block, indicator: Block, type: pa.DataType) -> pa.Array:
    """Local times with their offset, as instants."""
    offset = values["offset_hour"].astype("i8") * 60 + values["offset_minute"]
    return fixed_width(_microseconds(values) - offset * 60 * _MICROSECONDS, indicator == -1, type)


def times(values: Block, indicator: Block, type: pa.DataType) -> pa.Array:
    return fixed_width(_time_of_day(values), indicator == -1, type)


def decimals(values: Block, indicator: Block, type: pa.DataType) -> pa.Array:
    return pc.cast(_variable(values, indicator, pa.string(), room=values.shape[1] - 1), type)


def identifiers(values: Block, indicator: Block, type: pa.DataType) -> pa.Array:
    """Upper case with dashes, as SQL Server writes them; other drivers write lower case."""
    return pc.ascii_upper(_variable(values, indicator, type, room=values.shape[1] - 1))


def binaries(values: Block, indicator: Block, type: pa.DataType) -> pa.Array:
    return _variable(values, indicator, type, room=values.shape[1])


def wide_texts(values: Block, indicator: Block, type: pa.DataType) -> pa.Array:
    """UTF-16 units to UTF-8. Raises UnreadableError for a surrogate that stands alone."""
    flat, ends, nulls = _flattened(values, indicator, unit=2, room=values.shape[1] - 1)
    if not flat.size or flat.max() < 0x80:
        return _texts(type, flat.astype("u1"), ends, nulls)
    in_pair = (flat & 0xF800) == 0xD800
    if in_pair.any():
        begins = numpy.concatenate(([0], ends[:-1]))
        begins = begins[begins < ends]
        if ((flat[begins] & 0xFC00) == 0xDC00).any():  # the decoder below sees one long text: it would take halves of two for a pair
            raise UnreadableError("a text has half of a surrogate pair")
    octets = numpy.where(flat < 0x80, 1, numpy.where((flat < 0x800) | in_pair, 2, 3))
    before = numpy.concatenate(([0], numpy.cumsum(octets)))
    try:
        encoded = flat.tobytes().decode("utf-16-le").encode()
    except UnicodeDecodeError:
        raise UnreadableError("a text has half of a surrogate pair") from None
    return _texts(type, numpy.frombuffer(encoded, "u1"), before[ends], nulls)


def fixed_width(values: Block, nulls: Block, type: pa.DataType) -> pa.Array:
    """Takes `values` as the array's memory: a buffer that is bound must have been copied."""
    return pa.Array.from_buffers(type, len(values), [_validity(nulls), pa.py_buffer(values)], int(nulls.sum()))


def _validity(nulls: Block) -> pa.Buffer | None:
    return pa.py_buffer(numpy.packbits(~nulls, bitorder="little")) if nulls.any() else None


def _variable(values: Block, indicator: Block, type: pa.DataType, *, room: int) -> pa.Array:
    flat, ends, nulls = _flattened(values, indicator, unit=1, room=room)
    return _texts(type, flat, ends, nulls)


def _flattened(values: Block, indicator: Block, *, unit: int, room: int) -> tuple[Block, Block, Block]:
    """All units of all rows one after the other, where each row ends, and which rows are NULL. Raises UnreadableError if one was cut."""
    nulls = indicator == -1
    lengths = numpy.where(nulls, 0, indicator // unit)
    widest = int(lengths.max(initial=0))
    if widest > room or (indicator < -1).any():  # the driver says how long the value is, or that it does not know (-4)
        raise UnreadableError("a value is longer than its column was said to be")
    flat = values[:, :widest][numpy.arange(widest) < lengths[:, None]]
    return flat, numpy.cumsum(lengths), nulls


def _texts(type: pa.DataType, flat: Block, ends: Block, nulls: Block) -> pa.Array:
    offsets = numpy.zeros(len(ends) + 1, "i4")
    offsets[1:] = ends
    buffers = [_validity(nulls), pa.py_buffer(offsets), pa.py_buffer(numpy.ascontiguousarray(flat))]
    return pa.Array.from_buffers(type, len(ends), buffers, int(nulls.sum()))


def _days(values: Block) -> Block:
    """Days since 1970-01-01 in the Gregorian calendar, which is carried back before 1582 as SQL Server and Arrow do. NULLs give anything."""
    years = (values["year"].astype("i8") - 1970).astype("M8[Y]").astype("M8[M]")
    days: Block = (years + (values["month"].astype("i8") - 1)).astype("M8[D]").astype("i8") + values["day"] - 1
    return days


def _time_of_day(values: Block) -> Block:
    seconds = (values["hour"].astype("i8") * 60 + values["minute"]) * 60 + values["second"]
    found: Block = seconds * _MICROSECONDS + values["fraction"] // 1000  # the fraction counts nanoseconds
    return found


def _microseconds(values: Block) -> Block:
    found: Block = _days(values) * (86_400 * _MICROSECONDS) + _time_of_day(values)
    return found
