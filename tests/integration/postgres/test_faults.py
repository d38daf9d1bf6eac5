"""What goes wrong with the database is told in time, in our words, and the next read works with no restart."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from psycopg import sql

from adapters.interface import ReadContext, Scan, SourceError
from adapters.postgres import PostgresAdapter
from adapters.testing.conformance import read_all, rows_of
from catalog.conditions import Term, Test
from catalog.relations import TableRelation
from catalog.values import ValueSet
from tests.integration.postgres.conftest import Ward, declared
from tests.integration.postgres.tables import opened
from tests.servers.certificates import SERVER_NAME
from tests.servers.postgres import start

if TYPE_CHECKING:
    from tests.servers.postgres import PostgresServer

BIG = declared("big", n="integer", filler="text")
SCAN = Scan(relation=TableRelation(table=BIG), columns=("n", "filler"))
ONE = Scan(relation=TableRelation(table=BIG), columns=("n",), conditions=(Test(Term("n"), ValueSet.of(7)),))


@pytest.fixture
def big(ward: Ward) -> Ward:
    """40,000 rows of a kilobyte: more than the sockets between hold."""
    ward.run("CREATE TABLE big AS SELECT i AS n, repeat(chr(65 + i % 26), 1000) AS filler FROM generate_series(1, 40000) AS i")
    return ward


def context(seconds: float = 20, **limits: Any) -> ReadContext:
    return ReadContext(deadline=time.monotonic() + seconds, **limits)


def one_row(adapter: PostgresAdapter) -> list[dict[str, Any]]:
    return rows_of(read_all(adapter, ONE, context()))


def begun(adapter: PostgresAdapter, limits: ReadContext) -> Iterator[Any]:
    """A read of which the first batch has come."""
    batches = adapter.read(adapter.splits(SCAN)[0], limits)
    next(batches)
    return batches


def failing(run: Callable[[], object], within: float) -> SourceError:
    """The error, which must come within so many seconds."""
    started = time.monotonic()
    with pytest.raises(SourceError) as caught:
        run()
    assert time.monotonic() - started < within
    return caught.value


@contextmanager
def frozen(server: PostgresServer) -> Iterator[None]:
    server.pause()
    try:
        yield
    finally:
        server.resume()


# ----------------------------------------------------------------------------------------------- a server that fails


def test_killed_in_mid_stream_is_lost_and_the_next_read_works(big: Ward) -> None:
    batches = begun(big.adapter, context(batch_rows=100))
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


def test_a_session_that_an_administrator_ends_is_lost(big: Ward) -> None:
    batches = begun(big.adapter, context(batch_rows=100))
    with big.server.connect() as owner:
        ended = owner.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'hospital-gateway'")
        assert ended.fetchall()
    error = failing(lambda: list(batches), 5)
    assert (error.code, error.transient) == ("S102", True)
    assert one_row(big.adapter) == [{"n": 7}]


def test_frozen_in_mid_stream_ends_at_the_deadline(big: Ward) -> None:
    limits = context(2, batch_rows=100)
    batches = begun(big.adapter, limits)
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


def test_cancelled_while_the_server_is_frozen_ends_within_a_second(big: Ward) -> None:
    limits = context(30, batch_rows=100)
    batches = begun(big.adapter, limits)
    with frozen(big.server):
        threading.Timer(0.3, limits.cancelled.set).start()
        error = failing(lambda: list(batches), 1.3)
    assert error.code == "S104"
    assert one_row(big.adapter) == [{"n": 7}]


@pytest.mark.parametrize("end", ["cancel", "deadline", "leave"])
def test_a_query_that_nobody_wants_any_more_is_stopped_in_the_server(end: str, big: Ward) -> None:
    big.run(
        "CREATE FUNCTION slow(n int) RETURNS int LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.01); RETURN n; END'",
        "CREATE VIEW trickle AS SELECT slow(n) AS n FROM big",
    )
    trickle = Scan(relation=TableRelation(table=declared("trickle", n="integer")), columns=("n",))
    limits = context(0.8 if end == "deadline" else 30, batch_rows=1)
    reading = big.adapter.read(big.adapter.splits(trickle)[0], limits)
    if end == "cancel":
        threading.Timer(0.5, limits.cancelled.set).start()
    if end == "leave":
        threading.Timer(0.5, limits.cancelled.set)
        with closing(big.adapter.read(big.adapter.splits(SCAN)[0], context(batch_rows=10))) as left:  # type: ignore[type-var]
            next(left)
    else:
        assert failing(lambda: list(reading), 2).code == {"cancel": "S104", "deadline": "S103"}[end]
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


# ------------------------------------------------------------------------------------------- accounts, TLS, addresses


def refused(server: PostgresServer, schema: str = "public", url: str = "", **options: object) -> SourceError:
    with closing(opened(server, schema, url, **options)) as adapter:
        error = failing(lambda: adapter.ping(context(5)), 3)
    assert server.password not in error.fact + error.hint
    return error


def test_a_wrong_password_is_a_refused_account(postgres_server: PostgresServer) -> None:
    for options in ({"password": "wrong"}, {"user": "nobody"}):
        error = refused(postgres_server, **options)
        assert (error.code, error.transient) == ("S106", False)


def test_an_account_that_may_not_log_in_or_connect_is_refused(ward: Ward) -> None:
    with lesser_account(ward, "NOLOGIN"):
        assert refused(ward.server, user="lesser", password="lesser").code == "S106"


def test_what_the_account_may_not_read_is_told(big: Ward) -> None:
    with lesser_account(big, "LOGIN"), closing(opened(big.server, big.schema, user="lesser", password="lesser")) as adapter:
        error = failing(lambda: one_row(adapter), 3)
        assert (error.code, error.transient) == ("S108", False)
        with big.server.connect() as owner:
            owner.execute(sql.SQL("GRANT USAGE ON SCHEMA {} TO lesser").format(sql.Identifier(big.schema)))
        assert failing(lambda: one_row(adapter), 3).code == "S108"
        assert "big" not in adapter.describe()
        with big.server.connect() as owner:
            owner.execute(sql.SQL("GRANT SELECT ON {} TO lesser").format(sql.Identifier(big.schema, "big")))
        assert one_row(adapter) == [{"n": 7}]
        assert "big" in adapter.describe()


@contextmanager
def lesser_account(ward: Ward, rights: str) -> Iterator[None]:
    with ward.server.connect() as owner:
        owner.execute(f"CREATE ROLE lesser {rights} PASSWORD 'lesser'")
    try:
        yield
    finally:
        with ward.server.connect() as owner:
            owner.execute("DROP OWNED BY lesser")
            owner.execute("DROP ROLE lesser")


def test_a_certificate_of_another_authority_is_not_trusted(postgres_server: PostgresServer) -> None:
    error = refused(postgres_server, tls_ca=str(postgres_server.certificates.stranger))
    assert (error.code, error.transient) == ("S107", False)


def test_a_certificate_of_another_name_is_not_trusted(postgres_server: PostgresServer) -> None:
    assert refused(postgres_server, tls_server_name="elsewhere.hospital.test").code == "S107"
    with closing(opened(postgres_server, tls_server_name=SERVER_NAME)) as adapter:
        adapter.ping(context())


def test_without_tls_ca_the_system_says_whom_to_trust(postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch) -> None:
    assert refused(postgres_server, tls_ca=None).code == "S107"
    monkeypatch.setenv("SSL_CERT_FILE", str(postgres_server.certificates.authority))
    with closing(opened(postgres_server, tls_ca=None)) as adapter:
        adapter.ping(context())


@pytest.mark.parametrize(("tls", "encrypted"), [("verify", True), ("require", True), ("off", False)])
def test_tls_is_what_was_asked_for(tls: str, encrypted: bool, ward: Ward) -> None:
    ward.run("CREATE VIEW told AS SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
    certificate = {"tls_ca": str(ward.server.certificates.authority)} if tls == "verify" else {}
    with closing(opened(ward.server, ward.schema, tls=tls, **{"tls_ca": None, **certificate})) as adapter:
        scan = Scan(relation=TableRelation(table=declared("told", ssl="boolean")), columns=("ssl",))
        assert rows_of(read_all(adapter, scan)) == [{"ssl": encrypted}]


def test_a_server_without_tls_is_refused_unless_tls_is_off(tmp_path: Path) -> None:
    server = start(tmp_path, ssl="off")
    try:
        assert refused(server).code == "S107"
        with closing(opened(server, tls="off", tls_ca=None)) as adapter:
            adapter.ping(context())
    finally:
        server.stop()


def test_a_file_that_is_no_certificate_is_misconfigured(postgres_server: PostgresServer, tmp_path: Path) -> None:
    (tmp_path / "text.pem").write_text("no certificate")
    for file in ("text.pem", "none.pem"):
        assert refused(postgres_server, tls_ca=str(tmp_path / file)).code == "S110"


def test_a_database_that_is_not_there_is_misconfigured(postgres_server: PostgresServer) -> None:
    error = refused(postgres_server, url=f"postgresql://{postgres_server.host}:{postgres_server.port}/nowhere")
    assert (error.code, error.transient) == ("S110", False)


def test_nobody_listens(postgres_server: PostgresServer) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        error = refused(postgres_server, url=f"postgresql://127.0.0.1:{taken.getsockname()[1]}/hospital")
    assert (error.code, error.transient) == ("S101", True)


def test_a_host_that_accepts_and_says_nothing_is_given_up(postgres_server: PostgresServer) -> None:
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen()
        error = refused(postgres_server, url=f"postgresql://127.0.0.1:{deaf.getsockname()[1]}/hospital", connect_timeout=0.5)
    assert (error.code, error.transient) == ("S101", True)


def test_an_unknown_host_is_unreachable(postgres_server: PostgresServer) -> None:
    assert refused(postgres_server, url="postgresql://no-such-host.invalid/hospital").code == "S101"


def test_variables_of_the_environment_say_nothing(postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch) -> None:
    told = {
        "PGSSLMODE": "disable",
        "PGHOST": "elsewhere",
        "PGOPTIONS": "-c search_path=x",
        "PGTARGETSESSIONATTRS": "standby",
        "PGPASSWORD": "x",
    }
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    with closing(opened(postgres_server)) as adapter:
        adapter.ping(context())
    assert refused(postgres_server, password="wrong").code == "S106"


def test_files_in_the_home_of_the_account_say_nothing(
    postgres_server: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With sslmode=require libpq would check the certificate by the first file, and take the password from the second."""
    (tmp_path / ".postgresql").mkdir()
    (tmp_path / ".postgresql" / "root.crt").write_bytes(postgres_server.certificates.stranger.read_bytes())
    passwords = tmp_path / ".pgpass"
    passwords.touch(mode=0o600)
    passwords.write_text(f"*:*:*:*:{postgres_server.password}".replace("\\", "\\\\"))
    monkeypatch.setenv("HOME", str(tmp_path))
    with closing(opened(postgres_server, tls="require", tls_ca=None)) as adapter:
        adapter.ping(context())
    assert refused(postgres_server, password=None).code == "S106"


# -------------------------------------------------------------------------------------------------------------- drift


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


def test_a_column_that_went_while_the_gateway_ran_is_named(big: Ward) -> None:
    assert one_row(big.adapter) == [{"n": 7}]
    big.run("ALTER TABLE big RENAME n TO number")
    error = failing(lambda: one_row(big.adapter), 3)
    assert (error.code, "table big has no column n " in error.fact) == ("S120", True)
    big.run("ALTER TABLE big RENAME TO huge")
    error = failing(lambda: one_row(big.adapter), 3)
    assert (error.code, "no table big " in error.fact) == ("S120", True)


def test_a_failure_of_the_database_tells_its_state_and_no_value(big: Ward) -> None:
    big.run("CREATE VIEW broken AS SELECT n / (n - 7) AS n FROM big")
    scan = Scan(relation=TableRelation(table=declared("broken", n="integer")), columns=("n",))
    error = failing(lambda: read_all(big.adapter, scan), 5)
    assert (error.code, error.fact) == ("S105", "the database answered with an error (SQLSTATE 22012)")


def test_a_value_far_down_that_cannot_be_read_names_its_column(big: Ward) -> None:
    big.run("ALTER TABLE big ADD day date", "UPDATE big SET day = CASE n WHEN 30000 THEN 'infinity'::date ELSE '2024-01-01' END")
    scan = Scan(relation=TableRelation(table=declared("big", n="integer", filler="text", day="date")), columns=("n", "filler", "day"))
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
