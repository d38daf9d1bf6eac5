"""Few rows: short answers decoded value by value, where Arrow's functions take longer to call than Python takes to decode."""

from __future__ import annotations

from collections.abc import Sequence

from adapters.hbase.codecs import BooleanCodec, DigitsCodec, FloatCodec, IntegerCodec, TextCodec, codec_named
from adapters.hbase.decode import unreadable
from adapters.hbase.layout import KeyLayout
from catalog.source_tables import Cell

FEW = 4
_ONE_BY_ONE = (TextCodec, DigitsCodec, IntegerCodec, FloatCodec, BooleanCodec)

Row = dict[str, object]


class FewRows:
    """The rows of one table with these cells. `known`: whether they can be read so; no value of theirs needs rescaling then."""

    def __init__(self, layout: KeyLayout, cells: Sequence[Cell]) -> None:
        self._layout = layout
        self._cells = [(cell, codec_named(cell.codec)) for cell in cells]
        codecs = [codec for _, codec in self._cells] + [part.codec for part in layout.parts]
        self.known = all(isinstance(codec, _ONE_BY_ONE) for codec in codecs)

    def decode(self, keys: Sequence[bytes], held: Sequence[Sequence[bytes | None]]) -> list[Row]:
        """`held`: a column for each cell. Raises SourceError S121."""
        rows: list[Row] = [self._layout.values(key) for key in keys]
        for (cell, codec), values in zip(self._cells, held, strict=True):
            try:
                for row, value in zip(rows, values, strict=True):
                    row[cell.name] = None if value is None else codec.decode(value)
            except ValueError as error:
                raise unreadable(self._layout.table, cell.name, cell.codec, str(error)) from None
        return rows
