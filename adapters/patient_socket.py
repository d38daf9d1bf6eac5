"""A TCP connection, plain or under TLS, on which no wait outlasts the read that it serves, whatever the other side does."""

from __future__ import annotations

import errno
import http.client
import io
import logging
import os
import select
import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache, partial
from threading import Thread
from typing import Any, TypeVar

from adapters.interface import ReadContext, SourceError
from adapters.source_options import Address, Tls

SLICE = 0.05
"""Seconds between two looks at the read's deadline and at whether it was cancelled, while nothing comes."""
_PIECE = 1 << 20
_LOG = logging.getLogger(__name__)

Answer = TypeVar("Answer")


class PatientSocket:
    """Every wait looks at `context`, the read under way: S103 or S104 ends it. After any error the connection is `broken`.

    Raises S102 if the server goes away.
    """

    def __init__(self, connected: socket.socket, context: ReadContext) -> None:
        self.context = context
        self.broken = False
        self._socket = connected
        connected.setblocking(False)

    def sendall(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            rest = rest[self._wanted(partial(self._socket.send, rest), select.POLLOUT) :]

    def receive_into(self, buffer: Any) -> int:
        """At least one byte; 0 where the server has closed the connection."""
        return self._wanted(partial(self._socket.recv_into, buffer), select.POLLIN)

    def receive_some(self, size: int) -> bytes:
        """At least one byte and at most `size`. Raises S102 if the server closes before."""
        data = self._wanted(partial(self._socket.recv, size), select.POLLIN)
        if not data:
            raise self._lost(None)
        return data

    def receive(self, size: int) -> bytes:
        """Just so many bytes. Raises S102 if the server closes before."""
        buffer = bytearray(size)
        view, got = memoryview(buffer), 0
        while got < size:
            read = self.receive_into(view[got : got + _PIECE])
            if not read:
                raise self._lost(None)
            got += read
        return bytes(buffer)

    @property
    def is_quiet(self) -> bool:
        """Whether it can carry another question: nothing has come since the last answer (what has is its end, or not for us)."""
        try:
            return not self.broken and not happens(self._socket, select.POLLIN, 0)
        except (OSError, ValueError):
            return False

    def close(self) -> None:
        """At once and without a word: the server notices, and ends what it does for this connection."""
        self.broken = True
        self._socket.close()

    def _wanted(self, operation: Callable[[], Answer], event: int) -> Answer:
        while True:
            self._check()
            try:
                return operation()
            except ssl.SSLWantReadError:
                self._wait(select.POLLIN)
            except ssl.SSLWantWriteError:
                self._wait(select.POLLOUT)
            except BlockingIOError:
                self._wait(event)
            except (OSError, ValueError) as error:
                raise self._lost(error) from None

    def _wait(self, event: int) -> None:
        while not happens(self._socket, event, SLICE):
            self._check()

    def _check(self) -> None:
        try:
            self.context.check()
        except SourceError:
            self.broken = True
            raise

    def _lost(self, error: Exception | None) -> SourceError:
        self.broken = True
        _LOG.debug("a connection was lost: %s", type(error).__name__)
        return SourceError("S102", "the connection to the source was lost", "look whether its server still runs", transient=True)


def http_over(carrier: PatientSocket, address: Address) -> http.client.HTTPConnection:
    """HTTP on this one connection: none is opened anew behind our back, and closing it leaves the carrier open."""
    found = http.client.HTTPConnection(address.host, address.port)
    found.auto_open = 0
    found.sock = _Borrowed(carrier)
    return found


LONGEST_BODY = 1 << 30
"""Bytes of one answer over HTTP: a source sends its rows in parts that are far smaller."""


def whole_body(answer: http.client.HTTPResponse) -> bytes:
    """The body. Raises SourceError S105 if it is longer than any source's, http.client.IncompleteRead if it ends too early."""
    body = answer.read(LONGEST_BODY + 1)
    if len(body) > LONGEST_BODY:
        raise SourceError("S105", "the source's answer is longer than a gigabyte", "is it the source that listens there?")
    if answer.length:  # read(n) is content with less
        raise http.client.IncompleteRead(b"")
    return body


class _Borrowed:
    """All that http.client needs of a socket. It closes it while there is still an answer to read, where no other will come."""

    def __init__(self, carrier: PatientSocket) -> None:
        self.sendall, self._carrier = carrier.sendall, carrier

    def makefile(self, *_: object, **__: object) -> io.BufferedReader:
        return io.BufferedReader(_Incoming(self._carrier), 1 << 16)

    def close(self) -> None:
        """The carrier's owner does."""


class _Incoming(io.RawIOBase):
    def __init__(self, source: PatientSocket) -> None:
        self._source = source

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._source.receive_into(buffer)


def connect(address: Address, tls: Tls, patience: float, context: ReadContext) -> PatientSocket:
    """A connection to the first address of the host that takes one, within `patience` seconds.

    Raises SourceError: S101 unreachable, S107 certificate not trusted or no TLS, S103, S104, S110 for an authority that is none.
    """
    secure = tls_context(tls)
    until = time.monotonic() + patience
    connected = _connected(address, until, context)
    try:
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if secure is not None:
            connected = _shake_hands(secure, connected, tls.server_name or address.host, until, context)
        return PatientSocket(connected, context)
    except BaseException:
        connected.close()
        raise


def tls_context(tls: Tls) -> ssl.SSLContext | None:
    """None without TLS. Raises SourceError S110 if the authority's file holds no certificate."""
    if tls.mode == "off":
        return None
    system = ssl.get_default_verify_paths()
    return _loaded(replace(tls, server_name=None), *map(_state, [tls.authority] if tls.authority else [system.cafile, system.capath]))


def _state(path: str | None) -> tuple[int, int, int] | None:
    """What changes when a file does."""
    try:
        found = os.stat(path or "")
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


@lru_cache(64)
def _loaded(tls: Tls, *_: object) -> ssl.SSLContext:
    """Kept until a file changes: reading the system's roots takes longer than the rest of a handshake."""
    try:
        secure = ssl.create_default_context(cafile=tls.authority)
    except (ssl.SSLError, OSError):
        raise SourceError("S110", "the file of tls_ca holds no certificate", "tls_ca: the path of a PEM file") from None
    secure.minimum_version = ssl.TLSVersion.TLSv1_2
    if tls.mode == "require":
        secure.check_hostname, secure.verify_mode = False, ssl.CERT_NONE
    return secure


def happens(waiting: socket.socket, event: int, seconds: float) -> bool:
    """Whether the event comes within so many seconds."""
    poll = select.poll()  # not select(2), which knows no more than 1,024 open files
    poll.register(waiting, event)
    return bool(poll.poll(seconds * 1000))


def _connected(address: Address, until: float, context: ReadContext) -> socket.socket:
    for family, kind, protocol, _, place in _resolved(address, until, context):
        found = socket.socket(family, kind, protocol)
        try:
            if _takes_it(found, place, until, context):
                return found
        except BaseException:
            found.close()
            raise
        found.close()
    raise _unreachable("the source refuses connections")


def _takes_it(found: socket.socket, place: Any, until: float, context: ReadContext) -> bool:
    found.setblocking(False)
    if found.connect_ex(place) not in (0, errno.EINPROGRESS):
        return False
    _await(found, select.POLLOUT, until, context)
    return found.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0


def _resolved(address: Address, until: float, context: ReadContext) -> list[tuple[Any, Any, int, str, Any]]:
    """In a thread of its own: the resolver knows no deadline, and is left alone when it is late."""
    found: list[list[tuple[Any, Any, int, str, Any]]] = []

    def resolve() -> None:
        try:
            found.append(socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError):
            found.append([])

    thread = Thread(target=resolve, name="source-resolver", daemon=True)
    thread.start()
    thread.join(SLICE)
    while thread.is_alive() and time.monotonic() < until:
        context.check()
        thread.join(SLICE)
    if not found or not found[0]:
        raise _unreachable("the host name of the source is not known")
    return found[0]


def _shake_hands(secure: ssl.SSLContext, connected: socket.socket, name: str, until: float, context: ReadContext) -> socket.socket:
    hint = "tls_ca: the PEM file of the authority that signed it; tls_server_name: the name in it"
    try:
        wrapped = secure.wrap_socket(connected, server_hostname=name, do_handshake_on_connect=False)
    except (OSError, ValueError):
        raise SourceError("S107", "TLS cannot be begun with the source", hint) from None
    try:
        while True:
            try:
                wrapped.do_handshake()
                return wrapped
            except ssl.SSLWantReadError:
                _await(wrapped, select.POLLIN, until, context)
            except ssl.SSLWantWriteError:
                _await(wrapped, select.POLLOUT, until, context)
    except ssl.SSLCertVerificationError:
        wrapped.close()
        raise SourceError("S107", "the certificate of the source is not trusted", hint) from None
    except (OSError, ValueError):
        wrapped.close()
        raise SourceError("S107", "the source and the gateway find no TLS to speak", "does it speak TLS on this port?") from None
    except BaseException:
        wrapped.close()
        raise


def _await(waiting: socket.socket, event: int, until: float, context: ReadContext) -> None:
    while not happens(waiting, event, SLICE):
        context.check()
        if time.monotonic() >= until:
            raise _unreachable("the source does not answer within connect_timeout")


def _unreachable(fact: str) -> SourceError:
    return SourceError("S101", fact, "look at the url of the source, and whether its server runs", transient=True)
