"""Batches as the contract wants them: of the declared types, and of bounded size."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa


def conformed(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """The same columns in order, with the schema's names and Arrow types (inner names of lists, word sizes)."""
    if batch.schema.equals(schema) or not len(schema):
        return batch
    columns = [
        column if column.type.equals(field.type) else column.cast(field.type) for column, field in zip(batch.columns, schema, strict=True)
    ]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def bounded(batch: pa.RecordBatch, rows: int, size: int) -> Iterator[pa.RecordBatch]:
    """The batch, cut until no part has more rows or bytes than these, or it is a single row. An empty batch vanishes."""
    if batch.num_rows == 0:
        return
    if batch.num_rows > rows:
        for start in range(0, batch.num_rows, rows):
            yield from bounded(batch.slice(start, rows), rows, size)
    elif batch.num_rows > 1 and batch.nbytes > size:
        half = batch.num_rows // 2
        yield from bounded(batch.slice(0, half), rows, size)
        yield from bounded(batch.slice(half), rows, size)
    else:
        yield batch
