"""Decode: cells to Arrow columns, one batch of HBase rows at a time."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from adapters.arrow_types import arrow_type
from adapters.hbase.codecs import codec_named
from adapters.interface import SourceError
from catalog.source_tables import HBaseTable
from catalog.types import Type


def decode_cells(table: str, name: str, codec: str, type: Type, values: Sequence[bytes | None]) -> pa.Array:
    """One column of cell values (None is an absent cell). Raises SourceError S121, which names the column and no value."""
    wanted = arrow_type(type)
    present = [value for value in values if value is not None]
    why: str | None = None
    try:
        decoded = codec_named(codec).decode_many(present)
        if not decoded.type.equals(wanted):
            decoded = decoded.cast(wanted)
    except (ValueError, pa.ArrowException) as error:
        why = str(error) if error.__class__ is ValueError else f"it does not fit {type}"
    if why is not None:
        raise unreadable(table, name, codec, why)  # outside of `except`: Arrow's error tells the value, and is not carried along
    if len(present) == len(values):
        return decoded
    places: list[int | None] = []
    count = 0
    for value in values:
        places.append(None if value is None else count)
        count += value is not None
    return decoded.take(pa.array(places, pa.int64())) if present else pa.nulls(len(values), wanted)


def unreadable(table: str, name: str, codec: str, why: str) -> SourceError:
    fact = f"a cell of table {table} cannot be read: {name}, {codec}: {why}"
    return SourceError("S121", fact, "compare the codec in node.yaml with the cells of the table")


def check_codecs(table: HBaseTable) -> None:
    """Raises SourceError S110 if a cell or wide value names an unknown codec."""
    named = [(cell.name, cell.codec) for cell in table.cells] + [(wide.value_name, wide.value_codec) for wide in table.wide]
    for name, codec in named:
        try:
            codec_named(codec)
        except ValueError as error:
            raise SourceError("S110", f"table {table.name}: {name}: {error}", "see docs/hbase-layouts.md") from None
