"""Thrift cells: HBase's tables through its Thrift 1 server, as a CellSource."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from threading import Lock

from adapters.connection_pool import ConnectionPool
from adapters.hbase.byte_ranges import ByteRange
from adapters.hbase.cell_source import CellBlock, CellRequest
from adapters.hbase.scanner import Scanner
from adapters.hbase.thrift_calls import ThriftCalls
from adapters.hbase.thrift_faults import HBaseFault
from adapters.hbase.thrift_message import decoder_of
from adapters.hbase.thrift_options import ThriftOptions
from adapters.hbase.thrift_request import checked_columns, wanted_columns
from adapters.hbase.thrift_wire import open_wire
from adapters.hbase.versions import VersionReader
from adapters.interface import ReadContext, SourceError

_IDLE_SECONDS = {"thrift": 50.0, "http": 25.0, "https": 25.0}
"""The server closes a socket that was silent for 60 s (hbase.thrift.server.socket.read.timeout), HTTP after 30 s (Jetty)."""
_REGIONS_KNOWN, _REGIONS_UNKNOWN = 60.0, 10.0
"""Seconds for which the regions of a table, or that they could not be listed, are remembered."""
_RIGHTS_KNOWN = 30.0
"""Seconds for which a right to read is taken for granted: without one, cells would vanish and no error come."""
_REGIONS_PATIENCE = 1.0
"""Seconds that listing regions may take: it only makes reads faster."""


class ThriftCells:
    """Reads tables through a pool of connections."""

    filters = True

    def __init__(self, options: ThriftOptions) -> None:
        self._options = options
        self._pool = ConnectionPool(options.slots, self._open, _IDLE_SECONDS[options.address.scheme])
        self._regions: dict[str, tuple[float, tuple[bytes, ...]]] = {}
        self._rights: dict[tuple[str, bytes], float] = {}
        self._lock = Lock()

    def scan(
        self, request: CellRequest, ranges: Sequence[ByteRange], context: ReadContext, first: int | None = None
    ) -> Iterator[CellBlock]:
        with self._pool.connection(context) as calls:
            self._check_rights(calls, request)
        for found in ranges:
            yield from Scanner(self._pool, request, found, context, first).blocks()

    def get(self, request: CellRequest, keys: Sequence[bytes], context: ReadContext) -> Iterator[CellBlock]:
        with self._pool.connection(context) as calls:
            self._check_rights(calls, request)
            with calls.told(request):
                block = calls.get_rows(request.table, keys, wanted_columns(request), decoder_of(request))
                if request.versions == "all":
                    block = VersionReader(request).complete(calls, block)
        if block.keys:
            yield block

    def _check_rights(self, calls: ThriftCalls, request: CellRequest) -> None:
        """Raises SourceError unless the account could read all that is asked for, a short time ago."""
        now = time.monotonic()
        asked = [
            column for column in checked_columns(request) if now - self._rights.get((request.table, column), -math.inf) > _RIGHTS_KNOWN
        ]
        if asked:
            with calls.told(request):
                calls.check_rights(request.table, asked)
            self._rights.update({(request.table, column): now for column in asked})

    def boundaries(self, table: str) -> Sequence[bytes]:
        now = time.monotonic()
        with self._lock:
            known = self._regions.get(table)
        if known is not None and now < known[0]:
            return known[1]
        remembered = _REGIONS_KNOWN
        try:
            with self._pool.connection(ReadContext(deadline=now + _REGIONS_PATIENCE)) as calls:
                found = tuple(key for key in calls.region_starts(table) if key)
        except (SourceError, HBaseFault):
            found, remembered = (), _REGIONS_UNKNOWN  # the read itself will say what is wrong
        with self._lock:
            self._regions[table] = time.monotonic() + remembered, found
        return found

    def ping(self, requests: Sequence[CellRequest], context: ReadContext) -> None:
        """Asks for a row that is hardly there: that shows the table, its families and the right to read them."""
        with self._pool.connection(context) as calls:
            for request in requests:
                with calls.told(request):
                    calls.check_rights(request.table, checked_columns(request))

    def close(self) -> None:
        self._pool.close()

    def _open(self, context: ReadContext) -> ThriftCalls:
        return ThriftCalls(open_wire(self._options, context))
