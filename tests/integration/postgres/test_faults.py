"""What goes wrong with the database is told in time, in our words, and the next read works with no restart."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from adapters.interface import ReadContext, Scan, SourceError
from adapters.postgres import PostgresAdapter
from adapters.testing.conformance import read_all, rows_of
from catalog.conditions import Condition, Term, Test
from catalog.relations import TableRelation
from catalog.values import ValueSet
from tests.integration.postgres.conftest import ALL_NUMBERS, ONE, SCAN, Ward, context, declared, failing, one_row
from tests.integration.postgres.tables import opened

if TYPE_CHECKING:
    from tests.servers.postgres import PostgresServer


@pytest.fixture(params=["copied", "records"])
def every_row(request: pytest.FixtureRequest) -> tuple[Condition, ...]:
    """A plain scan comes by COPY, a statement with parameters as records: both must end alike."""
    return {"copied": (), "records": ALL_NUMBERS}[request.param]


def begun(adapter: PostgresAdapter, limits: ReadContext, *conditions: Condition) -> Iterator[Any]:
    """A read of which the first batch has come."""
    batches = adapter.read(adapter.splits(replace(SCAN, conditions=conditions))[0], limits)
    next(batches)
    return batches


@contextmanager
def frozen(server: PostgresServer) -> Iterator[None]:
    server.pause()
    try:
        yield
    finally:
        server.resume()


# ----------------------------------------------------------------------------------------------- a server that fails


def test_killed_in_mid_stream_is_lost_and_the_next_read_works(big: Ward, every_row: tuple[Condition, ...]) -> None:
    batches = begun(big.adapter, context(batch_rows=100), *every_row)
    big.server.kill()
    try:
        error = failing(lambda: list(batches), 5)
        assert (error.code, error.transient) == ("S102", True)
        error = failing(lambda: one_row(big.adapter), 5)
        assert (error.code, error.transient) == ("S101", True)
    finally:
        big.server.restart()
    assert one_row(big.adapter) == [{"n": 7}]


def test_restarted_between_two_reads_is_not_noticed(big: Ward) -> None:
    with closing(opened(big.server, big.schema)) as adapter:
        held = [begun(adapter, context(batch_rows=100)) for _ in range(3)]
        for batches in held:
            assert list(batches)
        big.server.restart()
        for _ in range(4):
            assert one_row(adapter) == [{"n": 7}]


def test_a_session_that_an_administrator_ends_is_lost(big: Ward, every_row: tuple[Condition, ...]) -> None:
    batches = begun(big.adapter, context(batch_rows=100), *every_row)
    with big.server.connect() as owner:
        ended = owner.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'hospital-gateway'")
        assert ended.fetchall()
    error = failing(lambda: list(batches), 5)
    assert (error.code, error.transient) == ("S102", True)
    assert one_row(big.adapter) == [{"n": 7}]


def test_frozen_in_mid_stream_ends_at_the_deadline(big: Ward, every_row: tuple[Condition, ...]) -> None:
    limits = context(2, batch_rows=100)
    batches = begun(big.adapter, limits, *every_row)
    with frozen(big.server):
        error = failing(lambda: list(batches), 3)
    assert (error.code, error.transient) == ("S103", True)
    assert time.monotonic() < limits.deadline + 1
    assert one_row(big.adapter) == [{"n": 7}]


def test_frozen_before_the_read_ends_at_the_deadline(big: Ward) -> None:
    """In a session that was kept, in a new one, and when the catalog must be asked."""
    assert one_row(big.adapter) == [{"n": 7}]
    with frozen(big.server), closing(opened(big.server, big.schema)) as fresh:
        for adapter in (big.adapter, fresh):
            error = failing(lambda adapter=adapter: read_all(adapter, ONE, context(0.5)), 1.5)  # type: ignore[misc]
            assert (error.code, error.transient) == ("S103", True)
    assert one_row(big.adapter) == [{"n": 7}]


def test_cancelled_while_the_server_is_frozen_ends_within_a_second(big: Ward, every_row: tuple[Condition, ...]) -> None:
    limits = context(30, batch_rows=100)
    batches = begun(big.adapter, limits, *every_row)
    with frozen(big.server):
        threading.Timer(0.3, limits.cancelled.set).start()
        error = failing(lambda: list(batches), 1.3)
    assert error.code == "S104"
    assert one_row(big.adapter) == [{"n": 7}]


@pytest.mark.parametrize("end", ["cancel", "deadline", "leave"])
def test_a_query_that_nobody_wants_any_more_is_stopped_in_the_server(end: str, big: Ward, every_row: tuple[Condition, ...]) -> None:
    big.run(
        "CREATE FUNCTION slow(n int) RETURNS int LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.01); RETURN n; END'",
        "CREATE VIEW trickle AS SELECT slow(n) AS n FROM big",
    )
    trickle = Scan(relation=TableRelation(table=declared("trickle", n="integer")), columns=("n",), conditions=every_row)
    limits = context(0.8 if end == "deadline" else 30)
    if end == "cancel":
        threading.Timer(0.5, limits.cancelled.set).start()
    if end == "leave":
        begun(big.adapter, context(batch_rows=100)).close()  # type: ignore[attr-defined]  # an adapter's read is a generator
    else:
        assert failing(lambda: read_all(big.adapter, trickle, limits), 2).code == {"cancel": "S104", "deadline": "S103"}[end]
    with big.server.connect() as owner:
        until = time.monotonic() + 2
        running = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'hospital-gateway' AND state = 'active'"
        while owner.execute(running).fetchone() != (0,):
            assert time.monotonic() < until, "the query goes on"
            time.sleep(0.05)


def test_the_server_is_told_a_limit_beyond_the_deadline(big: Ward) -> None:
    big.run(
        "CREATE VIEW told AS SELECT current_setting('statement_timeout') AS timeout, current_setting('transaction_read_only') AS reading"
    )
    scan = Scan(relation=TableRelation(table=declared("told", timeout="text", reading="text")), columns=("timeout", "reading"))
    assert rows_of(read_all(big.adapter, scan, context(20))) == [{"timeout": "32s", "reading": "on"}]
    assert rows_of(read_all(big.adapter, scan, context(100))) == [{"timeout": "128s", "reading": "on"}]


def test_no_more_sessions_than_slots(big: Ward) -> None:
    with closing(opened(big.server, big.schema, slots=2)) as adapter:
        first, second = (begun(adapter, context(batch_rows=100)) for _ in range(2))
        assert failing(lambda: read_all(adapter, ONE, context(0.3)), 1).code == "S103"
        threading.Timer(0.3, first.close).start()  # type: ignore[attr-defined]
        assert one_row(adapter) == [{"n": 7}]
        second.close()  # type: ignore[attr-defined]


def test_a_session_is_not_kept_for_ever_with_statements_that_nobody_needs(big: Ward, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adapters.postgres.connection._MOST_PREPARED", 3)
    big.run("CREATE VIEW told AS SELECT n, pg_backend_pid() AS session, (SELECT count(*) FROM pg_prepared_statements) AS kept FROM big")
    found = []
    for limit in (1, 2, 3, 4) * 3:
        table = declared("told", n="integer", session="integer", kept="integer")
        scan = Scan(
            relation=TableRelation(table=table), columns=("session", "kept"), conditions=(Test(Term("n"), ValueSet.of(limit)),), limit=limit
        )
        for _ in range(3):
            found += rows_of(read_all(big.adapter, scan))
    assert max(row["kept"] for row in found) <= 3
    assert len({row["session"] for row in found}) > 1


def test_explain_writes_the_usual_types_until_the_database_was_asked(big: Ward) -> None:
    big.run("CREATE TABLE padded (x char(4))", "INSERT INTO padded VALUES ('ab')")
    wanted = Test(Term("x"), ValueSet.of("ab"))
    scan = Scan(relation=TableRelation(table=declared("padded", x="text")), columns=("x",), conditions=(wanted,))
    assert big.adapter.explain(scan).endswith("""WHERE "t"."x" = CAST($1 AS TEXT) [$1 = 'ab']""")
    assert rows_of(read_all(big.adapter, scan)) == [{"x": "ab"}]
    assert """"t"."x" = CAST($1 AS BPCHAR) AND""" in big.adapter.explain(scan)


def test_a_type_that_changed_while_the_gateway_ran_is_named_and_then_read(big: Ward) -> None:
    assert one_row(big.adapter) == [{"n": 7}]
    big.run("ALTER TABLE big ALTER COLUMN n TYPE bigint")
    assert one_row(big.adapter) == [{"n": 7}]  # wider, and still an integer
    big.run("ALTER TABLE big ALTER COLUMN n TYPE text")
    for _ in range(2):
        error = failing(lambda: one_row(big.adapter), 3)
        assert (error.code, "table big, column n" in error.fact, "text" in error.hint) == ("S120", True, True)
    big.run("ALTER TABLE big ALTER COLUMN n TYPE int USING n::int")
    assert one_row(big.adapter) == [{"n": 7}]


@pytest.mark.parametrize(
    ("name", "type", "value"),
    [
        ("number", "real", "1"),
        ("number", "date", "'2024-01-01'"),
        ("number", "text", "'four'"),
        ("number", "int[]", "'{1}'"),
        ("list", "int", "0"),
        ("list", "text", "''"),
        ("list", "real[]", "'{1}'"),
        ("pair", "int[]", "'{1,2}'"),
        ("pair", "bigint", "2"),
    ],
)
def test_a_column_of_another_type_is_never_read_as_the_old_one(
    name: str, type: str, value: str, ward: Ward, every_row: tuple[Condition, ...]
) -> None:
    """Also where the new values look like old ones: COPY itself tells no types, and a 0 could be a list of nothing."""
    ward.run(
        "CREATE TYPE twin AS (a int, b int)",
        "CREATE TABLE kept (n int, number int, list int[], pair twin)",
        "INSERT INTO kept SELECT n, n, ARRAY[n], ROW(n, n)::twin FROM generate_series(1, 20) AS n",
    )
    table = declared("kept", n="integer", number="integer", list="list(integer)", pair="struct(a integer, b integer)")
    assert ward.read(table, *every_row)[0] == {"n": 1, "number": 1, "list": [1], "pair": {"a": 1, "b": 1}}
    ward.run(f"ALTER TABLE kept ALTER {name} TYPE {type} USING {value}")
    error = failing(lambda: ward.read(table, *every_row), 3)
    assert (error.code, f"table kept, column {name} is not" in error.fact) == ("S120", True)


def test_a_column_that_went_while_the_gateway_ran_is_named(big: Ward) -> None:
    assert one_row(big.adapter) == [{"n": 7}]
    big.run("ALTER TABLE big RENAME n TO number")
    error = failing(lambda: one_row(big.adapter), 3)
    assert (error.code, "table big has no column n " in error.fact) == ("S120", True)
    big.run("ALTER TABLE big RENAME TO huge")
    error = failing(lambda: one_row(big.adapter), 3)
    assert (error.code, "no table big " in error.fact) == ("S120", True)


def test_a_failure_of_the_database_tells_its_state_and_no_value(big: Ward, every_row: tuple[Condition, ...]) -> None:
    big.run("CREATE VIEW broken AS SELECT n / (n - 7) AS n FROM big")
    scan = Scan(relation=TableRelation(table=declared("broken", n="integer")), columns=("n",), conditions=every_row)
    error = failing(lambda: read_all(big.adapter, scan), 5)
    assert (error.code, error.fact) == ("S105", "the database answered with an error (SQLSTATE 22012)")


def test_a_failure_far_down_leaves_the_session_to_the_next_read(big: Ward, every_row: tuple[Condition, ...]) -> None:
    """The rows before it have come; what the database says afterwards is still an error, and the session is whole."""
    big.run("CREATE VIEW breaks AS SELECT n, n / (n - 30000) AS part, pg_backend_pid() AS session FROM big")
    scan = Scan(
        relation=TableRelation(table=declared("breaks", n="integer", part="integer", session="integer")), columns=("part", "session")
    )
    batches = big.adapter.read(big.adapter.splits(replace(scan, conditions=every_row))[0], context(batch_rows=100))
    session = next(iter(batches)).column("session")[0].as_py()
    with pytest.raises(SourceError) as caught:
        list(batches)
    assert (caught.value.code, "22012" in caught.value.fact) == ("S105", True)
    again = replace(scan, conditions=(Test(Term("n"), ValueSet.of(7)),))
    assert rows_of(read_all(big.adapter, again)) == [{"part": 0, "session": session}]


def test_a_value_far_down_that_cannot_be_read_names_its_column(big: Ward, every_row: tuple[Condition, ...]) -> None:
    big.run("ALTER TABLE big ADD day date", "UPDATE big SET day = CASE n WHEN 30000 THEN 'infinity'::date ELSE '2024-01-01' END")
    scan = Scan(
        relation=TableRelation(table=declared("big", n="integer", filler="text", day="date")),
        columns=("n", "filler", "day"),
        conditions=every_row,
    )
    error = failing(lambda: read_all(big.adapter, scan, context(batch_rows=100)), 5)
    assert (error.code, "table big, column day" in error.fact) == ("S121", True)
    assert one_row(big.adapter) == [{"n": 7}]


def test_what_is_known_of_a_table_is_doubted_after_a_while(big: Ward, monkeypatch: pytest.MonkeyPatch) -> None:
    big.run("CREATE COLLATION loose (provider = icu, locale = 'und-u-ks-level1', deterministic = false)")
    big.run("CREATE TABLE name (x text)", "INSERT INTO name VALUES ('smith'), ('SMITH')")
    scan = Scan(
        relation=TableRelation(table=declared("name", x="text")), columns=("x",), conditions=(Test(Term("x"), ValueSet.of("smith")),)
    )
    assert len(read_all(big.adapter, scan)[0]) == 1
    big.run("ALTER TABLE name ALTER x TYPE text COLLATE loose")
    monkeypatch.setattr("adapters.postgres.adapter._BELIEF", 0)
    assert rows_of(read_all(big.adapter, scan)) == [{"x": "smith"}]
