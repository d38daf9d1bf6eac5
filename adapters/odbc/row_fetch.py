"""Arrow by rows: quicker than binding buffers for the first rows of a result, and the only way for columns without a bound."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa

from adapters.odbc.bindings import SQL_SS_TIMESTAMPOFFSET, arrow_type_of
from adapters.odbc.block_fetch import UnreadableValueError
from adapters.odbc.handles import ResultColumn

_OFFSET_STRUCT = struct.Struct("<hHHHHHIhh")


def prepare_connection(connection: Any) -> None:
    """Teach a pyodbc connection the type that it does not know."""
    connection.add_output_converter(SQL_SS_TIMESTAMPOFFSET, _instant)


def fetch_rows(cursor: Any, columns: Sequence[ResultColumn], most: int) -> tuple[list[pa.Array], int]:
    """Up to `most` rows as one array per column, in the same types as block fetch, and how many there are. Blocks.

    Raises pyodbc.Error, UnreadableValueError.
    """
    try:
        rows = cursor.fetchmany(most)
    except (UnicodeDecodeError, OverflowError, ValueError):  # pyodbc decodes inside: it does not say which column
        place = next((place for place, column in enumerate(columns) if arrow_type_of(column) == pa.string()), 0)
        raise UnreadableValueError(place, "a value is not of its column's type") from None
    values = list(zip(*rows)) if rows else [()] * len(columns)
    return [_array(place, column, values[place]) for place, column in enumerate(columns)], len(rows)


def _array(place: int, column: ResultColumn, values: Sequence[Any]) -> pa.Array:
    type = arrow_type_of(column)
    adapt = _ADAPTED.get(column.sql_type)
    try:
        return pa.array(values if adapt is None else [None if value is None else adapt(value) for value in values], type)
    except (pa.ArrowInvalid, pa.ArrowTypeError, UnicodeEncodeError, OverflowError, TypeError):
        raise UnreadableValueError(place, "a value is not of its column's type") from None


def _instant(raw: bytes) -> datetime:
    """SQL_SS_TIMESTAMPOFFSET_STRUCT. The seventh digit is dropped, as in block fetch."""
    year, month, day, hour, minute, second, fraction, offset_hour, offset_minute = _OFFSET_STRUCT.unpack(raw)
    local = datetime(year, month, day, hour, minute, second, fraction // 1000, UTC)
    return local - timedelta(hours=offset_hour, minutes=offset_minute)


def _identifier(value: Any) -> str:
    return str(value).upper()


_ADAPTED: dict[int, Callable[[Any], Any]] = {-11: _identifier, -152: str}
"""What pyodbc gives in another form: identifiers as UUID (or text), XML as text."""
