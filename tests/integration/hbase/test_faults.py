"""HBase frozen, killed and started again: the reason within the deadline, and the next read works with the same adapter."""

from __future__ import annotations

import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace

import pytest

from adapters.hbase import open_source
from adapters.interface import Adapter, ReadContext, SourceError
from catalog.source_tables import HBaseTable, RowKey
from tests.adapters.hbase.cells import StoredCell, equal, read, scan_of
from tests.adapters.hbase.layouts import cell, segment, source_of
from tests.integration.hbase.stored import stored
from tests.servers.hbase import HBaseServer

TABLE = HBaseTable(
    name="t", row_key=RowKey(segments=(segment("id", "i32be"),)), cells=(cell("name", "d:name", required=True), cell("text", "d:text"))
)
ROWS = 6_000
SOON = 1.5
"""Seconds: the promise of 1 s, and room for a busy machine."""


@pytest.fixture
def table(hbase_server: HBaseServer) -> HBaseTable:
    cells: list[StoredCell] = []
    for number in range(ROWS):
        cells += [(struct.pack(">i", number), "d", b"name", 1, b"n%d" % number), (struct.pack(">i", number), "d", b"text", 1, b"x" * 1_500)]
    return replace(TABLE, name=stored(hbase_server, "faults", cells))


@pytest.fixture(params=["framed", "buffered"])
def adapter(request: pytest.FixtureRequest, hbase_server: HBaseServer, table: HBaseTable) -> Iterator[Adapter]:
    port = hbase_server.port if request.param == "framed" else hbase_server.unframed_port
    source = replace(source_of(table, url=f"thrift://{hbase_server.host}:{port}"), options={"transport": request.param})
    with closing(open_source(source)) as opened:
        yield opened


@contextmanager
def frozen(server: HBaseServer) -> Iterator[None]:
    server.pause()
    try:
        yield
    finally:
        server.resume()


def failed(act: Callable[[], object]) -> tuple[SourceError, float]:
    begun = time.monotonic()
    with pytest.raises(SourceError) as caught:
        act()
    return caught.value, time.monotonic() - begun


def batches(adapter: Adapter, table: HBaseTable, context: ReadContext) -> Iterator[object]:
    (split,) = adapter.splits(scan_of(table))
    return adapter.read(split, context)


def test_a_server_frozen_in_the_middle_of_a_read_is_out_of_time_and_then_read_again(
    hbase_server: HBaseServer, adapter: Adapter, table: HBaseTable
) -> None:
    started = batches(adapter, table, ReadContext(deadline=time.monotonic() + 3))
    next(started)
    with frozen(hbase_server):
        error, _ = failed(lambda: list(started))
    assert (error.code, error.transient) == ("S103", True)
    assert len(read(adapter, scan_of(table, columns=["id"])).rows) == ROWS


def test_each_call_to_a_frozen_server_ends_with_its_deadline(hbase_server: HBaseServer, adapter: Adapter, table: HBaseTable) -> None:
    adapter.ping(ReadContext(deadline=time.monotonic() + 60))
    (scan,) = adapter.splits(scan_of(table))
    (lookup,) = adapter.splits(scan_of(table, equal("id", 1)))
    with frozen(hbase_server):
        for split in (scan, lookup):
            error, seconds = failed(lambda split=split: list(adapter.read(split, ReadContext(deadline=time.monotonic() + 0.5))))
            assert error.code == "S103"
            assert seconds < 0.5 + SOON
        error, seconds = failed(lambda: adapter.ping(ReadContext(deadline=time.monotonic() + 0.5)))
        assert error.code == "S103"
        assert seconds < 0.5 + SOON
    assert [row["id"] for row in read(adapter, scan_of(table, equal("id", 1))).rows] == [1]


def test_a_cancel_reaches_a_read_of_a_frozen_server(hbase_server: HBaseServer, adapter: Adapter, table: HBaseTable) -> None:
    context = ReadContext(deadline=time.monotonic() + 60)
    started = batches(adapter, table, context)
    next(started)
    with frozen(hbase_server):
        threading.Timer(0.3, context.cancelled.set).start()
        error, seconds = failed(lambda: list(started))
    assert error.code == "S104"
    assert seconds < 0.3 + SOON
    assert len(read(adapter, scan_of(table, columns=["id"])).rows) == ROWS


def test_splits_of_a_frozen_server_are_made_without_its_regions(hbase_server: HBaseServer, table: HBaseTable) -> None:
    with closing(open_source(source_of(table, url=hbase_server.url))) as opened, frozen(hbase_server):
        begun = time.monotonic()
        assert len(opened.splits(scan_of(table))) == 1
        assert time.monotonic() - begun < 1 + SOON


def test_a_server_killed_in_the_middle_and_started_again(hbase_server: HBaseServer, table: HBaseTable) -> None:
    source = source_of(table, url=hbase_server.url)
    with closing(open_source(source)) as reading, closing(open_source(source)) as resting:
        resting.ping(ReadContext(deadline=time.monotonic() + 30))  # its connection lies idle in the pool from now on
        started = batches(reading, table, ReadContext(deadline=time.monotonic() + 30))
        next(started)
        hbase_server.kill()
        try:
            error, seconds = failed(lambda: list(started))
            assert (error.code, error.transient) == ("S102", True)
            assert seconds < SOON
            error, seconds = failed(lambda: reading.ping(ReadContext(deadline=time.monotonic() + 30)))
            assert (error.code, error.transient) == ("S101", True)
            assert seconds < SOON
        finally:
            hbase_server.start()
        assert len(read(reading, scan_of(table, columns=["id"])).rows) == ROWS
        assert [row["id"] for row in read(resting, scan_of(table, equal("id", 1))).rows] == [1]
