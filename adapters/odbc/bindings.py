"""The table of types: for each SQL type of ODBC the buffer it is fetched into, and the Arrow type it becomes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy
import pyarrow as pa

from adapters.odbc import conversions
from adapters.odbc.conversions import Block
from adapters.odbc.handles import ResultColumn

# Names as in sql.h, sqlext.h and msodbcsql.h.
SQL_SS_TIME2, SQL_SS_TIMESTAMPOFFSET = -154, -155
_C_CHAR, _C_WCHAR, _C_BINARY, _C_BIT = 1, -8, -2, -7
_C_UTINYINT, _C_SSHORT, _C_SLONG, _C_SBIGINT, _C_FLOAT, _C_DOUBLE, _C_DATE, _C_TIMESTAMP = -28, -15, -16, -25, 7, 8, 91, 93

_DATE = [("year", "i2"), ("month", "u2"), ("day", "u2")]
_TIMESTAMP = [*_DATE, ("hour", "u2"), ("minute", "u2"), ("second", "u2"), ("fraction", "u4")]
_OFFSET = [*_TIMESTAMP, ("offset_hour", "i2"), ("offset_minute", "i2")]
_TIME = {"names": ["hour", "minute", "second", "fraction"], "formats": ["u2", "u2", "u2", "u4"], "offsets": [0, 2, 4, 8], "itemsize": 12}

_LONGEST_TEXT, _LONGEST_BINARY = 4_000, 8_000
"""What a bounded column of SQL Server holds at most, in UTF-16 units and bytes. Longer columns are read as rows."""


@dataclass(frozen=True, slots=True)
class Binding:
    """How a column is fetched: C type, one row's dtype and shape, and the way to Arrow."""

    c_type: int
    dtype: Any
    shape: tuple[int, ...]
    arrow: pa.DataType
    convert: Callable[[Block, Block, pa.DataType], pa.Array]

    @property
    def width(self) -> int:
        """Bytes a row."""
        return int(numpy.dtype(self.dtype).itemsize) * (self.shape[0] if self.shape else 1)


_FIXED: dict[int, Binding] = {
    -7: Binding(_C_BIT, "u1", (), pa.bool_(), conversions.bits),
    -6: Binding(_C_UTINYINT, "u1", (), pa.uint8(), conversions.words),
    5: Binding(_C_SSHORT, "i2", (), pa.int16(), conversions.words),
    4: Binding(_C_SLONG, "i4", (), pa.int32(), conversions.words),
    -5: Binding(_C_SBIGINT, "i8", (), pa.int64(), conversions.words),
    7: Binding(_C_FLOAT, "f4", (), pa.float32(), conversions.words),
    6: Binding(_C_DOUBLE, "f8", (), pa.float64(), conversions.words),
    8: Binding(_C_DOUBLE, "f8", (), pa.float64(), conversions.words),
    91: Binding(_C_DATE, _DATE, (), pa.date32(), conversions.dates),
    93: Binding(_C_TIMESTAMP, _TIMESTAMP, (), pa.timestamp("us"), conversions.timestamps),
    SQL_SS_TIME2: Binding(_C_BINARY, _TIME, (), pa.time64("us"), conversions.times),
    SQL_SS_TIMESTAMPOFFSET: Binding(_C_BINARY, _OFFSET, (), pa.timestamp("us", "UTC"), conversions.instants),
    -11: Binding(_C_CHAR, "u1", (37,), pa.string(), conversions.identifiers),
}
_TEXT = frozenset({1, 12, -8, -9})
_LONG_TEXT = frozenset({-1, -10, -152})
_BINARY = frozenset({-2, -3})
_LONG_BINARY = frozenset({-4})
_DECIMAL = frozenset({2, 3})


class UnknownTypeError(ValueError):
    """A result has a column of a type that is not in the table."""

    def __init__(self, column: ResultColumn) -> None:
        super().__init__(f"column {column.name} has a type that cannot be carried (ODBC type {column.sql_type})")
        self.column = column


def binding(column: ResultColumn) -> Binding | None:
    """How to bind the column; None if it is too long, or not bounded. Raises UnknownTypeError."""
    if column.sql_type in _FIXED:
        return _FIXED[column.sql_type]
    if column.sql_type in _DECIMAL:
        # As text: sign, digits, a leading zero, the point; and the end mark.
        return Binding(_C_CHAR, "u1", (column.size + 4,), pa.decimal128(column.size, column.scale), conversions.decimals)
    if column.sql_type in _TEXT:
        bound = Binding(_C_WCHAR, "u2", (column.size + 1,), pa.string(), conversions.wide_texts)
        return bound if 0 < column.size <= _LONGEST_TEXT else None
    if column.sql_type in _BINARY:
        bound = Binding(_C_BINARY, "u1", (column.size,), pa.binary(), conversions.binaries)
        return bound if 0 < column.size <= _LONGEST_BINARY else None
    if column.sql_type in _LONG_TEXT | _LONG_BINARY:
        return None
    raise UnknownTypeError(column)


def arrow_type_of(column: ResultColumn) -> pa.DataType:
    """The Arrow type of a result's column, bound or not. Raises UnknownTypeError."""
    bound = binding(column)
    if bound is not None:
        return bound.arrow
    return pa.binary() if column.sql_type in _BINARY | _LONG_BINARY else pa.string()
