"""The server killed, frozen, restarted, deaf and refusing: a clear error within its time, and the next query works with no restart of ours."""

from __future__ import annotations

import random
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from threading import Thread, Timer
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from adapters.interface import ReadContext, Scan, SourceError
from adapters.sqlserver import SqlServerAdapter, open_source
from adapters.testing.conformance import read_all, rows_of
from adapters.testing.sample import arrow_table, sample_table
from catalog.conditions import Term, Test
from catalog.relations import TableRelation
from catalog.values import ValueSet
from tests.integration.sqlserver.sources import open_over, source_of
from tests.servers.process import free_port

if TYPE_CHECKING:
    from tests.servers.tds import TdsServer

ROWS = 30_000
TABLE, _ = sample_table(["text"])
SCAN = Scan(relation=TableRelation(table=TABLE), columns=("id", "text_column"))
LOOKUP = Scan(relation=SCAN.relation, columns=("id",), conditions=(Test(Term("id"), ValueSet.of(7)),))


def many_rows() -> pa.Table:
    return arrow_table(TABLE, [list(range(ROWS)), [f"name of patient {number}" for number in range(ROWS)]])


def soon(seconds: float = 20) -> ReadContext:
    return ReadContext(deadline=time.monotonic() + seconds, batch_rows=500)


@pytest.fixture(scope="module")
def database(tds_server: TdsServer) -> str:
    adapter = open_over(tds_server, {"sample": (TABLE, many_rows())})
    adapter.close()
    return adapter.database


@pytest.fixture
def adapter(tds_server: TdsServer, database: str) -> Iterator[SqlServerAdapter]:
    with healthy(tds_server), opened(tds_server, database) as found:
        yield found


@contextmanager
def healthy(server: TdsServer) -> Iterator[None]:
    try:
        yield
    finally:
        server.resume()
        server.fault(clear=True)


@contextmanager
def opened(server: TdsServer, database: str, **options: Any) -> Iterator[SqlServerAdapter]:
    found = open_source(source_of(server, database, {"sample": TABLE}, **options))
    try:
        yield found
    finally:
        found.close()


def error_of(run: Any) -> SourceError:
    """What is raised, which holds nothing of the rows and nothing of the driver's."""
    with pytest.raises(SourceError) as caught:
        run()
    error = caught.value
    assert error.__context__ is None or isinstance(error.__context__, SourceError)
    for word in ("name of patient", "FreeTDS", "SQL Server]", "p w'd"):
        assert word not in error.fact + error.hint
    return error


def ids(adapter: SqlServerAdapter, scan: Scan = LOOKUP) -> list[int]:
    return [row["id"] for row in rows_of(read_all(adapter, scan, soon()))]


def ids_after_a_retry(adapter: SqlServerAdapter) -> list[int]:
    """As the runtime does it: a transient fault before the first row is tried again, once."""
    try:
        return ids(adapter)
    except SourceError as error:
        if not error.transient:
            raise
        return ids(adapter)


# ------------------------------------------------------------------------------------------------- in the middle of a read


def test_a_server_killed_while_it_is_read_loses_the_read_and_not_the_source(tds_server: TdsServer, adapter: SqlServerAdapter) -> None:
    tds_server.fault(row_delay=0.002)
    batches = adapter.read(adapter.splits(SCAN)[0], soon())
    next(batches)
    tds_server.kill()
    try:
        error = error_of(lambda: list(batches))
        assert (error.code, error.transient) == ("S102", True)
    finally:
        tds_server.process.start()
    assert ids_after_a_retry(adapter) == [7]


@pytest.mark.parametrize("resets", [False, True])
def test_a_connection_that_ends_in_the_middle_of_a_row_is_lost(tds_server: TdsServer, adapter: SqlServerAdapter, resets: bool) -> None:
    for rows_before in (0, 10, 3_000):
        tds_server.fault(drop_mid_row=rows_before, resets=resets)
        assert error_of(lambda: read_all(adapter, SCAN, soon())).code == "S102"
        tds_server.fault(clear=True)
        assert ids_after_a_retry(adapter) == [7]


def test_an_error_of_the_server_after_some_rows_is_told_by_its_number(tds_server: TdsServer, adapter: SqlServerAdapter) -> None:
    """Also in the middle of a block, of which the driver gives the rows and says "success"."""
    for rows_before in (0, 10, 64, 300, 564, 2_000):
        tds_server.fault(error_after_rows=rows_before)
        error = error_of(lambda: read_all(adapter, SCAN, soon()))
        assert (error.code, error.transient, "8115" in error.fact) == ("S105", False, True)
        tds_server.fault(clear=True)
        assert ids(adapter) == [7]


# --------------------------------------------------------------------------------------------------------- frozen and deaf


@pytest.mark.parametrize("begun", [False, True])
def test_a_frozen_server_is_left_at_the_deadline(tds_server: TdsServer, adapter: SqlServerAdapter, begun: bool) -> None:
    ids(adapter)  # a connection waits in the pool
    tds_server.fault(row_delay=0.002)
    context = soon(1.5)
    batches = adapter.read(adapter.splits(SCAN)[0], context)
    if begun:
        next(batches)
    tds_server.pause()
    error = error_of(lambda: list(batches))
    late = time.monotonic() - context.deadline
    assert (error.code, error.transient) == ("S103", True)
    assert -0.1 < late < 1
    tds_server.resume()
    tds_server.fault(clear=True)
    assert ids_after_a_retry(adapter) == [7]


def test_a_read_of_a_frozen_server_can_be_cancelled(tds_server: TdsServer, adapter: SqlServerAdapter) -> None:
    ids(adapter)
    tds_server.pause()
    context = soon()
    Timer(0.3, context.cancelled.set).start()
    begun = time.monotonic()
    assert error_of(lambda: read_all(adapter, LOOKUP, context)).code == "S104"
    assert time.monotonic() - begun < 1.3


@pytest.mark.parametrize("deaf", [False, True])
def test_a_slow_statement_is_cancelled_even_if_the_server_does_not_hear(
    tds_server: TdsServer, adapter: SqlServerAdapter, deaf: bool
) -> None:
    ids(adapter)
    tds_server.fault(delay=4, deaf_to_attention=deaf)
    context = soon()
    Timer(0.3, context.cancelled.set).start()
    begun = time.monotonic()
    assert error_of(lambda: read_all(adapter, LOOKUP, context)).code == "S104"
    assert time.monotonic() - begun < 1.3
    tds_server.fault(clear=True)
    assert ids(adapter) == [7]


def test_a_read_may_be_cancelled_at_any_moment(adapter: SqlServerAdapter) -> None:
    """Also while its connection is being made, or its cursor closed: a cancel that met a freed handle would end the process."""
    chance = random.Random(8)
    for _ in range(40):
        context = soon()
        Timer(chance.uniform(0, 0.06), context.cancelled.set).start()
        try:
            for _ in range(5):
                read_all(adapter, SCAN, context)
        except SourceError as error:
            assert error.code == "S104"  # noqa: PT017  some are done before they are cancelled
    assert ids(adapter) == [7]


def test_connections_that_hang_are_left_behind_and_there_are_not_too_many(tds_server: TdsServer, database: str) -> None:
    with healthy(tds_server), opened(tds_server, database, slots=1) as adapter:
        ids(adapter)
        tds_server.pause()
        codes = [error_of(lambda: read_all(adapter, LOOKUP, soon(0.2))).code for _ in range(4)]
        assert codes == ["S103", "S103", "S101", "S101"]  # two for each slot; then it says at once that the source hangs
        tds_server.resume()
        until = time.monotonic() + 10
        while adapter.left_behind and time.monotonic() < until:
            time.sleep(0.1)
        assert adapter.left_behind == 0
        assert ids_after_a_retry(adapter) == [7]


# ------------------------------------------------------------------------------------------------------- between two reads


def test_a_restart_between_two_reads_costs_one_retry_at_most(tds_server: TdsServer, adapter: SqlServerAdapter) -> None:
    assert ids(adapter) == [7]
    tds_server.restart()
    assert ids_after_a_retry(adapter) == [7]


def test_a_server_that_is_not_there_cannot_be_reached(tds_server: TdsServer) -> None:
    source = source_of(tds_server)
    adapter = open_source(replace(source, url=f"sqlserver://127.0.0.1:{free_port()}/x"))
    error = error_of(lambda: adapter.ping(soon()))
    assert (error.code, error.transient) == ("S101", True)
    adapter.close()


def test_a_port_that_takes_connections_and_never_answers_is_given_up_in_time(tds_server: TdsServer) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        source = source_of(tds_server, connect_timeout=1)
        adapter = open_source(replace(source, url=f"sqlserver://127.0.0.1:{listener.getsockname()[1]}/x"))
        begun = time.monotonic()
        assert error_of(lambda: adapter.ping(soon())).code == "S101"
        assert time.monotonic() - begun < 2.5
        adapter.close()


# ------------------------------------------------------------------------------------------------- accounts and certificates


def test_a_wrong_password_is_told_so(tds_server: TdsServer, database: str) -> None:
    with opened(tds_server, database, password="not the password") as adapter:
        error = error_of(lambda: adapter.ping(soon()))
        assert (error.code, error.transient) == ("S106", False)


def test_a_database_that_is_not_there_is_told_so(tds_server: TdsServer) -> None:
    with opened(tds_server, "no_such_database") as adapter:
        assert error_of(lambda: adapter.ping(soon())).code == "S106"


def test_a_table_that_the_account_may_not_read_is_named(tds_server: TdsServer, database: str, adapter: SqlServerAdapter) -> None:
    tds_server.deny(f"{database}.dbo.sample")
    try:
        error = error_of(lambda: read_all(adapter, SCAN, soon()))
        assert (error.code, error.fact) == ("S108", "the account may not read table sample")
    finally:
        tds_server.deny(f"{database}.dbo.sample", False)


def test_certificates_are_checked_only_and_always_under_verify(tds_server: TdsServer, database: str) -> None:
    certificates = tds_server.certificates
    good: list[dict[str, Any]] = [{"tls": "require"}, {"tls": "verify", "tls_ca": str(certificates.authority)}]
    for options in good:
        with opened(tds_server, database, **options) as adapter:
            assert ids(adapter) == [7]
    bad: list[dict[str, Any]] = [{"tls": "verify", "tls_ca": str(certificates.stranger)}, {"tls": "verify"}]
    for options in bad:
        with opened(tds_server, database, **options) as adapter:
            error = error_of(lambda: adapter.ping(soon()))
            assert (error.code, error.transient, "trusted authority" in error.fact) == ("S107", False, True)


def test_a_certificate_for_another_name_is_refused(tds_server: TdsServer, database: str) -> None:
    """The certificate names 127.0.0.1, and not localhost."""
    source = source_of(tds_server, database, tls="verify", tls_ca=str(tds_server.certificates.authority))
    adapter = open_source(replace(source, url=f"sqlserver://localhost:{tds_server.port}/{database}"))
    error = error_of(lambda: adapter.ping(soon()))
    assert (error.code, "another host" in error.fact) == ("S107", True)
    adapter.close()


@pytest.mark.parametrize("tls", ["off", "require", "verify"])
def test_a_server_that_ends_the_connection_before_the_login_is_tried_again(tls: str) -> None:
    """It may be starting: what looks like a handshake that failed is none."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()

        def close_each() -> None:
            with suppress(OSError):
                while True:
                    listener.accept()[0].close()

        thread = Thread(target=close_each, daemon=True)
        thread.start()
        adapter = open_source(source_of(_Server(listener.getsockname()[1]), tls=tls))  # type: ignore[arg-type]
        error = error_of(lambda: adapter.ping(soon()))
        adapter.close()
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(5)
    assert (error.code, error.transient) == ("S101" if tls == "off" else "S102", True)


def test_a_server_without_tls_is_not_believed_to_have_it() -> None:
    """Whoever stands between could take TLS away: require and verify fail where the server has none."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        # A PRELOGIN answer of a server that has no encryption (02).
        options = bytes([0, 0, 11, 0, 6, 1, 0, 17, 0, 1, 255]) + bytes([16, 0, 0, 0, 0, 0]) + bytes([2])
        packet = bytes([4, 1]) + (8 + len(options)).to_bytes(2, "big") + bytes(4) + options

        def answer() -> None:
            while True:
                try:
                    client, _ = listener.accept()
                except OSError:
                    return
                with client:
                    client.recv(4096)
                    client.sendall(packet)
                    rest = client.recv(4096)
                    seen.append(rest)

        seen: list[bytes] = []
        codes: list[str] = []
        thread = Thread(target=answer, daemon=True)
        thread.start()
        port = listener.getsockname()[1]
        for mode in ("require", "verify"):
            source = source_of(_Server(port), tls=mode)  # type: ignore[arg-type]
            adapter = open_source(source)
            codes.append(error_of(partial(adapter.ping, soon(5))).code)
            adapter.close()
        listener.shutdown(socket.SHUT_RDWR)  # wakes the thread
        thread.join(5)
    assert codes == ["S107", "S107"]
    assert len(seen) >= 2
    assert not any(b"g\0a\0t\0e\0w\0a\0y" in rest for rest in seen)  # no login was sent


class _Server:
    """As much of a server as an address needs."""

    host, database, user, password = "127.0.0.1", "x", "gateway", "secret"

    def __init__(self, port: int) -> None:
        self.port = port
