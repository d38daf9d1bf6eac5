"""A socket for Thrift that never blocks for longer than the read it serves may last, with or without TLS."""

from __future__ import annotations

import select
import socket
import ssl
import time
from collections.abc import Sequence
from contextlib import suppress
from threading import Thread
from typing import Any

from adapters.hive.options import HiveOptions
from adapters.interface import ReadContext, SourceError

_SLICE = 100
"""Milliseconds between two looks at the read's deadline and at whether it was cancelled."""


class PatientSocket:
    """One connection. `context` is the read it serves now; its limits end every wait with S103 or S104.

    After any error it is of no use. Raises S101 while connecting, S107 if TLS is refused, S102 if the server goes away later.
    """

    def __init__(self, options: HiveOptions, context: ReadContext) -> None:
        self.context = context
        self._socket: socket.socket = _connected(options, context)
        if options.tls != "off":
            self._socket = self._under_tls(options)

    # The methods of a Thrift transport, by Thrift's names.

    def isOpen(self) -> bool:  # noqa: N802
        return True

    def open(self) -> None:
        """It is connected from the beginning."""

    def close(self) -> None:
        """At once and without a word: the server notices, and ends what it does for this connection."""
        with suppress(OSError):
            self._socket.close()

    def flush(self) -> None:
        """Nothing is held back."""

    def read(self, size: int) -> bytes:
        """At least one byte and at most `size`."""
        while True:
            try:
                data = self._socket.recv(size)
            except (BlockingIOError, ssl.SSLWantReadError):
                self._wait(select.POLLIN)
            except ssl.SSLWantWriteError:
                self._wait(select.POLLOUT)
            except OSError:
                raise lost() from None
            else:
                if not data:
                    raise lost()
                return data

    def readAll(self, size: int) -> bytes:  # noqa: N802
        parts, missing = [], size
        while missing:
            parts.append(self.read(missing))
            missing -= len(parts[-1])
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def write(self, data: bytes) -> None:
        left = memoryview(data)
        while left:
            try:
                left = left[self._socket.send(left) :]
            except (BlockingIOError, ssl.SSLWantWriteError):
                self._wait(select.POLLOUT)
            except ssl.SSLWantReadError:
                self._wait(select.POLLIN)
            except OSError:
                raise lost() from None

    def _wait(self, event: int) -> None:
        _wait_for(self._socket, event, self.context)

    def _under_tls(self, options: HiveOptions) -> ssl.SSLSocket:
        settings = _tls_settings(options)
        try:
            wrapped = settings.wrap_socket(
                self._socket, server_hostname=options.tls_server_name or options.host, do_handshake_on_connect=False
            )
        except (OSError, ValueError):
            self._socket.close()
            raise _untrusted("TLS cannot be begun with the source") from None
        try:
            while True:
                try:
                    wrapped.do_handshake()
                    return wrapped
                except ssl.SSLWantReadError:
                    _wait_for(wrapped, select.POLLIN, self.context)
                except ssl.SSLWantWriteError:
                    _wait_for(wrapped, select.POLLOUT, self.context)
        except ssl.SSLCertVerificationError:
            wrapped.close()
            raise _untrusted("the source's certificate is not trusted") from None
        except (OSError, ValueError):
            wrapped.close()
            raise _untrusted("the source does not speak TLS as the gateway wants it") from None
        except SourceError:
            wrapped.close()
            raise


def lost() -> SourceError:
    return SourceError("S102", "the connection to the source was lost", transient=True)


def _untrusted(fact: str) -> SourceError:
    return SourceError("S107", fact, "options: tls, tls_ca, tls_server_name")


def _connected(options: HiveOptions, context: ReadContext) -> socket.socket:
    """The first address that answers. The wait for the name and all addresses together is `connect_timeout`."""
    within = ReadContext(deadline=min(context.deadline, time.monotonic() + options.connect_timeout), cancelled=context.cancelled)
    try:
        found = _first_to_answer(options, within)
    except SourceError:
        context.check()
        raise SourceError("S101", "the source cannot be reached", transient=True) from None
    return found


def _first_to_answer(options: HiveOptions, within: ReadContext) -> socket.socket:
    for family, kind, protocol, _, address in _addresses(options, within):
        attempt = socket.socket(family, kind, protocol)
        try:
            attempt.setblocking(False)
            attempt.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if attempt.connect_ex(address) != 0:
                _wait_for(attempt, select.POLLOUT, within)
            if attempt.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0:
                attempt.getpeername()
                return attempt
        except SourceError:
            attempt.close()
            raise
        except OSError:
            pass  # the next address
        attempt.close()
    raise lost()


def _addresses(options: HiveOptions, within: ReadContext) -> Sequence[Any]:
    """What the name stands for, asked in a thread: the system's resolver cannot be interrupted."""
    found: list[Any] = []

    def resolve() -> None:
        with suppress(OSError, UnicodeError):
            found.extend(socket.getaddrinfo(options.host, options.port, type=socket.SOCK_STREAM))

    thread = Thread(target=resolve, name="hive-resolve", daemon=True)
    thread.start()
    while thread.is_alive():
        within.check()
        thread.join(_SLICE / 1000)
    return found


def _wait_for(waiting: socket.socket, event: int, context: ReadContext) -> None:
    poll = select.poll()
    poll.register(waiting, event)
    while True:
        context.check()
        if poll.poll(_SLICE):
            return


def _tls_settings(options: HiveOptions) -> ssl.SSLContext:
    """`require` encrypts and believes any certificate; `verify` checks it against `tls_ca` (or the system's) and the server's name."""
    settings = ssl.create_default_context()
    if options.tls == "require":
        settings.check_hostname = False
        settings.verify_mode = ssl.CERT_NONE
    elif options.tls_ca is not None:
        settings = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        settings.minimum_version = ssl.TLSVersion.TLSv1_2
        try:
            settings.load_verify_locations(cafile=options.tls_ca)
        except (OSError, ssl.SSLError):
            raise SourceError("S110", "the file of option 'tls_ca' is not a readable PEM file of certificates") from None
    return settings
