"""A connection whose waits end: with a server that is silent, deaf, gone, slow to be found, or not who it says it is."""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

from adapters.interface import ReadContext, SourceError
from adapters.patient_socket import PatientSocket, connect, http_over, whole_body
from adapters.source_options import Address, Tls
from tests.servers.certificates import SERVER_NAME, Certificates, make_certificates


@contextmanager
def listening(serve: Callable[[socket.socket], None]) -> Iterator[Address]:
    """A server of one connection on loopback."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def run() -> None:
            with suppress(OSError):
                connection, _ = server.accept()
                with connection:
                    serve(connection)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        yield Address("base", "127.0.0.1", server.getsockname()[1], ())
        server.close()
        thread.join(5)


def within(seconds: float = 5.0) -> ReadContext:
    return ReadContext(deadline=time.monotonic() + seconds)


def code_of(run: Callable[[], object]) -> str:
    with pytest.raises(SourceError) as caught:
        run()
    return caught.value.code


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("certificates"))


def under_tls(certificates: Certificates) -> Callable[[socket.socket], None]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.certificate, certificates.key)

    def serve(connection: socket.socket) -> None:
        with suppress(OSError), context.wrap_socket(connection, server_side=True) as wrapped:
            while data := wrapped.recv(1000):
                wrapped.sendall(data[::-1])

    return serve


def echo(connection: socket.socket) -> None:
    while data := connection.recv(1 << 16):
        connection.sendall(data)


def silent(connection: socket.socket) -> None:
    time.sleep(1.5)


def test_bytes_go_and_come_whole() -> None:
    data = bytes(range(256)) * 40_000  # more than the buffers of both sides hold
    with listening(echo) as address:
        wire = connect(address, Tls("off"), 5, within(20))
        sender = threading.Thread(target=lambda: wire.sendall(data))
        sender.start()
        assert wire.receive(len(data)) == data
        sender.join()
        assert wire.is_quiet
        wire.close()


def test_a_silent_server_ends_at_the_deadline() -> None:
    with listening(silent) as address:
        begun = time.monotonic()
        with closing(connect(address, Tls("off"), 5, within(0.3))) as wire:
            assert code_of(lambda: wire.receive_some(1)) == "S103"
            assert wire.broken
        assert time.monotonic() - begun < 1


def test_a_cancelled_read_ends_at_once() -> None:
    with listening(silent) as address:
        context = within(20)
        begun = time.monotonic()
        with closing(connect(address, Tls("off"), 5, context)) as wire:
            threading.Timer(0.1, context.cancelled.set).start()
            assert code_of(lambda: wire.receive(1)) == "S104"
        assert time.monotonic() - begun < 1


def test_a_server_that_never_reads_ends_at_the_deadline_too() -> None:
    with listening(silent) as address, closing(connect(address, Tls("off"), 5, within(0.3))) as wire:
        assert code_of(lambda: wire.sendall(bytes(50 << 20))) == "S103"


def test_a_server_that_goes_away_is_lost() -> None:
    with listening(lambda connection: connection.sendall(b"ab")) as address, closing(connect(address, Tls("off"), 5, within())) as wire:
        assert code_of(lambda: wire.receive(3)) == "S102"
        assert not wire.is_quiet


def test_what_comes_unasked_makes_a_connection_useless() -> None:
    def talkative(connection: socket.socket) -> None:
        connection.sendall(b"x")
        time.sleep(0.5)

    with listening(talkative) as address, closing(connect(address, Tls("off"), 5, within())) as wire:
        time.sleep(0.2)
        assert not wire.is_quiet


def test_http_reads_an_answer_that_is_the_last_and_opens_nothing_anew() -> None:
    def last(connection: socket.socket) -> None:
        connection.recv(1000)
        connection.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 4\r\n\r\n")
        time.sleep(0.1)
        connection.sendall(b"body")

    with listening(last) as address, closing(connect(address, Tls("off"), 5, within())) as wire:
        web = http_over(wire, address)
        web.request("GET", "/")
        answer = web.getresponse()
        assert (answer.will_close, answer.read()) == (True, b"body")
        with pytest.raises(http.client.NotConnected):
            web.request("GET", "/")


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert code_of(lambda: connect(Address("base", "127.0.0.1", port, ()), Tls("off"), 5, within())) == "S101"


def test_a_host_without_a_name_is_unreachable() -> None:
    assert code_of(lambda: connect(Address("base", "no-such-host.invalid", 1, ()), Tls("off"), 5, within(20))) == "S101"


def test_a_server_that_never_accepts_is_unreachable_within_the_patience() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as server:
        address = Address("base", "127.0.0.1", server.getsockname()[1], ())
        filling = []
        for _ in range(3):  # the queue is full then, and the next SYN goes unanswered
            one = socket.socket()
            one.setblocking(False)
            one.connect_ex(server.getsockname())
            filling.append(one)
        begun = time.monotonic()
        assert code_of(lambda: connect(address, Tls("off"), 0.3, within(20))) == "S101"
        assert time.monotonic() - begun < 1.5
        for one in filling:
            one.close()


def talk(wire: PatientSocket) -> bytes:
    wire.sendall(b"abc")
    found = wire.receive(3)
    wire.close()
    return found


def test_a_trusted_certificate_is_taken(certificates: Certificates) -> None:
    with listening(under_tls(certificates)) as address:
        assert talk(connect(address, Tls("verify", str(certificates.authority)), 5, within())) == b"cba"
    with listening(under_tls(certificates)) as address:
        assert talk(connect(address, Tls("verify", str(certificates.authority), SERVER_NAME), 5, within())) == b"cba"


@pytest.mark.parametrize("name", [None, "another.hospital.test"])
def test_a_certificate_of_another_authority_or_name_is_refused(certificates: Certificates, name: str | None) -> None:
    authority = certificates.stranger if name is None else certificates.authority
    with listening(under_tls(certificates)) as address:
        assert code_of(lambda: connect(address, Tls("verify", str(authority), name), 5, within())) == "S107"


def test_a_file_of_authorities_that_is_replaced_is_read_again(certificates: Certificates, tmp_path: Path) -> None:
    trusted = tmp_path / "ca.pem"
    trusted.write_bytes(certificates.stranger.read_bytes())
    with listening(under_tls(certificates)) as address:
        assert code_of(lambda: connect(address, Tls("verify", str(trusted)), 5, within())) == "S107"
    trusted.unlink()
    trusted.write_bytes(certificates.authority.read_bytes())
    with listening(under_tls(certificates)) as address:
        assert talk(connect(address, Tls("verify", str(trusted)), 5, within())) == b"cba"


def test_require_takes_any_certificate(certificates: Certificates) -> None:
    with listening(under_tls(certificates)) as address:
        assert talk(connect(address, Tls("require"), 5, within())) == b"cba"


def test_a_server_without_tls_is_refused(certificates: Certificates) -> None:
    def greets(connection: socket.socket) -> None:
        connection.recv(10)
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with listening(greets) as address:
        assert code_of(lambda: connect(address, Tls("verify", str(certificates.authority)), 5, within())) == "S107"


def test_a_handshake_that_hangs_ends(certificates: Certificates) -> None:
    with listening(silent) as address:
        assert code_of(lambda: connect(address, Tls("require"), 0.3, within())) == "S101"


def test_a_file_that_is_no_certificate_is_said(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("nothing")
    address = Address("base", "127.0.0.1", 1, ())
    assert code_of(lambda: connect(address, Tls("verify", str(tmp_path / "ca.pem")), 5, within())) == "S110"


@pytest.mark.parametrize(
    ("head", "body", "code"),
    [
        (b"Content-Length: 5\r\n\r\n", b"whole", ""),
        (b"Transfer-Encoding: chunked\r\n\r\n", b"5\r\nwhole\r\n0\r\n\r\n", ""),
        (b"Content-Length: 9\r\n\r\n", b"whole", "incomplete"),
        (b"Content-Length: 99\r\n\r\n", b"x" * 99, "S105"),
        (b"\r\n", b"x" * 99, "S105"),
    ],
)
def test_a_body_over_http_is_whole_or_an_error_and_never_endless(
    head: bytes, body: bytes, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adapters.patient_socket.LONGEST_BODY", 50)

    def answers(connection: socket.socket) -> None:
        connection.recv(1000)
        connection.sendall(b"HTTP/1.1 200 OK\r\n" + head + body)

    with listening(answers) as address, closing(connect(address, Tls("off"), 5, within())) as wire:
        connection = http_over(wire, address)
        connection.request("GET", "/")
        response = connection.getresponse()
        if code == "S105":
            assert code_of(lambda: whole_body(response)) == "S105"
        elif code:
            with pytest.raises(http.client.IncompleteRead):
                whole_body(response)
        else:
            assert whole_body(response) == b"whole"
        response.close()
