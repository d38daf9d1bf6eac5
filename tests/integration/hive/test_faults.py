"""A HiveServer2 that is killed, frozen, started again, or has forgotten a session: on an instance of its own."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pyarrow as pa
import pytest

from adapters.hive import HiveAdapter
from adapters.interface import ReadContext, Scan, SourceError
from adapters.testing.conformance import read_all
from catalog.conditions import Term
from catalog.conditions import Test as ColumnTest
from catalog.relations import Join, JoinRelation, TableRelation
from catalog.source_tables import RawColumn, SqlTable
from catalog.types import INTEGER, TEXT
from catalog.values import ValueSet
from tests.integration.hive.sources import opened
from tests.servers.engines import started
from tests.servers.hive import HiveServer, start

ROWS = 200_000
TABLE = SqlTable(name="many", columns=(RawColumn(name="id", type=INTEGER), RawColumn(name="word", type=TEXT)))
WHOLE = Scan(relation=TableRelation(table=TABLE), columns=("id", "word"))
POINT = Scan(relation=TableRelation(table=TABLE), columns=("id",), conditions=(ColumnTest(Term("id"), ValueSet.of(7)),))


@pytest.fixture(scope="module")
def restless_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HiveServer]:
    server = started("hive", lambda: start(tmp_path_factory.mktemp("restless"), "NOSASL"))
    server.run("CREATE DATABASE big")
    server.load(TABLE, pa.table({"id": pa.array(range(ROWS)), "word": [f"word {number % 1000}" for number in range(ROWS)]}), "big")
    yield server
    server.stop()


@pytest.fixture
def adapter(restless_server: HiveServer) -> Iterator[HiveAdapter]:
    found = opened(restless_server, "big", {"many": TABLE})
    yield found
    found.close()


def context(seconds: float = 30) -> ReadContext:
    return ReadContext(deadline=time.monotonic() + seconds)


def failing(adapter: HiveAdapter, scan: Scan, within: ReadContext) -> SourceError:
    with pytest.raises(SourceError) as caught:
        read_all(adapter, scan, within)
    return caught.value


def test_every_row_of_a_large_table_comes_once(adapter: HiveAdapter) -> None:
    batches = read_all(adapter, WHOLE)
    assert sum(batch.num_rows for batch in batches) == ROWS
    assert pa.concat_arrays([batch.column("id") for batch in batches]).unique().sort() == pa.array(range(ROWS))


def test_a_server_killed_mid_stream_is_lost_and_the_next_query_works_once_it_is_back(
    adapter: HiveAdapter, restless_server: HiveServer
) -> None:
    batches = adapter.read(adapter.splits(WHOLE)[0], context())
    next(batches)
    restless_server.kill()
    try:
        with pytest.raises(SourceError) as caught:
            list(batches)
        assert (caught.value.code, caught.value.transient) == ("S102", True)
        assert failing(adapter, POINT, context()).code == "S101"
    finally:
        restless_server.restart()
    assert sum(batch.num_rows for batch in read_all(adapter, POINT)) == 1


def test_a_restart_between_two_queries_is_not_noticed(adapter: HiveAdapter, restless_server: HiveServer) -> None:
    assert sum(batch.num_rows for batch in read_all(adapter, POINT)) == 1
    restless_server.restart()
    assert sum(batch.num_rows for batch in read_all(adapter, POINT)) == 1


def test_a_session_that_the_server_has_closed_is_opened_anew(adapter: HiveAdapter) -> None:
    read_all(adapter, POINT)
    with adapter._sessions.connection(context()) as session:
        types = session.service.types
        session.call("CloseSession", types.TCloseSessionReq(sessionHandle=session._handle), context())
        assert session.is_whole
    assert sum(batch.num_rows for batch in read_all(adapter, POINT)) == 1


@pytest.mark.parametrize("used_before", [False, True])
def test_a_frozen_server_is_out_of_time_within_a_second_of_the_deadline(
    used_before: bool, adapter: HiveAdapter, restless_server: HiveServer
) -> None:
    if used_before:
        read_all(adapter, POINT)
    restless_server.pause()
    try:
        begun = time.monotonic()
        error = failing(adapter, POINT, context(1.5))
        assert time.monotonic() - begun < 2.5
        assert (error.code, error.transient) == ("S103", True)
    finally:
        restless_server.resume()
    assert sum(batch.num_rows for batch in read_all(adapter, POINT)) == 1


def test_a_server_frozen_mid_stream_is_out_of_time_and_can_be_cancelled(adapter: HiveAdapter, restless_server: HiveServer) -> None:
    within = context(1.5)
    batches = adapter.read(adapter.splits(WHOLE)[0], within)
    next(batches)
    other = context()
    others = adapter.read(adapter.splits(WHOLE)[0], other)
    next(others)
    restless_server.pause()
    try:
        with pytest.raises(SourceError) as late:
            list(batches)
        assert late.value.code == "S103"
        assert time.monotonic() < within.deadline + 1
        other.cancelled.set()
        begun = time.monotonic()
        with pytest.raises(SourceError) as cancelled:
            list(others)
        assert cancelled.value.code == "S104"
        assert time.monotonic() - begun < 1
    finally:
        restless_server.resume()
    assert sum(batch.num_rows for batch in read_all(adapter, POINT)) == 1


def test_a_cancelled_job_is_stopped_at_the_server(adapter: HiveAdapter, restless_server: HiveServer) -> None:
    """40 million pairs, which would take minutes: cancelled while the server holds its answer back."""
    cross = JoinRelation(alias="a", table=TABLE, joins=(Join(kind="inner", alias="b", table=TABLE, on=(("a.word", "b.word"),)),))
    within = context()
    batches = adapter.read(adapter.splits(Scan(relation=cross, columns=("a.id", "b.id")))[0], within)
    from threading import Timer

    Timer(2.0, within.cancelled.set).start()
    begun = time.monotonic()
    with pytest.raises(SourceError) as caught:
        list(batches)
    assert caught.value.code == "S104"
    assert time.monotonic() - begun < 3
    settled = time.monotonic() + 20
    while (busy := cpu_share(restless_server)) > 0.5:
        assert time.monotonic() < settled, f"the server still works: {busy:.1f} processors"


def cpu_share(server: HiveServer) -> float:
    """Processors that the server uses, measured over a second."""
    import psutil

    return float(psutil.Process(server.process.pid).cpu_percent(interval=1)) / 100


def test_nobody_listening_is_unreachable(restless_server: HiveServer) -> None:
    from dataclasses import replace

    from tests.servers.process import free_port

    adapter = opened(replace(restless_server, port=free_port()), "big", {"many": TABLE})
    error = failing(adapter, POINT, context())
    assert (error.code, error.transient) == ("S101", True)


def test_a_database_that_is_not_there_is_a_wrong_setting(restless_server: HiveServer) -> None:
    assert failing(opened(restless_server, "no_such_database", {"many": TABLE}), POINT, context()).code == "S110"


def test_a_plain_client_at_a_server_that_wants_sasl_is_told_which_option(hive_server: HiveServer) -> None:
    error = failing(opened(hive_server, "default", {"many": TABLE}, auth="nosasl"), POINT, context(5))
    assert error.code in ("S101", "S102", "S103", "S105")
