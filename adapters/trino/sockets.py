"""A socket whose every wait is cut into slices: a read that is cancelled or late ends at once, whatever the other side does."""

from __future__ import annotations

import errno
import io
import select
import socket
import ssl
import time
from collections.abc import Callable
from functools import partial
from threading import Thread
from typing import Any, TypeVar

from adapters.interface import ReadContext, SourceError

SLICE = 0.05
"""Seconds between two looks at the context while nothing comes."""

Answer = TypeVar("Answer")


class PolledSocket:
    """What http.client needs of a socket. `context` is the read under way: its end is raised out of every wait (S103, S104)."""

    def __init__(self, connected: socket.socket, context: ReadContext) -> None:
        self._socket, self.context = connected, context
        connected.setblocking(False)

    def handshake(self, tls: ssl.SSLContext, server_name: str) -> None:
        """Continue under TLS. Raises ssl.SSLError, OSError."""
        wrapped = tls.wrap_socket(self._socket, server_hostname=server_name, do_handshake_on_connect=False)
        self._socket = wrapped
        self._wanted(wrapped.do_handshake, select.POLLIN)

    def sendall(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            rest = rest[self._wanted(partial(self._socket.send, rest), select.POLLOUT) :]

    def receive_into(self, buffer: Any) -> int:
        return self._wanted(partial(self._socket.recv_into, buffer), select.POLLIN)

    def makefile(self, mode: str) -> io.BufferedReader:
        assert mode == "rb"
        return io.BufferedReader(_Incoming(self), 1 << 16)

    def is_quiet(self) -> bool:
        """Whether the connection is open and nothing has come since the last answer: it can carry another question."""
        return not _ready(self._socket, select.POLLIN, 0)

    def close(self) -> None:
        self._socket.close()

    def _wanted(self, operation: Callable[[], Answer], event: int) -> Answer:
        while True:
            try:
                return operation()
            except ssl.SSLWantReadError:
                self._wait(select.POLLIN)
            except ssl.SSLWantWriteError:
                self._wait(select.POLLOUT)
            except BlockingIOError:
                self._wait(event)

    def _wait(self, event: int) -> None:
        self.context.check()
        while not _ready(self._socket, event, SLICE):
            self.context.check()


class _Incoming(io.RawIOBase):
    """The receiving side as a raw stream. Closing it leaves the connection open."""

    def __init__(self, source: PolledSocket) -> None:
        self._source = source

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._source.receive_into(buffer)


def connect(host: str, port: int, patience: float, context: ReadContext) -> socket.socket:
    """A connection to the first address that takes one. `patience` is in seconds. Raises S101, and S103 or S104 by the context."""
    until = time.monotonic() + patience
    for family, kind, protocol, _, address in _addresses(host, port, until, context):
        found = socket.socket(family, kind, protocol)
        try:
            if _connected(found, address, until, context):
                found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                found.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
                return found
        except BaseException:
            found.close()
            raise
        found.close()
    raise SourceError("S101", "the source takes no connection", transient=True)


def _connected(found: socket.socket, address: Any, until: float, context: ReadContext) -> bool:
    found.setblocking(False)
    begun = found.connect_ex(address)
    if begun not in (0, errno.EINPROGRESS):
        return False
    while not _ready(found, select.POLLOUT, SLICE):
        context.check()
        if time.monotonic() >= until:
            raise SourceError("S101", "the source did not take a connection in time", transient=True)
    return found.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0


def _addresses(host: str, port: int, until: float, context: ReadContext) -> list[tuple[Any, Any, int, str, Any]]:
    """Names are resolved in a thread of their own: the resolver knows no deadline, and is left alone when it is late."""
    found: list[list[tuple[Any, Any, int, str, Any]]] = []

    def resolve() -> None:
        try:
            found.append(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError):
            found.append([])

    thread = Thread(target=resolve, name="trino-resolver", daemon=True)
    thread.start()
    thread.join(SLICE)
    while thread.is_alive() and time.monotonic() < until:
        context.check()
        thread.join(SLICE)
    if not found or not found[0]:
        raise SourceError("S101", "the host name of the source is not known", transient=True)
    return found[0]


def _ready(waited: socket.socket, event: int, seconds: float) -> bool:
    poll = select.poll()
    poll.register(waited, event)
    return bool(poll.poll(seconds * 1000))
