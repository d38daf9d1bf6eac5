"""Each fault of the test server, seen through plain pyodbc: what the adapter's tests rely on."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

import pyodbc
import pytest

from tests.servers.tds import start

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.tds import TdsServer

NUMBERS = "SELECT x FROM dbo.numbers ORDER BY x"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TdsServer]:
    """A server of its own: it is frozen and killed."""
    own = start(tmp_path_factory.mktemp("faults"))
    own.execute_ddl("CREATE TABLE dbo.numbers (x int PRIMARY KEY)")
    own.execute_ddl(f"INSERT INTO dbo.numbers VALUES {', '.join(f'({number})' for number in range(500))}")
    yield own
    own.stop()


@pytest.fixture(autouse=True)
def healthy(server: TdsServer) -> Iterator[None]:
    yield
    server.fault(clear=True)
    server.forget_statements()


@pytest.fixture
def connection(server: TdsServer) -> Iterator[pyodbc.Connection]:
    opened = pyodbc.connect(server.connection_string(), autocommit=True)
    yield opened
    opened.close()


def rows_until_error(connection: pyodbc.Connection, query: str) -> tuple[int, str]:
    """How many rows came, and what ended them."""
    count = 0
    try:
        for _ in connection.execute(query):
            count += 1
    except pyodbc.Error as error:
        return count, str(error)
    return count, ""


def test_without_faults_all_rows_come(connection: pyodbc.Connection) -> None:
    assert rows_until_error(connection, NUMBERS) == (500, "")


def test_a_delay_comes_before_the_answer(server: TdsServer, connection: pyodbc.Connection) -> None:
    server.fault(delay=0.4)
    began = time.monotonic()
    connection.execute("SELECT 1").fetchall()
    assert 0.4 <= time.monotonic() - began < 3


def test_rows_leave_while_later_ones_are_still_to_come(server: TdsServer, connection: pyodbc.Connection) -> None:
    """Rows are streamed: of 5,000 rows that take over 10 s the first packet is here at once."""
    server.fault(row_delay=0.002)
    cursor = connection.cursor()
    cursor.execute("SELECT a.x, REPLICATE('x', 200) FROM dbo.numbers AS a CROSS JOIN dbo.numbers AS b")
    began = time.monotonic()
    assert cursor.fetchone() is not None
    assert time.monotonic() - began < 3
    cursor.cancel()


def test_the_connection_ends_in_the_middle_of_a_row(server: TdsServer, connection: pyodbc.Connection) -> None:
    server.fault(drop_mid_row=3)
    count, error = rows_until_error(connection, NUMBERS)
    assert count <= 3
    assert "Unexpected EOF" in error


def test_the_connection_is_reset_in_the_middle_of_a_row(server: TdsServer, connection: pyodbc.Connection) -> None:
    server.fault(drop_mid_row=3, resets=True)
    count, error = rows_until_error(connection, NUMBERS)
    assert count <= 3
    assert error


def test_an_error_comes_in_place_of_a_row(server: TdsServer, connection: pyodbc.Connection) -> None:
    server.fault(error_after_rows=7)
    count, error = rows_until_error(connection, NUMBERS)
    assert count == 7
    assert "(8115)" in error
    server.fault(clear=True)
    assert rows_until_error(connection, NUMBERS) == (500, ""), "the connection lives on"


def test_a_login_is_refused(server: TdsServer) -> None:
    server.fault(refuse_login=True)
    with pytest.raises(pyodbc.Error, match="18456"):
        pyodbc.connect(server.connection_string())


@pytest.mark.parametrize(
    ("keywords", "number"), [({"PWD": "wrong"}, "18456"), ({"UID": "nobody"}, "18456"), ({"DATABASE": "nowhere"}, "4060")]
)
def test_what_is_wrong_in_the_connection_string_has_its_number(server: TdsServer, keywords: dict[str, str], number: str) -> None:
    with pytest.raises(pyodbc.Error, match=number):
        pyodbc.connect(server.connection_string(**keywords))


def cancelled_after(cursor: pyodbc.Cursor, seconds: float) -> threading.Timer:
    timer = threading.Timer(seconds, cursor.cancel)
    timer.start()
    return timer


def test_attention_ends_a_statement_that_waits(connection: pyodbc.Connection) -> None:
    cursor = connection.cursor()
    timer = cancelled_after(cursor, 0.3)
    began = time.monotonic()
    with pytest.raises(pyodbc.Error, match="HY008"):
        cursor.execute("WAITFOR DELAY '0:0:20'")
    assert time.monotonic() - began < 5
    timer.join()
    assert connection.execute("SELECT 1").fetchval() == 1, "the connection lives on"


def test_attention_ends_a_statement_that_computes(connection: pyodbc.Connection) -> None:
    cursor = connection.cursor()
    timer = cancelled_after(cursor, 0.5)
    began = time.monotonic()
    with pytest.raises(pyodbc.Error, match="HY008"):
        cursor.execute(
            "SELECT SUM(CAST(a.x AS bigint) * b.x % 7 + c.x * d.x % 3) FROM dbo.numbers a, dbo.numbers b, dbo.numbers c, dbo.numbers d"
        )
    assert time.monotonic() - began < 10
    timer.join()
    assert connection.execute("SELECT 1").fetchval() == 1


def test_a_deaf_server_does_not_hear_attention(server: TdsServer) -> None:
    """The driver waits for the acknowledgement for ever, also after the statement's own end: only the end of the connection frees it."""
    server.fault(deaf_to_attention=True)
    connection = pyodbc.connect(server.connection_string(), autocommit=True)
    cursor = connection.cursor()
    errors: list[pyodbc.Error] = []

    def execute() -> None:
        try:
            cursor.execute("WAITFOR DELAY '0:0:1'")
        except pyodbc.Error as error:
            errors.append(error)

    thread = threading.Thread(target=execute, daemon=True)
    thread.start()
    time.sleep(0.2)
    cursor.cancel()
    thread.join(2)
    assert thread.is_alive()
    server.restart()
    thread.join(5)
    assert not thread.is_alive()
    assert errors


def test_a_table_may_not_be_read(server: TdsServer, connection: pyodbc.Connection) -> None:
    server.deny("dbo.numbers")
    with pytest.raises(pyodbc.Error, match=r"\(229\)"):
        connection.execute(NUMBERS)
    server.deny("dbo.numbers", False)
    assert rows_until_error(connection, NUMBERS) == (500, "")


def test_a_frozen_server_answers_when_it_is_resumed(server: TdsServer, connection: pyodbc.Connection) -> None:
    server.pause()
    timer = threading.Timer(0.5, server.resume)
    timer.start()
    began = time.monotonic()
    assert connection.execute("SELECT 1").fetchval() == 1
    assert time.monotonic() - began >= 0.4
    timer.join()


def test_a_killed_server_ends_its_connections_and_keeps_its_data(server: TdsServer, connection: pyodbc.Connection) -> None:
    connection.execute("SELECT 1").fetchall()
    server.restart()
    with pytest.raises(pyodbc.Error):
        connection.execute("SELECT 1").fetchall()
    again = pyodbc.connect(server.connection_string(), autocommit=True)
    assert rows_until_error(again, NUMBERS) == (500, "")
    again.close()


def test_statements_of_clients_are_noted(server: TdsServer, connection: pyodbc.Connection) -> None:
    server.forget_statements()
    connection.execute("SELECT 1 AS [batch]").fetchall()
    connection.execute("SELECT ? AS [prepared]", 5).fetchall()
    sent = server.statements()
    assert sent[0] == "SELECT 1 AS [batch]"
    assert sent[1].startswith("SELECT @P1 AS [prepared]")


def tls_string(server: TdsServer, folder: Path, authority: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """FreeTDS takes the authority from its own file only."""
    file = folder / "freetds.conf"
    file.write_text(
        f"[tested]\nhost = {server.host}\nport = {server.port}\ntds version = 7.4\nencryption = require\nca file = {authority}\n"
        "client charset = UTF-8\ncheck certificate hostname = yes\n"
    )
    monkeypatch.setenv("FREETDSCONF", str(file))
    return f"DRIVER=FreeTDS;SERVERNAME=tested;DATABASE={server.database};UID={server.user};PWD={{{server.password}}};"


def test_the_servers_certificate_is_of_its_authority(server: TdsServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    connection = pyodbc.connect(tls_string(server, tmp_path, server.certificates.authority, monkeypatch))
    assert connection.execute("SELECT 1").fetchval() == 1
    connection.close()


def test_another_authority_did_not_sign_it(server: TdsServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(pyodbc.Error):
        pyodbc.connect(tls_string(server, tmp_path, server.certificates.stranger, monkeypatch))


def seen_on_the_wire(server: TdsServer, **keywords: str) -> bytes:
    """What a client sends that asks `SELECT 'a secret'`, and what it gets, as one who listens in between sees it."""
    seen = bytearray()

    def passed_on(source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                seen.extend(data)
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)

    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            client, _ = listener.accept()
            with client, socket.create_connection((server.host, server.port)) as upstream:
                back = threading.Thread(target=passed_on, args=(upstream, client))
                back.start()
                passed_on(client, upstream)
                back.join()

        thread = threading.Thread(target=serve)
        thread.start()
        connection = pyodbc.connect(server.connection_string(PORT=str(listener.getsockname()[1]), **keywords), autocommit=True)
        assert connection.execute("SELECT 'a secret'").fetchval() == "a secret"
        connection.close()
        thread.join()
    return bytes(seen)


@pytest.mark.parametrize(("keywords", "plain"), [({}, True), ({"Encryption": "require"}, False)])
def test_a_session_is_encrypted_if_the_client_asks_for_it(server: TdsServer, keywords: dict[str, str], plain: bool) -> None:
    seen = seen_on_the_wire(server, **keywords)
    assert ("SELECT".encode("utf-16-le") in seen) is plain
    assert (b"a secret" in seen) is plain
    assert server.password.encode("utf-16-le") not in seen


def test_a_server_that_must_encrypt_makes_every_client_do_so(tmp_path: Path) -> None:
    strict = start(tmp_path, must_encrypt=True)
    try:
        assert "SELECT".encode("utf-16-le") not in seen_on_the_wire(strict)
    finally:
        strict.stop()


def test_two_statements_at_once_do_not_wait_for_each_other(server: TdsServer, connection: pyodbc.Connection) -> None:
    slow = pyodbc.connect(server.connection_string(), autocommit=True)
    thread = threading.Thread(target=slow.execute, args=("WAITFOR DELAY '0:0:1'",))
    thread.start()
    began = time.monotonic()
    connection.execute(NUMBERS).fetchall()
    assert time.monotonic() - began < 0.9
    thread.join()
    slow.close()
