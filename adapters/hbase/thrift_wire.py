"""Thrift messages over a connection: framed, unframed ("buffered"), and over HTTP. One request, one reply."""

from __future__ import annotations

import http.client
import struct
from typing import Protocol

from adapters.hbase.thrift_message import message_end
from adapters.hbase.thrift_options import ThriftOptions
from adapters.interface import ReadContext, SourceError
from adapters.patient_socket import PatientSocket, connect, http_over, whole_body

_AT_ONCE = 64
"""Requests of a few hundred bytes, and their replies: few enough that no buffer of the connection can fill up both ways."""
_PIECE = 1 << 16
_FRAME_MOST = 1 << 30
_FRAME = struct.Struct(">I")
_NO_THRIFT = "transport: framed where the server was started with -f, else buffered"


class Wire(Protocol):
    """`receive` gives the whole message that answers the first `send` not yet answered; at most `at_once` may be. Raises
    SourceError; `socket.broken` then says whether the connection is of no more use."""

    socket: PatientSocket
    at_once: int

    def send(self, message: bytes) -> None: ...

    def receive(self) -> bytes: ...


def open_wire(options: ThriftOptions, context: ReadContext) -> Wire:
    """A new connection. Raises SourceError."""
    socket = connect(options.address, options.tls, options.connect_timeout, context)
    if options.is_http:
        return HttpWire(socket, options)
    return FramedWire(socket) if options.transport == "framed" else BufferedWire(socket)


class FramedWire:
    """Four bytes of length before each message."""

    at_once = _AT_ONCE

    def __init__(self, socket: PatientSocket) -> None:
        self.socket = socket
        self._answered = False
        self._ahead = b""
        """What has come behind the last message."""

    def send(self, message: bytes) -> None:
        self.socket.sendall(_FRAME.pack(len(message)) + message)

    def receive(self) -> bytes:
        while len(self._ahead) < 4:
            self._ahead += _received(self.socket, self._answered)
        (size,) = _FRAME.unpack_from(self._ahead)
        if size > _FRAME_MOST:
            self.socket.broken = True
            raise SourceError("S110", "the server does not speak framed Thrift", _NO_THRIFT)
        self._answered = True
        end = size + 4
        message, self._ahead = self._ahead[4:end], self._ahead[end:]
        left = size - len(message)
        return message + self.socket.receive(left) if left else message


class BufferedWire:
    """No lengths: where a message ends is seen by walking through it."""

    at_once = 1

    def __init__(self, socket: PatientSocket) -> None:
        self.socket = socket
        self._answered = False

    def send(self, message: bytes) -> None:
        self.socket.sendall(message)

    def receive(self) -> bytes:
        walk = message_end()
        received = bytearray()
        next(walk)
        while True:
            received += _received(self.socket, self._answered or bool(received))
            try:
                end = walk.send(received)
            except ValueError:
                self.socket.broken = True
                raise SourceError("S110", "the server does not speak unframed Thrift", _NO_THRIFT) from None
            if end is not None:
                self._answered = True
                if end < len(received):
                    self.socket.broken = True
                return bytes(received[:end])


def _received(socket: PatientSocket, answered: bool) -> bytes:
    """What comes next. A server that closes the connection at the first request may have been spoken to in the wrong way."""
    try:
        return socket.receive_some(_PIECE)
    except SourceError as error:
        if error.code == "S102" and not answered:
            raise SourceError(error.code, error.fact, _NO_THRIFT, transient=error.transient) from None
        raise


class HttpWire:
    """Each message is a POST; who is impersonated is named in a header."""

    at_once = 1

    def __init__(self, socket: PatientSocket, options: ThriftOptions) -> None:
        self.socket = socket
        self._path, self._do_as = options.path, options.do_as
        self._http = http_over(socket, options.address)

    def send(self, message: bytes) -> None:
        headers = {"Content-Type": "application/x-thrift"}  # no Accept: the server gives its reasons in HTML or not at all
        if self._do_as is not None:
            headers["doAs"] = self._do_as
        self._http.request("POST", self._path, message, headers)

    def receive(self) -> bytes:
        try:
            response = self._http.getresponse()
            body = whole_body(response)
        except SourceError:
            self.socket.broken = True
            raise
        except http.client.HTTPException:
            self.socket.broken = True
            raise SourceError(
                "S102", "HBase's Thrift server gave no whole answer over HTTP", "does it speak HTTP?", transient=True
            ) from None
        if response.will_close:
            self.socket.broken = True
        if response.status != http.HTTPStatus.OK:
            self.socket.broken = True
            raise self._refused(response.status, body)
        return body

    def _refused(self, status: int, body: bytes) -> SourceError:
        """What a status means. The body is Java's and is only searched for words, never shown."""
        if b"proxyuser is not configured" in body:
            return SourceError(
                "S110", "HBase's Thrift server impersonates nobody", "set hbase.thrift.support.proxyuser there, or leave out do_as"
            )
        if b"AuthorizationException" in body:
            return SourceError(
                "S106", "HBase's Thrift server does not let the gateway act as the user of do_as", "hadoop.proxyuser.* in HBase"
            )
        if status in (http.HTTPStatus.UNAUTHORIZED, http.HTTPStatus.FORBIDDEN, http.HTTPStatus.PROXY_AUTHENTICATION_REQUIRED):
            return SourceError(
                "S106", "HBase's Thrift server refuses the gateway", "it may want Kerberos, which the gateway does not speak"
            )
        if status == http.HTTPStatus.SERVICE_UNAVAILABLE:
            return SourceError("S101", "HBase's Thrift server is not available", transient=True)
        return SourceError(
            "S105", f"HBase's Thrift server answered with the HTTP status {status}", "look at the path in the url of the source"
        )
