"""The tables of a source as node.yaml describes them: columns of SQL tables, row keys, cells and wide families of HBase."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from catalog.errors import NOWHERE, Place
from catalog.types import INTEGER, Type


@dataclass(frozen=True, slots=True, kw_only=True)
class RawColumn:
    """A column as the adapter delivers it. `nullable` False: declared never NULL."""

    name: str
    type: Type
    nullable: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Partition:
    """A partition column and the raw column it follows from.

    `function` is `local_year`, `local_month` or `local_date`. `expression` is the text of its argument as written: an
    instant expression such as `from_epoch_ms(ts_ms)`, or a local text column.
    """

    column: str
    function: Literal["local_year", "local_month", "local_date"]
    expression: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SqlTable:
    """A table that a source describes by columns. `key` is a true unique key; `rows` an estimate, None is unknown."""

    name: str
    columns: tuple[RawColumn, ...]
    key: tuple[str, ...] = ()
    rows: int | None = None
    partitions: tuple[Partition, ...] = ()
    zone: str | None = None
    place: Place = NOWHERE


@dataclass(frozen=True, slots=True, kw_only=True)
class Salt:
    """A salt segment: hash of another segment's logical value (as UTF-8 text; `over` = stored: its stored bytes)."""

    hash: Literal["crc32", "md5", "murmur3"]
    of: str
    modulo: int | None = None
    hex: int | None = None
    over: Literal["logical", "stored"] = "logical"


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """One part of a row key.

    `codec` is a codec name of mapping-language (text, text(gbk), digits, u8, i16be, i32be, i64be, ...). `width` is in
    bytes (characters for text), None only for a last or delimited segment. The raw column is the logical value:
    `reversed` text is turned back, `subtract_from` - stored gives the value. A salt is never delivered.
    """

    name: str
    codec: str = "text"
    width: int | None = None
    reversed: bool = False
    subtract_from: int | None = None
    salt: Salt | None = None
    type: Type = INTEGER


@dataclass(frozen=True, slots=True, kw_only=True)
class RowKey:
    """The layout of an HBase row key: segments in order, between them `delimiter` (None: fixed widths)."""

    segments: tuple[Segment, ...]
    delimiter: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A fixed column of an HBase table. `required`: every row that counts as a row of the table has it."""

    name: str
    family: str
    qualifier: str
    codec: str
    type: Type
    required: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class QualifierPart:
    """A field of a wide qualifier (`name` and `codec`), or a constant between fields (`constant`)."""

    name: str = ""
    codec: str = "text"
    type: Type = INTEGER
    constant: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WideFamily:
    """A family whose qualifiers carry data: each cell becomes a row. `ranges`: declared bounds of numeric fields."""

    name: str
    family: str
    qualifier: tuple[QualifierPart, ...]
    value_name: str
    value_codec: str
    value_type: Type
    ranges: Mapping[str, tuple[int, int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class HBaseTable:
    """An HBase table. `versions` all adds the raw column `_timestamp` (milliseconds, integer)."""

    name: str
    row_key: RowKey
    cells: tuple[Cell, ...] = ()
    wide: tuple[WideFamily, ...] = ()
    versions: Literal["latest", "all"] = "latest"
    rows: int | None = None
    zone: str | None = None
    place: Place = NOWHERE

    def family(self, name: str) -> WideFamily:
        return next(wide for wide in self.wide if wide.name == name)


SourceTable = SqlTable | HBaseTable
