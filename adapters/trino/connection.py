"""HTTP connections to a Trino coordinator: opened within their time, kept while they are clean, destroyed when they are not."""

from __future__ import annotations

import base64
import http.client
import ssl
import time
from threading import Lock

from adapters.interface import ReadContext, SourceError
from adapters.trino.errors import status_failure
from adapters.trino.options import TrinoOptions
from adapters.trino.sockets import PolledSocket, connect

_KEPT = 60
"""Seconds after which a connection that nobody used is not trusted any more: firewalls forget silently."""

_HEADERS = {
    "User-Agent": "hospital-gateway",
    "X-Trino-Source": "hospital-gateway",
    # Without this capability times come rounded to milliseconds.
    "X-Trino-Client-Capabilities": "PARAMETRIC_DATETIME",
    "X-Trino-Time-Zone": "UTC",
    "Accept-Encoding": "identity",
}


class TrinoConnection:
    """One keep-alive connection. `send` a question, then `receive` its answer; anything else leaves it unclean."""

    def __init__(self, carrier: PolledSocket, options: TrinoOptions, headers: dict[str, str]) -> None:
        self._carrier, self._headers = carrier, headers
        self._http = http.client.HTTPConnection(options.host, options.port)
        self._http.auto_open = 0  # a connection that broke is not opened anew behind our back
        self._http.sock = carrier  # all that http.client uses of a socket
        self._begun = False
        self._used = time.monotonic()

    def reused(self, context: ReadContext) -> bool:
        """Take it for another query; False if the other side has closed it meanwhile, or may have."""
        self._carrier.context = context
        return time.monotonic() - self._used < _KEPT and self._carrier.is_quiet()

    def send(self, method: str, path: str, body: bytes | None = None) -> None:
        """Raises SourceError: S102 lost, or the end of the context."""
        self._begun = method != "POST"
        try:
            self._http.request(method, path, body, self._headers)
        except (OSError, http.client.HTTPException, ValueError):
            raise _lost() from None

    def receive(self) -> bytes:
        """The body of the answer. Raises SourceError for any status but 200, and as `send`."""
        try:
            answer = self._http.getresponse()
            body = answer.read()
        except (OSError, http.client.HTTPException, ValueError):
            raise _lost() from None
        self._used = time.monotonic()
        if answer.status not in (200, 204):
            raise status_failure(answer.status, begun=self._begun)
        return body

    def close(self) -> None:
        self._http.close()


class ConnectionPool:
    """Clean connections, at most as many as there are slots. Opening one raises S101, S107, or the end of the context."""

    def __init__(self, options: TrinoOptions) -> None:
        self._options = options
        self._headers = {**_HEADERS, **_account(options)}
        self._lock = Lock()
        self._idle: list[TrinoConnection] = []
        self._tls: ssl.SSLContext | None = None
        self._closed = False

    def check_open(self) -> None:
        if self._closed:
            raise SourceError("S101", "the source has been closed")

    def take(self, context: ReadContext) -> TrinoConnection:
        while True:
            with self._lock:
                self.check_open()
                found = self._idle.pop() if self._idle else None
            if found is None:
                return self.fresh(context)
            if found.reused(context):
                return found
            found.close()

    def fresh(self, context: ReadContext) -> TrinoConnection:
        options = self._options
        context.check()
        carrier = PolledSocket(connect(options.host, options.port, options.connect_timeout, context), context)
        try:
            if options.tls != "off":
                carrier.handshake(self._tls_context(), options.tls_server_name or options.host)
        except ssl.SSLCertVerificationError:
            carrier.close()
            raise SourceError(
                "S107", "the certificate of the source is not trusted", "tls_ca names the PEM file of the authority that signed it"
            ) from None
        except ssl.SSLError:
            carrier.close()
            raise SourceError("S107", "the source refused TLS", "does the port of its url speak TLS?") from None
        except OSError:
            carrier.close()
            raise SourceError("S101", "the source closed the connection", transient=True) from None
        except BaseException:
            carrier.close()
            raise
        return TrinoConnection(carrier, options, self._headers)

    def give_back(self, connection: TrinoConnection) -> None:
        """Only a connection whose last answer was read whole."""
        with self._lock:
            if not self._closed and len(self._idle) < self._options.slots:
                self._idle.append(connection)
                return
        connection.close()

    def close(self) -> None:
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _tls_context(self) -> ssl.SSLContext:
        with self._lock:
            if self._tls is None:
                self._tls = _tls_context(self._options)
            return self._tls


def _tls_context(options: TrinoOptions) -> ssl.SSLContext:
    try:
        found = ssl.create_default_context(cafile=options.tls_ca)
    except (OSError, ssl.SSLError):
        raise SourceError("S110", "the file of option 'tls_ca' cannot be read as PEM certificates") from None
    if options.tls == "require":
        found.check_hostname = False
        found.verify_mode = ssl.CERT_NONE
    return found


def _account(options: TrinoOptions) -> dict[str, str]:
    headers = {} if options.user is None else {"X-Trino-User": options.user}
    if options.password is not None:
        pair = f"{options.user}:{options.password}".encode()
        headers["Authorization"] = f"Basic {base64.b64encode(pair).decode()}"
    elif options.token is not None:
        headers["Authorization"] = f"Bearer {options.token}"
    return headers


def _lost() -> SourceError:
    return SourceError("S102", "the connection to the source was lost", transient=True)
