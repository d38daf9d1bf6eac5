"""CellSource: what the HBase adapter needs of whatever holds the cells (a local folder, a Thrift server)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

from adapters.hbase.byte_ranges import ByteRange


class StoredCell(NamedTuple):
    family: str
    qualifier: bytes
    timestamp: int
    value: bytes


class StoredRow(NamedTuple):
    """One HBase row: the wanted cells, by family and qualifier, the newest version first."""

    key: bytes
    cells: list[StoredCell]


@dataclass(frozen=True, slots=True, kw_only=True)
class CellRequest:
    """Which cells of which table. `families`: family to the wanted qualifiers as ranges (one column is a range of one key),
    None is the whole family; no families at all is every family. A row without any wanted cell is not returned."""

    table: str
    families: Mapping[str, tuple[ByteRange, ...] | None]
    versions: Literal["latest", "all"] = "latest"


class CellSource(Protocol):
    """Blocking; raises SourceError. Rows come in the order of their keys within one call."""

    def scan(self, request: CellRequest, ranges: Sequence[ByteRange], limit: int | None = None) -> Iterator[StoredRow]:
        """The rows within sorted, disjoint ranges, lazily, at most `limit`."""
        ...

    def get(self, request: CellRequest, keys: Sequence[bytes]) -> Iterator[StoredRow]:
        """The rows of just these keys, in one call; keys that are not there are left out."""
        ...

    def ping(self, tables: Sequence[str]) -> None:
        """Raises SourceError if the cells of these tables cannot be read."""
        ...

    def close(self) -> None: ...
