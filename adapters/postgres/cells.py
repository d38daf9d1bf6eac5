"""Where each value stands in rows that came in binary, found column by column for all rows at once.

A record is the number of its columns in four bytes, and for each column its type's OID, its length (-1 is NULL) and its bytes. A tuple of
COPY has the number in two bytes, and no OID. Numbers are big-endian and stand at any place.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

_SPARE = bytes(16)
"""Behind the last row, so that looking at the bytes of a NULL there stays inside."""


class WireBytes:
    """Rows one after the other, and views of them that read a number at any place."""

    __slots__ = ("_views", "data")

    def __init__(self, rows: bytearray) -> None:
        """`rows` are this object's from now on."""
        self.data = rows
        self.data += _SPARE
        self._views: dict[str, Any] = {}

    def view(self, form: str) -> Any:
        """An array whose item n is the number, in numpy's form (`>i4`), at byte n."""
        found = self._views.get(form)
        if found is None:
            count = len(self.data) - np.dtype(form).itemsize + 1
            found = self._views[form] = np.ndarray((count,), form, self.data, 0, (1,))
        return found


class Cells(NamedTuple):
    """One column: where each value begins and how long it is. `nulls` is None where no value is NULL. `oid`: the type that came."""

    held: WireBytes
    starts: Any
    lengths: Any
    nulls: Any
    oid: int

    @property
    def present(self) -> Any:
        """The beginnings, with a harmless place for NULL."""
        return self.starts if self.nulls is None else np.where(self.nulls, 0, self.starts)

    def numbers(self, form: str, type: Any) -> Any:
        """The values as numbers of another numpy type; anything for NULL."""
        return self.held.view(form)[self.present].astype(type)

    def valid(self) -> Cells:
        """Those that are not NULL."""
        if self.nulls is None:
            return self
        kept = ~self.nulls
        return Cells(self.held, self.starts[kept], self.lengths[kept], None, self.oid)

    def spread(self, found: pa.Array) -> pa.Array:
        """An array of the valid values, with NULL put back where it was."""
        if self.nulls is None:
            return found
        return found.take(pa.array(np.cumsum(~self.nulls) - 1, mask=self.nulls))


def columns(held: WireBytes, starts: Any, count: int, oids: Sequence[int] | None = None) -> list[Cells]:
    """The columns of the records that begin at these places, of which there must be one; of tuples if their types are given."""
    all_starts, all_lengths = np.empty((2, count, len(starts)), np.int64)
    words = held.view(">i4")
    first, between = (8, 4) if oids is None else (2, 0)
    place = starts + first
    for number in range(count):
        all_lengths[number] = words[place]
        all_starts[number] = place + 4
        place = all_starts[number] + (np.maximum(all_lengths[number], 0) + between)
    nulls: Any = all_lengths < 0
    some_null = nulls.any(axis=1).tolist()
    if oids is None:
        oids = words[all_starts[:, 0] - 8].tolist()
    return [
        Cells(held, all_starts[number], all_lengths[number], nulls[number] if some_null[number] else None, oids[number])
        for number in range(count)
    ]
