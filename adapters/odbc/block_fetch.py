"""Arrow by block fetch: the columns of a result are bound to buffers of many rows, and whole buffers become Arrow arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy
import pyarrow as pa

from adapters.odbc.bindings import Binding, UnknownTypeError, binding
from adapters.odbc.conversions import Block, UnreadableError
from adapters.odbc.handles import ResultColumn, StatementHandle

MOST_ROWS, MOST_BYTES = 8_192, 16 << 20
"""Of one block. Its rows follow from the width of a row, so that 100 wide columns take no more memory than two narrow ones."""


class UnreadableValueError(Exception):
    """A value of a column (by its place in the result) cannot be read as it is; the fact says why, without the value."""

    def __init__(self, column: int, fact: str) -> None:
        super().__init__(fact)
        self.column, self.fact = column, fact


@dataclass(slots=True)
class _Bound:
    binding: Binding
    buffer: Block
    indicator: Block


class BlockFetch:
    """Fetches the rest of an open cursor's result in blocks. All calls belong to the one thread that uses the connection.

    Open it as a context: at its end nothing is bound any more and the cursor is pyodbc's again.
    """

    def __init__(self, cursor: Any, columns: Sequence[ResultColumn], rows: int = MOST_ROWS, size: int = MOST_BYTES) -> None:
        """Raises UnknownTypeError for a column that is not `can_be_bound`."""
        bindings = [_bound(column) for column in columns]
        width = sum(each.width + 8 for each in bindings)
        self.rows = max(1, min(rows, MOST_ROWS, size // max(width, 1)))
        self._handle = StatementHandle(cursor)
        self._columns = [_Bound(each, numpy.zeros((self.rows, *each.shape), each.dtype), numpy.zeros(self.rows, "i8")) for each in bindings]
        self._names = [column.name for column in columns]

    def __enter__(self) -> BlockFetch:
        try:
            self._handle.rows_at_once(self.rows)
            for number, column in enumerate(self._columns, 1):
                buffer, indicator = column.buffer.ctypes.data, column.indicator.ctypes.data
                self._handle.bind(number, column.binding.c_type, buffer, column.binding.width, indicator)
        except BaseException:
            self._handle.release()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._handle.release()

    def next(self) -> list[pa.Array] | None:
        """The columns of the next block; None at the end. Blocks. Raises OdbcError, UnreadableValueError."""
        count = self._handle.fetch()
        if not count:
            return None
        return [self._array(place, count) for place in range(len(self._columns))]

    def _array(self, place: int, count: int) -> pa.Array:
        column = self._columns[place]
        try:
            return column.binding.convert(column.buffer[:count], column.indicator[:count], column.binding.arrow)
        except (UnreadableError, pa.ArrowInvalid) as error:
            fact = str(error) if isinstance(error, UnreadableError) else "a value is not of its column's type"
            raise UnreadableValueError(place, fact) from None


def can_be_bound(columns: Sequence[ResultColumn]) -> bool:
    """Whether every column has a bounded buffer. Raises UnknownTypeError."""
    return all(binding(column) is not None for column in columns)


def _bound(column: ResultColumn) -> Binding:
    found = binding(column)
    if found is None:
        raise UnknownTypeError(column)
    return found
