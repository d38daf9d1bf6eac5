"""Rows as they came, in binary, one after the other: records from a SELECT, or tuples from a COPY."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from itertools import accumulate, repeat
from typing import TYPE_CHECKING

import psycopg

from adapters.interface import ReadContext

if TYPE_CHECKING:
    from psycopg.pq.abc import PGconn, PGresult

_TOO_MUCH = 1 << 30
"""Bytes that are not decoded together: Arrow's texts count to 2 ** 31."""


class Rows:
    """`data`: the rows. `lengths`: how many bytes each has. `oids`: the types of a tuple's columns; None: these are records, which say
    each value's type themselves."""

    __slots__ = ("data", "lengths", "oids")

    def __init__(self, oids: tuple[int, ...] | None = None) -> None:
        self.data = bytearray()
        self.lengths: list[int] = []
        self.oids = oids

    @property
    def starts(self) -> Iterator[int]:
        """Where each row begins; and where the next one would."""
        return accumulate(self.lengths, initial=0)

    def is_full(self, context: ReadContext) -> bool:
        return len(self.lengths) >= context.batch_rows or len(self.data) >= context.batch_bytes

    def portions(self) -> Iterator[Rows]:
        """The same in parts that can be decoded."""
        if len(self.data) < _TOO_MUCH:
            yield self
            return
        for start, length in zip(self.starts, self.lengths, strict=False):
            one = Rows(self.oids)
            one.data += self.data[start : start + length]
            one.lengths.append(length)
            yield one


def gathered(chunks: Iterable[PGresult], context: ReadContext) -> Iterator[Rows]:
    """Records, each of them the only value of a result's row, until they fill a batch by their number or their bytes."""
    rows = Rows()
    for chunk in chunks:
        value = chunk.get_value
        new: list[bytes] = [value(row, 0) for row in range(chunk.ntuples)]  # type: ignore[misc]  # record_send is never NULL
        rows.data += b"".join(new)
        rows.lengths += map(len, new)
        if rows.is_full(context):
            yield rows
            rows = Rows()
    if rows.lengths:
        yield rows


# COPY in binary: a signature, flags, and the length of an extension that no version has; the tuples; and -1 where the next tuple would
# have the number of its columns. libpq gives a message at a time, of one tuple; the signature stands before the first of them.
_SIGNATURE, _HEAD_LENGTH, _END_LENGTH = b"PGCOPY\n\xff\r\n\0", 19, 2


def copied(session: PGconn, oids: tuple[int, ...], wait: Callable[[], None], context: ReadContext) -> Generator[Rows, None, None]:
    """Tuples of a COPY under way, until they fill a batch. `wait` returns when more has come. Raises psycopg.Error.

    A Python object of each tuple is what costs: they are put together at once, and nothing else is done a tuple.
    """
    message, length, is_first = session.get_copy_data, 0, True
    while length >= 0:
        rows = Rows(oids)
        while length >= 0 and not rows.is_full(context):
            for length, data in map(message, repeat(1, context.batch_rows - len(rows.lengths))):
                if length <= 0:
                    break
                rows.data += data
                rows.lengths.append(length)
            if length == 0:
                wait()
        if is_first and rows.lengths:
            _behead(rows)
            is_first = False
        if rows.lengths and rows.lengths[-1] == _END_LENGTH:
            del rows.data[-_END_LENGTH:], rows.lengths[-1]
        if rows.lengths:
            yield rows


def _behead(rows: Rows) -> None:
    """Take off what stands before the first tuple."""
    if not rows.data.startswith(_SIGNATURE) or rows.lengths[0] < _HEAD_LENGTH:
        raise psycopg.DataError("no COPY in binary")
    del rows.data[:_HEAD_LENGTH]
    rows.lengths[0] -= _HEAD_LENGTH
    if not rows.lengths[0]:
        del rows.lengths[0]
