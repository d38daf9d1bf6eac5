"""A result of a statement as Arrow batches of declared types: its first rows as rows, what is more in blocks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from adapters.odbc.bindings import arrow_type_of
from adapters.odbc.block_fetch import MOST_ROWS, BlockFetch, UnreadableValueError, can_be_bound
from adapters.odbc.handles import ResultColumn, StatementHandle
from adapters.odbc.row_fetch import fetch_rows

FIRST_ROWS = 64
"""So many rows are fetched singly before buffers are bound: a row costs about 6 µs, binding about 400 µs (benchmarks/odbc.py)."""

_ROWS_OF_LONG_VALUES = 256


class Result:
    """What an executed cursor has to give. All calls belong to the thread that uses the connection.

    `schema` None: the columns as the driver describes them; else they are cast to it, and what does not fit is an error.
    """

    def __init__(self, cursor: Any, schema: pa.Schema | None = None, rows: int = MOST_ROWS) -> None:
        self._cursor, self._rows, self._schema = cursor, rows, schema
        self._described: Sequence[ResultColumn] | None = None
        self._blocks: BlockFetch | None = None
        self._begun = self.ended = False

    def next(self) -> pa.RecordBatch | None:
        """The next batch, None when there is no more; blocks. Raises pyodbc.Error, OdbcError, UnreadableValueError, UnknownTypeError."""
        if self.ended:
            return None
        if not self._begun:
            self._begun = True
            return self._next_rows(FIRST_ROWS)
        return self._next_block() if can_be_bound(self._columns) else self._next_rows(_ROWS_OF_LONG_VALUES)

    def close(self) -> None:
        """Nothing is bound any more. To be called before the cursor is closed; may be called again."""
        self.ended = True
        if self._blocks is not None:
            self._blocks.__exit__()
            self._blocks = None

    @property
    def _columns(self) -> Sequence[ResultColumn]:
        """Asked for when it is needed: an answer of a few rows is read without."""
        if self._described is None:
            self._described = StatementHandle(self._cursor).columns()
        return self._described

    def _next_rows(self, most: int) -> pa.RecordBatch:
        wanted = min(most, self._rows)
        if self._schema is None:
            self._schema = pa.schema([pa.field(column.name, arrow_type_of(column)) for column in self._columns])
        if len(self._schema):
            arrays, count = fetch_rows(self._cursor, self._schema.types, wanted)
        else:
            arrays, count = [], len(self._cursor.fetchmany(wanted))
        self.ended = count < wanted
        return self._batch(arrays, count)

    def _next_block(self) -> pa.RecordBatch | None:
        if self._blocks is None:
            self._blocks = BlockFetch(self._cursor, self._columns, self._rows).__enter__()
        arrays = self._blocks.next()
        if arrays is None:
            self.close()
            return None
        return self._batch(arrays, len(arrays[0]))

    def _batch(self, arrays: list[pa.Array], count: int) -> pa.RecordBatch:
        assert self._schema is not None
        if not len(self._schema):
            return pa.RecordBatch.from_struct_array(pa.array([{}] * count, pa.struct([])))
        cast = [_cast(place, array, field.type) for place, (array, field) in enumerate(zip(arrays, self._schema, strict=True))]
        return pa.RecordBatch.from_arrays(cast, schema=self._schema)


def _cast(place: int, array: pa.Array, type: pa.DataType) -> pa.Array:
    if array.type.equals(type):
        return array
    try:
        return pc.cast(array, type)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        raise UnreadableValueError(place, "a value does not fit its declared type") from None
