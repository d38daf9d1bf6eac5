"""A TCP connection, plain or TLS, on which no wait outlasts the reader's deadline or cancel."""

from __future__ import annotations

import io
import logging
import os
import select
import socket
import ssl
import time
from collections.abc import Sequence
from contextlib import suppress
from threading import Thread
from typing import Any

from adapters.hbase.thrift_options import ThriftOptions
from adapters.interface import ReadContext, SourceError

_SLICE = 0.1
"""Seconds that one wait lasts at most before the deadline and cancel are looked at again."""
_PIECE = 1 << 20
_LOG = logging.getLogger(__name__)


class GuardedSocket:
    """Every wait looks at `context`. After any error the connection is `broken` and can only be closed."""

    def __init__(self, connected: socket.socket, context: ReadContext) -> None:
        self.context = context
        self.broken = False
        self._socket = connected
        connected.settimeout(_SLICE)

    def sendall(self, data: bytes) -> None:
        left = memoryview(data)
        while left:
            self._check()
            try:
                left = left[self._socket.send(left) :]
            except TimeoutError:
                continue
            except OSError as error:
                raise self._lost(error) from None

    def receive_into(self, buffer: memoryview) -> int:
        """At least one byte; 0 where the server has closed the connection."""
        while True:
            self._check()
            try:
                return self._socket.recv_into(buffer)
            except TimeoutError:
                continue
            except OSError as error:
                raise self._lost(error) from None

    def receive(self, size: int, into: memoryview | None = None) -> memoryview:
        """Just so many bytes, or with `into` so many and what has come behind them. Raises SourceError S102 if the server
        closes before."""
        view, got = into or memoryview(bytearray(size)), 0
        while got < size:
            read = self.receive_into(view[got : got + _PIECE])
            if not read:
                raise self._lost(None)
            got += read
        return view[:got]

    def makefile(self, *_: object, **__: object) -> io.BufferedReader:
        """For http.client, which reads from here and writes by sendall."""
        return io.BufferedReader(_Raw(self), 1 << 16)

    @property
    def is_quiet(self) -> bool:
        """Whether nothing has come since the last reply: what has is either the end of the connection or not for us."""
        try:
            return not self.broken and not _happens(self._socket, select.POLLIN, 0)
        except (OSError, ValueError):
            return False

    def close(self) -> None:
        self.broken = True
        self._socket.close()

    def _check(self) -> None:
        try:
            self.context.check()
        except SourceError:
            self.broken = True
            raise

    def _lost(self, error: OSError | None) -> SourceError:
        self.broken = True
        _LOG.debug("the connection was lost: %s", type(error).__name__)
        return SourceError("S102", "the connection to HBase was lost", "look whether its Thrift server still runs", transient=True)


class _Raw(io.RawIOBase):
    def __init__(self, guarded: GuardedSocket) -> None:
        self._guarded = guarded

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        return self._guarded.receive_into(memoryview(buffer))  # type: ignore[arg-type]


def connect(options: ThriftOptions, context: ReadContext) -> GuardedSocket:
    """Raises SourceError: S101 unreachable, S107 certificate not trusted, S103, S104, S110 for a CA file that is none."""
    secure = _tls_context(options)
    until = time.monotonic() + options.connect_timeout
    connected = _connected(options, until, context)
    try:
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if secure is not None:
            connected = _shake_hands(secure, connected, options, until, context)
        return GuardedSocket(connected, context)
    except BaseException:
        connected.close()
        raise


def _connected(options: ThriftOptions, until: float, context: ReadContext) -> socket.socket:
    for family, kind, protocol, _, address in _addresses(options, until, context):
        connecting = socket.socket(family, kind, protocol)
        connecting.setblocking(False)
        try:
            connecting.connect_ex(address)
            _await(connecting, select.POLLOUT, until, context)
            if connecting.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0:
                return connecting
        except BaseException:
            connecting.close()
            raise
        connecting.close()
    raise _unreachable("refuses connections")


def _addresses(options: ThriftOptions, until: float, context: ReadContext) -> Sequence[tuple[Any, ...]]:
    """Where the host is. Names are looked up in a thread: nothing else ends that wait in time."""
    found: list[tuple[Any, ...]] = []

    def look_up() -> None:
        with suppress(OSError):
            found.extend(socket.getaddrinfo(options.host, options.port, type=socket.SOCK_STREAM))

    looking = Thread(target=look_up, daemon=True)
    looking.start()
    looking.join(_SLICE)
    while looking.is_alive():
        context.check()
        if time.monotonic() >= until:
            raise _unreachable("does not answer within connect_timeout")
        looking.join(_SLICE)
    if not found:
        raise SourceError("S101", f"the host {options.host} is not known", "look at the url of the source", transient=True)
    return found


def _shake_hands(
    secure: ssl.SSLContext, connected: socket.socket, options: ThriftOptions, until: float, context: ReadContext
) -> socket.socket:
    wrapped = secure.wrap_socket(connected, server_hostname=options.tls_server_name or options.host, do_handshake_on_connect=False)
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
        hint = "tls_ca: the PEM file of the authority that signed it; tls_server_name: the name in it"
        raise SourceError("S107", "the certificate of HBase's Thrift server is not trusted", hint) from None
    except (ssl.SSLError, OSError):
        wrapped.close()
        raise SourceError("S107", "HBase's Thrift server and the gateway find no TLS to speak", "does it speak TLS on this port?") from None
    except BaseException:
        wrapped.close()
        raise


def _await(waiting: socket.socket, event: int, until: float, context: ReadContext) -> None:
    while True:
        context.check()
        if _happens(waiting, event, _SLICE):
            return
        if time.monotonic() >= until:
            raise _unreachable("does not answer within connect_timeout")


def _happens(waiting: socket.socket, event: int, seconds: float) -> bool:
    poll = select.poll()  # not select(2), which knows no more than 1,024 open files
    poll.register(waiting, event)
    return bool(poll.poll(seconds * 1000))


def _unreachable(how: str) -> SourceError:
    return SourceError("S101", f"HBase's Thrift server {how}", "look at the url of the source, and whether the server runs", transient=True)


def _tls_context(options: ThriftOptions) -> ssl.SSLContext | None:
    if options.tls == "off":
        return None
    if options.tls_ca is not None and not os.path.isfile(options.tls_ca):
        raise SourceError("S110", "the file of tls_ca does not exist", "tls_ca: the path of a PEM file")
    try:
        secure = ssl.create_default_context(cafile=options.tls_ca)
    except (ssl.SSLError, OSError):
        raise SourceError("S110", "the file of tls_ca holds no certificate", "tls_ca: the path of a PEM file") from None
    if options.tls == "require":
        secure.check_hostname, secure.verify_mode = False, ssl.CERT_NONE
    return secure
