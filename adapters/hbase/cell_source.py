"""CellSource: what the HBase adapter needs of whatever holds the cells (a local folder, a Thrift server)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from adapters.hbase.byte_ranges import ByteRange
from adapters.interface import ReadContext


@dataclass(frozen=True, slots=True, kw_only=True)
class CellRequest:
    """Which cells of which table, and in which form.

    `families`: family to the wanted qualifiers as ranges (one column is a range of one key), None is the whole family; no
    families at all is every family. A source may deliver other qualifiers of a wanted family too. A row without any wanted
    cell is not delivered. `columns` (written family:qualifier) come as columns; with `loose` every other cell comes by
    itself, with every version if `versions` is all. `existence`: nobody looks at a cell, only whether a row has one.
    `filter`: a condition on cells in HBase's filter language; who can may leave out rows for which it does not hold.
    """

    table: str
    families: Mapping[str, tuple[ByteRange, ...] | None]
    versions: Literal["latest", "all"] = "latest"
    columns: tuple[bytes, ...] = ()
    loose: bool = False
    existence: bool = False
    filter: bytes | None = None


@dataclass(slots=True, kw_only=True)
class CellBlock:
    """Some HBase rows in the order of their keys.

    `columns`: for each of the request's columns the newest value in each row, None where a row has none. Loose cells stand in
    four lists of one length: `places` are indices into `keys`, `names` are family:qualifier, newest version of a column first;
    `times` (milliseconds) are there if the request wants all versions. `cells` and `size` say what was delivered, in bytes.
    """

    keys: list[bytes] = field(default_factory=list)
    columns: list[list[bytes | None]] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    names: list[bytes] = field(default_factory=list)
    values: list[bytes] = field(default_factory=list)
    times: list[int] = field(default_factory=list)
    cells: int = 0
    size: int = 0


class CellSource(Protocol):
    """Blocking; raises SourceError. Every wait ends with the context's deadline or cancel. No block is empty.

    `filters`: whether scans apply the request's filter.
    """

    filters: bool

    def scan(
        self, request: CellRequest, ranges: Sequence[ByteRange], context: ReadContext, first: int | None = None
    ) -> Iterator[CellBlock]:
        """The rows within sorted, disjoint ranges, lazily, in order. `first`: so many rows may be enough; None: all are wanted."""
        ...

    def get(self, request: CellRequest, keys: Sequence[bytes], context: ReadContext) -> Iterator[CellBlock]:
        """The rows of just these keys, in their order; keys that are not there are left out."""
        ...

    def boundaries(self, table: str) -> Sequence[bytes]:
        """The keys at which a new part of the table begins that can be read alone (a region); none if that is not known."""
        ...

    def ping(self, requests: Sequence[CellRequest], context: ReadContext) -> None:
        """Raises SourceError if these cells cannot be read."""
        ...

    def close(self) -> None: ...
