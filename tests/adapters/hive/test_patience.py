"""Nobody there, a name without an address, a resolver that hangs, a server that says nothing: each has an end in time."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from threading import Thread
from typing import Any

import pytest

from adapters.hive import HiveAdapter, open_source
from adapters.interface import ReadContext, SourceError
from catalog.model import Source


@pytest.fixture
def deaf_port() -> Iterator[int]:
    """Connections are taken by the system's queue; nothing ever answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def adapter(host: str, port: int, **options: Any) -> HiveAdapter:
    return open_source(Source(node="b", name="h", adapter="hive", url=f"hive://{host}:{port}/x", options=options, zone="UTC", tables={}))


def failure(source: HiveAdapter, context: ReadContext) -> tuple[str, float]:
    begun = time.monotonic()
    with pytest.raises(SourceError) as caught:
        source.ping(context)
    return caught.value.code, time.monotonic() - begun


def within(seconds: float) -> ReadContext:
    return ReadContext(deadline=time.monotonic() + seconds)


@pytest.mark.parametrize("auth", ["none", "nosasl"])
@pytest.mark.parametrize("tls", ["off", "require"])
def test_a_server_that_says_nothing_is_out_of_time(auth: str, tls: str, deaf_port: int) -> None:
    code, seconds = failure(adapter("127.0.0.1", deaf_port, auth=auth, tls=tls), within(0.5))
    assert code == "S103"
    assert 0.4 < seconds < 1.5


def test_a_login_that_is_cancelled_ends_at_once(deaf_port: int) -> None:
    from threading import Timer

    context = within(30)
    Timer(0.3, context.cancelled.set).start()
    code, seconds = failure(adapter("127.0.0.1", deaf_port), context)
    assert code == "S104"
    assert seconds < 1.3


def test_a_port_nobody_listens_on_is_unreachable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert failure(adapter("127.0.0.1", port), within(10))[0] == "S101"


@pytest.mark.parametrize(("option", "deadline", "code"), [(0.3, 30, "S101"), (10, 0.3, "S103")])
def test_a_resolver_that_hangs_is_left_to_itself(option: float, deadline: float, code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: time.sleep(3) or [])
    found, seconds = failure(adapter("warehouse.example", 1, connect_timeout=option), within(deadline))
    assert found == code
    assert seconds < 1.3


def test_a_server_that_ends_the_connection_at_login_is_unreachable_and_the_hint_names_the_options() -> None:
    from threading import Thread

    with socket.create_server(("127.0.0.1", 0)) as server:
        Thread(target=lambda: server.accept()[0].close(), daemon=True).start()
        with pytest.raises(SourceError) as caught:
            adapter("127.0.0.1", server.getsockname()[1]).ping(within(5))
    assert caught.value.code == "S101"
    assert "auth" in caught.value.hint


def test_a_closed_adapter_refuses() -> None:
    source = adapter("127.0.0.1", 1)
    source.close()
    source.close()
    assert failure(source, within(1))[0] == "S101"


@pytest.mark.parametrize("answer", ["half", "garbage"])
def test_an_answer_without_what_was_asked_for_is_an_error_of_the_source(answer: str) -> None:
    """The server says that the session is open, but not which; or says something that is no Thrift at all."""
    from impala._thrift_gen.TCLIService import TCLIService, ttypes
    from thrift.protocol.TBinaryProtocol import TBinaryProtocol
    from thrift.transport.TTransport import TMemoryBuffer

    memory = TMemoryBuffer()
    protocol = TBinaryProtocol(memory)
    protocol.writeMessageBegin("OpenSession", 2, 0)
    opened = ttypes.TOpenSessionResp(status=ttypes.TStatus(statusCode=0), serverProtocolVersion=9)
    TCLIService.OpenSession_result(success=opened).write(protocol)
    protocol.writeMessageEnd()
    reply = memory.getvalue() if answer == "half" else b"\x80\x01\x00\x02" + bytes(60)

    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    with connection:
                        connection.recv(4096)
                        connection.sendall(reply)

        Thread(target=serve, daemon=True).start()
        code, _ = failure(adapter("127.0.0.1", server.getsockname()[1], auth="nosasl"), within(5))
        server.shutdown(socket.SHUT_RDWR)
    assert code in ("S102", "S105") if answer == "garbage" else code == "S105"
