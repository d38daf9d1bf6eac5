"""Scanner: one range of rows, block by block, gone on with behind the last row when HBase loses its place."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from contextlib import suppress

from adapters.connection_pool import ConnectionPool
from adapters.hbase.byte_ranges import ByteRange
from adapters.hbase.cell_source import CellBlock, CellRequest
from adapters.hbase.thrift_calls import Reply, ThriftCalls
from adapters.hbase.thrift_faults import Fault, HBaseFault, source_error
from adapters.hbase.thrift_message import decoder_of
from adapters.hbase.thrift_request import wanted_columns, wanted_filter
from adapters.hbase.versions import VersionReader
from adapters.interface import ReadContext, SourceError

_ROWS_AT_FIRST = 100
_ROWS_MOST = 5_000
_BYTES_AT_ONCE = 1 << 20
_CACHED_MOST = 1_000
"""Rows that HBase fetches ahead for a scanner; it stops at 2 MB by itself."""
_REOPENED_MOST = 3
"""Times that a scanner is opened again without a row in between."""


class Scanner:
    """Reads one range. `first`: so many rows may be enough, so nothing is asked for before it is wanted."""

    def __init__(
        self, pool: ConnectionPool[ThriftCalls], request: CellRequest, found: ByteRange, context: ReadContext, first: int | None
    ) -> None:
        self._pool, self._request, self._context = pool, request, context
        self._start, self._stop = found
        self._decoder = decoder_of(request)
        self._versions = VersionReader(request) if request.versions == "all" else None
        self._ahead = first is None and self._versions is None
        self._count = _ROWS_AT_FIRST if first is None else max(1, min(first, _ROWS_AT_FIRST))

    def blocks(self) -> Iterator[CellBlock]:
        """Each row once, whatever happens to scanners on the way. Raises SourceError."""
        failures = 0
        while True:
            before = self._start
            try:
                if (yield from self._blocks_from_here()):
                    return
            except HBaseFault:  # the scanner's; `told` makes a SourceError of any other
                failures = 1 if self._start != before else failures + 1
                if failures > _REOPENED_MOST:
                    raise source_error(Fault.SCANNER, self._request.table) from None

    def _blocks_from_here(self) -> Generator[CellBlock, None, bool]:
        """The blocks behind those that have been given; whether that was all. It is not where the reader took so long that
        the server will have dropped the connection."""
        with self._pool.connection(self._context) as calls, calls.told(self._request, scanning=True):
            scanner, ended = self._opened(calls), False
            try:
                asked = self._count
                calls.ask_for_rows(scanner, asked)
                while True:
                    reply = calls.rows(self._decoder)
                    ended = reply.count < asked  # HBase gives as many as it is asked for until there are no more
                    self._count = self._next_count(reply)
                    if ended:
                        calls.close_scanner(scanner)
                    elif self._ahead:
                        asked = self._count
                        calls.ask_for_rows(scanner, asked)
                    if reply.count:
                        block = self._whole(calls, reply.block())
                        self._start = block.keys[-1] + b"\x00"
                        given = time.monotonic()
                        yield block
                        if not ended and time.monotonic() - given > self._pool.idle_seconds:
                            return False
                    if ended:
                        return True
                    if not self._ahead:
                        asked = self._count
                        calls.ask_for_rows(scanner, asked)
            finally:
                if not ended:
                    _leave(calls, scanner)

    def _opened(self, calls: ThriftCalls) -> int:
        return calls.open_scanner(
            self._request.table,
            startRow=self._start,
            stopRow=self._stop,
            columns=wanted_columns(self._request) or None,
            caching=_CACHED_MOST if self._ahead else min(self._count, _CACHED_MOST),
            filterString=wanted_filter(self._request),
        )

    def _whole(self, calls: ThriftCalls, block: CellBlock) -> CellBlock:
        return block if self._versions is None else self._versions.complete(calls, block)

    def _next_count(self, reply: Reply) -> int:
        """As many rows as make about a megabyte, in steps: rows to come may be larger, and few may be enough."""
        fitting = _BYTES_AT_ONCE * reply.count // max(reply.size, 1) if reply.count else _ROWS_AT_FIRST
        most = self._count * (8 if self._ahead else 2)
        return max(1, min(fitting, most, _ROWS_MOST))


def _leave(calls: ThriftCalls, scanner: int) -> None:
    """Closes a scanner that was not read to its end, if the connection is whole; else the server's lease ends it."""
    if calls.is_whole:
        with suppress(HBaseFault, SourceError):
            calls.close_scanner(scanner)
