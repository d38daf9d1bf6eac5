"""Reading over Thrift: the same answers as happybase, every transport, all versions, regions, scanners that lose their place."""

from __future__ import annotations

import struct
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from typing import Any

import happybase
import pytest
from Hbase_thrift import IllegalArgument

from adapters.hbase import open_source, thrift_cells
from adapters.hbase.byte_ranges import EVERYTHING, ByteRange, key_range
from adapters.hbase.cell_source import CellRequest
from adapters.hbase.thrift_cells import ThriftCells
from adapters.hbase.thrift_options import thrift_options
from adapters.interface import Adapter, ReadContext, SourceError
from catalog.source_tables import HBaseTable, RowKey
from tests.adapters.hbase.cells import StoredCell, equal, family, read, scan_of, within
from tests.adapters.hbase.layouts import cell, segment, source_of, wide
from tests.integration.hbase.stored import put, stored
from tests.servers.hbase import HBaseServer

TABLE = HBaseTable(
    name="t",
    row_key=RowKey(segments=(segment("id", "i32be"),)),
    cells=(cell("name", "d:name", required=True), cell("amount", "m:amount", "i64be")),
    wide=(wide("v", [("code", "text")], ("val", "text")),),
)
ROWS = 3_000
SPLITS = [struct.pack(">i", number) for number in (500, 1_000, 1_500, 2_000, 2_500)]


def key(number: int) -> bytes:
    return struct.pack(">i", number)


def some_cells() -> list[StoredCell]:
    """Rows with and without the second cell, values short and long, one empty."""
    found: list[StoredCell] = []
    for number in range(ROWS):
        text = b"" if number == 7 else b"x" * 700 if number % 100 == 0 else b"name %d" % number
        found.append((key(number), "d", b"name", 1, text))
        if number % 3:
            found.append((key(number), "m", b"amount", 1, struct.pack(">q", -number)))
        if number % 50 == 0:
            found += [(key(number), "v", code, 1, b"value") for code in (b"a", b"\xc3\xa9", b"c:d")]
    return found


@pytest.fixture(scope="module")
def table(hbase_server: HBaseServer) -> HBaseTable:
    return replace(TABLE, name=stored(hbase_server, "t", some_cells(), splits=SPLITS))


@pytest.fixture
def adapter(hbase_server: HBaseServer, table: HBaseTable) -> Iterator[Adapter]:
    with closing(open_source(source_of(table, url=hbase_server.url))) as opened:
        yield opened


def patient(seconds: float = 60, **limits: Any) -> ReadContext:
    return ReadContext(deadline=time.monotonic() + seconds, **limits)


def opened_with(server: HBaseServer, table: HBaseTable, **options: object) -> Adapter:
    url = f"thrift://{server.host}:{server.unframed_port}" if options.get("transport") == "buffered" else server.url
    return open_source(replace(source_of(table, url=url), options=options))


# ------------------------------------------------------------------------------------------- the answers of happybase


def cells_of(
    server: HBaseServer, request: CellRequest, ranges: Sequence[ByteRange], transport: str = "framed"
) -> dict[bytes, dict[bytes, bytes]]:
    """Rows as happybase gives them, by the gateway's own decoder."""
    port = server.port if transport == "framed" else server.unframed_port
    source = replace(source_of(TABLE, url=f"thrift://{server.host}:{port}"), options={"transport": transport})
    rows: dict[bytes, dict[bytes, bytes]] = {}
    with closing(ThriftCells(thrift_options(source))) as cells:
        for block in cells.scan(request, ranges, patient()):
            for place, found in enumerate(block.keys):
                assert found not in rows, "a row came twice"
                named = {name: column[place] for name, column in zip(request.columns, block.columns, strict=True)}
                rows[found] = {name: value for name, value in named.items() if value is not None}
            for place, name, value in zip(block.places, block.names, block.values, strict=True):
                rows[block.keys[place]][name] = value
    return rows


@pytest.mark.parametrize("transport", ["framed", "buffered"])
@pytest.mark.parametrize("form", ["columns", "loose", "both"])
def test_the_decoder_gives_what_happybase_gives(hbase_server: HBaseServer, table: HBaseTable, form: str, transport: str) -> None:
    columns = {"columns": (b"m:amount", b"d:name"), "loose": (), "both": (b"d:name",)}[form]
    families = {"d": None, "m": None} if form == "columns" else {}
    request = CellRequest(table=table.name, families=families, columns=columns, loose=form != "columns")
    with closing(happybase.Connection(hbase_server.host, hbase_server.port, transport="framed")) as connection:
        wanted = list(families) or None
        assert cells_of(hbase_server, request, EVERYTHING, transport) == dict(connection.table(table.name).scan(columns=wanted))


def test_several_ranges_and_keys_are_read_once_each(adapter: Adapter, table: HBaseTable) -> None:
    condition = equal("id", 5, 6, 2_999, 4_000)
    assert [row["id"] for row in read(adapter, scan_of(table, condition)).rows] == [5, 6, 2_999]
    ranged = read(adapter, scan_of(table, within("id", 498, 503), columns=["id"]))
    assert sorted(row["id"] for row in ranged.rows) == [499, 500, 501, 502]


def test_unframed_thrift_gives_the_same_rows(hbase_server: HBaseServer, adapter: Adapter, table: HBaseTable) -> None:
    with closing(opened_with(hbase_server, table, transport="buffered")) as unframed:
        for scan in (scan_of(table), scan_of(family(table, "v")), scan_of(table, equal("id", 1, 7)), scan_of(table, limit=3)):
            assert read(unframed, scan).rows == read(adapter, scan).rows


@pytest.mark.parametrize("transport", ["framed", "buffered"])
def test_the_wrong_transport_is_an_error_that_names_the_option(hbase_server: HBaseServer, table: HBaseTable, transport: str) -> None:
    port = hbase_server.unframed_port if transport == "framed" else hbase_server.port
    source = replace(source_of(table, url=f"thrift://{hbase_server.host}:{port}"), options={"transport": transport})
    with closing(open_source(source)) as wrong, pytest.raises(SourceError) as caught:
        wrong.ping(patient(2))
    assert caught.value.code in ("S102", "S103", "S110")
    assert caught.value.code == "S103" or "transport" in caught.value.hint


# ---------------------------------------------------------------------------------------------------------- regions


def test_a_scan_has_parts_that_begin_where_regions_begin(adapter: Adapter, table: HBaseTable) -> None:
    splits = adapter.splits(scan_of(table))
    assert len(splits) == 4
    seen: list[int] = []
    for split in splits:
        rows = [row["id"] for batch in adapter.read(split, patient()) for row in batch.to_pylist()]
        assert rows == sorted(rows)
        assert rows[0] % 500 == 0
        seen += rows
    assert seen == list(range(ROWS))


def test_a_limit_or_a_lookup_is_one_part(adapter: Adapter, table: HBaseTable) -> None:
    assert len(adapter.splits(scan_of(table, limit=10))) == 1
    assert len(adapter.splits(scan_of(table, equal("id", 1, 2_000)))) == 1


def test_many_keys_are_looked_up_in_parts(adapter: Adapter, table: HBaseTable) -> None:
    scan = scan_of(table, equal("id", *range(0, 2 * ROWS, 6)), columns=["id"])
    assert len(adapter.splits(scan)) == 4
    answer = read(adapter, scan)
    assert [row["id"] for row in answer.rows] == list(range(0, ROWS, 6))
    assert answer.touched["gets"] == 1_000


def test_a_limit_fetches_no_more_than_it_needs(adapter: Adapter, table: HBaseTable) -> None:
    answer = read(adapter, scan_of(table, limit=10))
    assert (len(answer.rows), answer.touched["rows"]) == (10, 10)


def test_where_nobody_looks_at_a_cell_one_cell_a_row_comes_without_its_value(hbase_server: HBaseServer, table: HBaseTable) -> None:
    bare = replace(table, cells=(cell("name", "d:name"), cell("amount", "m:amount", "i64be")))
    with closing(open_source(source_of(bare, url=hbase_server.url))) as opened:
        answer = read(opened, scan_of(bare, columns=["id"]))
        assert (len(answer.rows), answer.touched["cells"]) == (ROWS, ROWS)
        assert answer.touched["bytes"] < ROWS * 60


# --------------------------------------------------------------------------------------------------------- versions


def test_all_versions_come_with_their_times(hbase_server: HBaseServer) -> None:
    cells: list[StoredCell] = [
        (key(1), "d", b"name", 5, b"new"),
        (key(1), "d", b"name", 3, b"old"),
        (key(1), "m", b"amount", 4, struct.pack(">q", 7)),
        (key(2), "d", b"name", 9, b"only"),
        (key(1), "v", b"TZ", 2, b"70"),
        (key(1), "v", b"TZ", 1, b"69"),
        (key(2), "v", b"SG", 1, b"180"),
    ]
    versioned = replace(TABLE, versions="all", name=stored(hbase_server, "versions", cells))
    with closing(open_source(source_of(versioned, url=hbase_server.url))) as opened:
        names = ("id", "_timestamp", "name", "amount")
        states = [tuple(row[name] for name in names) for row in read(opened, scan_of(versioned)).rows]
        assert states == [(1, 3, "old", None), (1, 4, "old", 7), (1, 5, "new", 7), (2, 9, "only", None)]
        looked_up = read(opened, scan_of(versioned, equal("id", 1))).rows
        assert [row["_timestamp"] for row in looked_up] == [3, 4, 5]
        readings = read(opened, scan_of(family(versioned, "v"), columns=("id", "code", "_timestamp", "val"))).rows
        assert [tuple(row.values()) for row in readings] == [(1, "TZ", 2, "70"), (1, "TZ", 1, "69"), (2, "SG", 1, "180")]


def test_latest_is_latest_though_more_versions_are_kept(hbase_server: HBaseServer) -> None:
    cells: list[StoredCell] = [(key(1), "d", b"name", time, b"%d" % time) for time in range(1, 5)]
    latest = replace(TABLE, name=stored(hbase_server, "latest", cells, ["m", "v"]))
    with closing(open_source(source_of(latest, url=hbase_server.url))) as opened:
        assert [row["name"] for row in read(opened, scan_of(latest)).rows] == ["4"]


# ---------------------------------------------------------------------------------------------- scanners lose their place


def read_ids(adapter: Adapter, table: HBaseTable, between: Any, **limits: Any) -> list[int]:
    """All ids, with something done after the first batch of each part."""
    found: list[int] = []
    for split in adapter.splits(scan_of(table, columns=["id", "name"])):
        for number, batch in enumerate(adapter.read(split, patient(**limits))):
            found += batch.column("id").to_pylist()
            if number == 0:
                between()
    return found


def test_scanners_that_the_server_forgets_are_opened_again_behind_the_last_row(hbase_server: HBaseServer, table: HBaseTable) -> None:
    with closing(happybase.Connection(hbase_server.host, hbase_server.port, transport="framed")) as other:
        forgotten: list[int] = []

        def forget() -> None:
            """Closes every scanner of the server: their ids are one row of numbers."""
            newest = other.client.scannerOpen(table.name.encode(), b"", [], {})
            for scanner in range(max(0, newest - 30), newest + 1):
                try:
                    other.client.scannerClose(scanner)
                    forgotten.append(scanner)
                except IllegalArgument:  # there is none of this number
                    continue

        with closing(opened_with(hbase_server, table, slots=1)) as opened:
            assert read_ids(opened, table, forget) == list(range(ROWS))
        assert len(forgotten) >= 2, "the test closed no scanner but its own"


def test_regions_that_close_and_open_again_lose_no_row_and_double_none(hbase_server: HBaseServer) -> None:
    table = replace(TABLE, name=stored(hbase_server, "reopened", some_cells(), splits=SPLITS[2:3]))
    with closing(opened_with(hbase_server, table, slots=1)) as opened:
        assert read_ids(opened, table, lambda: hbase_server.command("reopen", table.name)) == list(range(ROWS))


def test_a_reader_who_rests_longer_than_the_server_waits_goes_on_with_a_new_connection(
    hbase_server: HBaseServer, table: HBaseTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(thrift_cells, "_IDLE_SECONDS", {"thrift": 0.0})
    with closing(opened_with(hbase_server, table, slots=1)) as opened:
        assert read_ids(opened, table, lambda: None) == list(range(ROWS))


# ------------------------------------------------------------------------------------------------------ what is wrong


def test_a_missing_table_or_family_is_named_without_java(hbase_server: HBaseServer, table: HBaseTable) -> None:
    gone = replace(table, name="no_such_table")
    with closing(open_source(source_of(gone, url=hbase_server.url))) as opened:
        for act in (
            lambda: read(opened, scan_of(gone)),
            lambda: read(opened, scan_of(gone, equal("id", 1))),
            lambda: opened.ping(patient()),
        ):
            with pytest.raises(SourceError) as caught:
                act()
            assert (caught.value.code, caught.value.fact) == ("S120", "the table no_such_table is not in HBase")
    lacking = replace(table, cells=(*table.cells, cell("more", "z:more")))
    with closing(open_source(source_of(lacking, url=hbase_server.url))) as opened:
        for act in (
            lambda: read(opened, scan_of(lacking)),
            lambda: read(opened, scan_of(lacking, equal("id", 1))),
            lambda: opened.ping(patient()),
        ):
            with pytest.raises(SourceError) as caught:
                act()
            assert (caught.value.code, caught.value.fact) == ("S120", f"the table {table.name} has no family z")
            assert caught.value.hint == "its families are: d, m, v"


def test_a_port_where_nobody_listens_is_unreachable(table: HBaseTable) -> None:
    with closing(open_source(source_of(table, url="thrift://127.0.0.1:1"))) as opened, pytest.raises(SourceError) as caught:
        opened.ping(patient())
    assert (caught.value.code, caught.value.transient) == ("S101", True)


# ------------------------------------------------------------------------------------------------------------- slots


def test_no_more_connections_than_slots_and_they_are_used_again(hbase_server: HBaseServer, table: HBaseTable) -> None:
    before = connections_to(hbase_server.port)
    with closing(opened_with(hbase_server, table, slots=2)) as opened:
        errors: list[Exception] = []

        def work() -> None:
            try:
                for _ in range(5):
                    assert len(read(opened, scan_of(table, columns=["id"])).rows) == ROWS
                    most.append(connections_to(hbase_server.port) - before)
            except (AssertionError, SourceError) as error:
                errors.append(error)

        most: list[int] = []
        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not errors
        assert max(most) == 2
    assert connections_to(hbase_server.port) == before


def connections_to(port: int) -> int:
    """Established connections of this machine to a port of loopback (a line each in /proc/net/tcp; 01 is established)."""
    remote = f"0100007F:{port:04X}"
    with open("/proc/net/tcp") as lines:
        return sum(fields[2] == remote and fields[3] == "01" for fields in (line.split() for line in lines))


def test_a_slot_that_never_comes_free_ends_with_the_deadline(hbase_server: HBaseServer, table: HBaseTable) -> None:
    with closing(opened_with(hbase_server, table, slots=1)) as opened:
        (split, *_) = opened.splits(scan_of(table, columns=["id"]))
        held = opened.read(split, patient())
        next(held)
        with pytest.raises(SourceError) as caught:
            opened.ping(patient(0.5))
        assert caught.value.code == "S103"
        held.close()  # type: ignore[attr-defined]
        opened.ping(patient())


def test_a_key_of_every_kind_of_byte_is_found(hbase_server: HBaseServer) -> None:
    keys = [b"\x00", b"\x00\x00", b"'", b"a'b", b"\\x00", b"\xff", b"\xff\xff\xff", bytes(range(1, 256))]
    name = stored(hbase_server, "bytes", [(found, "d", b"q", 1, found) for found in keys])
    request = CellRequest(table=name, families={"d": None}, loose=True)
    for found in keys:
        rows = cells_of(hbase_server, request, [key_range(found)])
        assert rows == {found: {b"d:q": found}}
    assert sorted(cells_of(hbase_server, request, EVERYTHING)) == sorted(keys)


def test_rows_written_after_the_regions_were_listed_are_found(hbase_server: HBaseServer, adapter: Adapter) -> None:
    fresh = replace(TABLE, name=stored(hbase_server, "fresh", [(key(1), "d", b"name", 1, b"x")], ["m", "v"]))
    with closing(open_source(source_of(fresh, url=hbase_server.url))) as opened:
        assert len(read(opened, scan_of(fresh)).rows) == 1
        put(hbase_server, fresh.name, [(key(number), "d", b"name", 1, b"x") for number in range(2, 5)])
        assert len(read(opened, scan_of(fresh)).rows) == 4
