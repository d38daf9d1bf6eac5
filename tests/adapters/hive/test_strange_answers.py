"""What is no HiveServer2, or a hostile one, costs neither time nor memory."""

from __future__ import annotations

import resource
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Thread

from tests.adapters.hive.test_patience import adapter, failure, within


@contextmanager
def answering(answer: bytes, *, endless: bytes = b"") -> Iterator[int]:
    """The port of a server that gives one answer to whatever it hears, and then more and more."""

    def serve() -> None:
        with suppress(OSError):
            connection, _ = server.accept()
            with connection:
                connection.recv(1 << 16)
                connection.sendall(answer)
                while endless:
                    connection.sendall(endless)
                connection.recv(1 << 16)

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1]
    thread.join(5)


def test_what_answers_a_login_without_end_is_not_read_to_it() -> None:
    """HTTP's first bytes, read as a length, are 1.4 GB."""
    with answering(b"HTTP/1.1 200 OK\r\n", endless=b"X: " + b"a" * 60_000 + b"\r\n") as port:
        code, seconds = failure(adapter("127.0.0.1", port), within(5))
    assert code == "S110"
    assert seconds < 1.5


def test_a_list_that_is_promised_to_be_endless_takes_no_memory() -> None:
    status = b"\x0c\x00\x01" + b"\x08\x00\x01\x00\x00\x00\x00" + b"\x0f\x00\x02\x0b\x7f\xff\xff\xff"
    reply = b"\x80\x01\x00\x02" + b"\x00\x00\x00\x0bOpenSession" + bytes(4) + b"\x0c\x00\x00" + status
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with answering(reply) as port:
        code, seconds = failure(adapter("127.0.0.1", port, auth="nosasl"), within(3))
    assert code == "S105"
    assert seconds < 1.5
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # kilobytes
