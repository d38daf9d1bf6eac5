"""A Trino that is killed, frozen, restarted, refuses, or is not the one it should be: the error says so in time, and the next query works."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing

import pyarrow as pa
import pytest

from adapters.interface import ReadContext, Scan, SourceError
from adapters.testing.conformance import read_all, rows_of
from adapters.trino import TrinoAdapter
from catalog.relations import TableRelation
from catalog.source_tables import RawColumn, SqlTable
from catalog.types import parse_type
from tests.integration.trino.tables import adapter, new_schema
from tests.servers.trino import FORBIDDEN, PASSWORD, USER, TrinoServer


def table(name: str, /, **columns: str) -> SqlTable:
    return SqlTable(name=name, columns=tuple(RawColumn(name=column, type=parse_type(type)) for column, type in columns.items()))


NATION = table("nation", nationkey="integer", name="text")
LINES = table("lineitem", orderkey="integer", comment="text", shipdate="date", extendedprice="double")


def scan(wanted: SqlTable) -> Scan:
    return Scan(relation=TableRelation(table=wanted), columns=tuple(column.name for column in wanted.columns))


def begun(source: TrinoAdapter, context: ReadContext) -> Iterator[pa.RecordBatch]:
    """A read of six million rows that has given its first batch."""
    batches = source.read(source.splits(scan(LINES))[0], context)
    assert next(batches).num_rows > 0
    return batches


def failure(read: Callable[[], object]) -> tuple[SourceError, float]:
    """What it raises, and after how many seconds."""
    before = time.monotonic()
    with pytest.raises(SourceError) as caught:
        read()
    return caught.value, time.monotonic() - before


def nations(source: TrinoAdapter) -> list[str]:
    return [row["name"] for row in rows_of(read_all(source, scan(NATION)))]


def running(server: TrinoServer) -> list[object]:
    """Queries of the gateway that the server has not ended."""
    sql = "SELECT query_id FROM system.runtime.queries WHERE source = 'hospital-gateway' AND state NOT IN ('FINISHED', 'FAILED')"
    return [query for (query,) in server.execute(sql)]


Opener = Callable[..., TrinoAdapter]


@pytest.fixture
def open_adapter() -> Iterator[Opener]:
    """Opens adapters over a url with options, and closes them."""
    with ExitStack() as stack:

        def opened(url: str, **options: object) -> TrinoAdapter:
            return stack.enter_context(closing(adapter(url, **options)))

        yield opened


@pytest.fixture
def over_tls(trino_server: TrinoServer, open_adapter: Opener) -> Opener:
    """Opens adapters that trust the server's certificate and know the password, if the options say nothing else."""
    known = {"user": USER, "password": PASSWORD, "tls_ca": str(trino_server.certificate)}
    return lambda **options: open_adapter(trino_server.tls_url("tpch", "tiny"), **(known | options))


@pytest.fixture
def large(trino_server: TrinoServer, open_adapter: Opener) -> TrinoAdapter:
    return open_adapter(trino_server.url("tpch", "sf1"))


def test_killed_mid_stream_and_restarted(trino_server: TrinoServer, large: TrinoAdapter, open_adapter: Opener) -> None:
    before = nations(large)  # its connection is kept, and dead when the server is back
    batches = begun(large, ReadContext(deadline=time.monotonic() + 60))
    try:
        trino_server.kill()
        error, seconds = failure(lambda: list(batches))
        gone, _ = failure(lambda: nations(open_adapter(trino_server.url("tpch", "sf1"))))
    finally:
        trino_server.restart()
    assert (error.code, error.transient) == ("S102", True)
    assert seconds < 1
    assert (gone.code, gone.transient) == ("S101", True)
    assert nations(large) == before
    assert len(before) == 25


def test_frozen_mid_stream_the_deadline_holds(trino_server: TrinoServer, large: TrinoAdapter) -> None:
    context = ReadContext(deadline=time.monotonic() + 60)
    batches = begun(large, context)
    try:
        trino_server.pause()
        context.deadline = time.monotonic() + 0.5
        error, _ = failure(lambda: list(batches))
        late = time.monotonic() - context.deadline
    finally:
        trino_server.resume()
    assert (error.code, error.transient) == ("S103", True)
    assert late < 1
    assert len(nations(large)) == 25


def test_frozen_before_the_query_the_deadline_holds(trino_server: TrinoServer, large: TrinoAdapter) -> None:
    try:
        trino_server.pause()
        error, seconds = failure(lambda: read_all(large, scan(NATION), ReadContext(deadline=time.monotonic() + 1)))
    finally:
        trino_server.resume()
    assert error.code == "S103"
    assert seconds < 2
    assert len(nations(large)) == 25


def test_frozen_and_cancelled_it_ends_within_a_second(trino_server: TrinoServer, large: TrinoAdapter) -> None:
    context = ReadContext(deadline=time.monotonic() + 60)
    batches = begun(large, context)
    try:
        trino_server.pause()
        threading.Timer(0.3, context.cancelled.set).start()
        error, seconds = failure(lambda: list(batches))
    finally:
        trino_server.resume()
    assert error.code == "S104"
    assert seconds < 1.3
    assert len(nations(large)) == 25


def test_a_read_that_ends_early_is_cancelled_at_the_source(trino_server: TrinoServer, large: TrinoAdapter) -> None:
    cancelled, left = ReadContext(deadline=time.monotonic() + 60), ReadContext(deadline=time.monotonic() + 60)
    first, second = begun(large, cancelled), begun(large, left)
    assert len(running(trino_server)) == 2
    cancelled.cancelled.set()
    error, _ = failure(lambda: list(first))
    second.close()  # type: ignore[attr-defined]  # a generator
    assert error.code == "S104"
    until = time.monotonic() + 20
    while running(trino_server) and time.monotonic() < until:
        time.sleep(0.1)
    assert running(trino_server) == []


def test_a_closed_adapter_ends_its_reads(large: TrinoAdapter) -> None:
    batches = begun(large, ReadContext(deadline=time.monotonic() + 60))
    large.close()
    error, _ = failure(lambda: list(batches))
    assert error.code == "S101"


# ------------------------------------------------------------------------------------------------------------- accounts


def test_password_over_checked_tls(over_tls: Opener) -> None:
    assert len(nations(over_tls())) == 25


def test_token_over_checked_tls(trino_server: TrinoServer, open_adapter: Opener) -> None:
    account = {"token": trino_server.jwt(USER), "tls_ca": str(trino_server.certificate)}
    assert len(nations(open_adapter(trino_server.tls_url("tpch", "tiny"), user=USER, **account))) == 25


def test_a_wrong_password_is_refused_without_its_text(over_tls: Opener) -> None:
    source = over_tls(password="wr0ng-word")
    error, seconds = failure(lambda: nations(source))
    assert (error.code, error.transient) == ("S106", False)
    assert seconds < 5
    assert "wr0ng-word" not in f"{error.fact} {error.hint} {source!r} {error.__context__!r}"


def test_a_token_that_is_over_is_refused(trino_server: TrinoServer, open_adapter: Opener) -> None:
    account = {"token": trino_server.jwt(USER, seconds=-60), "tls_ca": str(trino_server.certificate)}
    error, _ = failure(lambda: nations(open_adapter(trino_server.tls_url("tpch", "tiny"), user=USER, **account)))
    assert error.code == "S106"


def test_another_authority_is_not_trusted(trino_server: TrinoServer, open_adapter: Opener) -> None:
    source = open_adapter(trino_server.tls_url("tpch", "tiny"), user=USER, password=PASSWORD)  # trusts the system's authorities
    error, seconds = failure(lambda: nations(source))
    assert (error.code, error.transient) == ("S107", False)
    assert seconds < 5


def test_the_name_in_the_certificate_must_be_the_servers(over_tls: Opener) -> None:
    error, _ = failure(lambda: nations(over_tls(tls_server_name="another.test")))
    assert error.code == "S107"
    assert len(nations(over_tls(tls_server_name="localhost"))) == 25


def test_tls_require_takes_any_certificate(trino_server: TrinoServer, open_adapter: Opener) -> None:
    assert len(nations(open_adapter(trino_server.tls_url("tpch", "tiny"), user=USER, password=PASSWORD, tls="require"))) == 25


def test_tls_where_the_source_speaks_none(trino_server: TrinoServer, open_adapter: Opener) -> None:
    error, _ = failure(lambda: nations(open_adapter(trino_server.url("tpch", "tiny"), tls="require")))
    assert error.code == "S107"


def test_nobody_listens(open_adapter: Opener) -> None:
    error, seconds = failure(lambda: nations(open_adapter("trino://127.0.0.1:1/tpch/tiny")))
    assert (error.code, error.transient) == ("S101", True)
    assert seconds < 1


# ------------------------------------------------------------------------------------------------------ what is not there


def test_a_table_that_the_account_may_not_read(trino_server: TrinoServer, open_adapter: Opener) -> None:
    with new_schema(trino_server) as schema:
        trino_server.execute(f"CREATE TABLE memory.{schema}.seen AS SELECT 1 AS id")
        trino_server.execute(f"CREATE TABLE memory.{schema}.{FORBIDDEN} AS SELECT 1 AS id")
        source = open_adapter(trino_server.url("memory", schema), user="reader")
        error, _ = failure(lambda: read_all(source, scan(table(FORBIDDEN, id="integer"))))
        assert sorted(source.describe()) == ["seen"]
    assert error.code == "S108"
    assert FORBIDDEN in error.fact


def test_schema_and_catalog_that_are_not_there(trino_server: TrinoServer, open_adapter: Opener) -> None:
    schema, _ = failure(lambda: nations(open_adapter(trino_server.url("tpch", "nowhere"))))
    assert schema.code == "S120"
    assert "nation" in schema.fact
    catalog, _ = failure(lambda: nations(open_adapter(trino_server.url("nowhere", "tiny"))))
    assert catalog.code == "S110"


def test_a_column_of_another_type_is_named_even_if_only_a_condition_wants_it(trino_server: TrinoServer, open_adapter: Opener) -> None:
    with new_schema(trino_server) as schema:
        trino_server.execute(f"CREATE TABLE memory.{schema}.moved AS SELECT 1 AS id, 5 AS code")
        source = open_adapter(trino_server.url("memory", schema))
        declared = TableRelation(table=table("moved", id="integer", code="text"))
        error, _ = failure(lambda: read_all(source, Scan(relation=declared, columns=("id",))))
    assert error.code == "S120"
    assert "moved" in error.fact
    assert "code" in error.fact


def test_a_table_that_changes_after_the_first_read_is_named(trino_server: TrinoServer, open_adapter: Opener) -> None:
    with new_schema(trino_server) as schema:
        name = f"memory.{schema}.moved"
        trino_server.execute(f"CREATE TABLE {name} AS SELECT 1 AS id, 'a' AS code")
        source, wanted = open_adapter(trino_server.url("memory", schema)), scan(table("moved", id="integer", code="text"))
        assert rows_of(read_all(source, wanted)) == [{"id": 1, "code": "a"}]
        trino_server.execute(f"ALTER TABLE {name} RENAME COLUMN code TO code2")
        renamed, _ = failure(lambda: read_all(source, wanted))
        trino_server.execute(f"DROP TABLE {name}")
        trino_server.execute(f"CREATE TABLE {name} AS SELECT 1 AS id, 5 AS code")
        retyped, _ = failure(lambda: read_all(source, wanted))
        trino_server.execute(f"DROP TABLE {name}")
        trino_server.execute(f"CREATE TABLE {name} AS SELECT 2 AS id, 'b' AS code")
        again = rows_of(read_all(source, wanted))
    assert renamed.code == "S120"
    assert "column code" in renamed.fact
    assert retyped.code == "S120"
    assert "column code" in retyped.fact
    assert again == [{"id": 2, "code": "b"}]
