"""Arrow by rows: quicker than binding buffers for the first rows of a result, and the only way for columns without a bound."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa

from adapters.odbc.bindings import SQL_SS_TIMESTAMPOFFSET
from adapters.odbc.block_fetch import UnreadableValueError

_OFFSET_STRUCT = struct.Struct("<hHHHHHIhh")


def prepare_connection(connection: Any) -> None:
    """Teach a pyodbc connection the type that it does not know."""
    connection.add_output_converter(SQL_SS_TIMESTAMPOFFSET, _instant)


def fetch_rows(cursor: Any, types: Sequence[pa.DataType], most: int) -> tuple[list[pa.Array], int]:
    """Up to `most` rows as one array of the wanted type per column, and how many there are. Blocks.

    Raises pyodbc.Error, UnreadableValueError.
    """
    try:
        rows = cursor.fetchmany(most)
    except (UnicodeDecodeError, OverflowError, ValueError):  # pyodbc decodes inside: it does not say which column
        place = next((place for place, type in enumerate(types) if type == pa.string()), 0)
        raise UnreadableValueError(place, "a value is not of its column's type") from None
    values = list(zip(*rows)) if rows else [()] * len(types)
    return [_array(place, values[place], type) for place, type in enumerate(types)], len(rows)


def _array(place: int, values: Sequence[Any], type: pa.DataType) -> pa.Array:
    """Arrow takes no value that does not fit: it rounds and cuts nothing, nor makes numbers of texts."""
    try:
        return pa.array(values, type)
    except (pa.ArrowInvalid, pa.ArrowTypeError, UnicodeEncodeError, OverflowError, TypeError):
        raise UnreadableValueError(place, "a value does not fit its declared type") from None


def _instant(raw: bytes) -> datetime:
    """SQL_SS_TIMESTAMPOFFSET_STRUCT. The seventh digit is dropped, as in block fetch."""
    year, month, day, hour, minute, second, fraction, offset_hour, offset_minute = _OFFSET_STRUCT.unpack(raw)
    local = datetime(year, month, day, hour, minute, second, fraction // 1000, UTC)
    return local - timedelta(hours=offset_hour, minutes=offset_minute)
