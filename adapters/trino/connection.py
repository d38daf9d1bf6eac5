"""One HTTP connection to a Trino coordinator: opened within its time, fit for another query while it is clean."""

from __future__ import annotations

import base64
import http.client

from adapters.interface import ReadContext, SourceError
from adapters.patient_socket import PatientSocket, connect, http_over, whole_body
from adapters.trino.errors import status_failure
from adapters.trino.options import TrinoOptions

_HEADERS = {
    "User-Agent": "hospital-gateway",
    "X-Trino-Source": "hospital-gateway",
    # Without this capability times come rounded to milliseconds.
    "X-Trino-Client-Capabilities": "PARAMETRIC_DATETIME",
    "X-Trino-Time-Zone": "UTC",
    "Accept-Encoding": "identity",
}


class TrinoConnection:
    """Keep-alive. `send` a question, then `receive` its answer; anything else leaves it unclean."""

    def __init__(self, carrier: PatientSocket, options: TrinoOptions) -> None:
        self._carrier = carrier
        self._headers = {**_HEADERS, **_account(options)}
        self._http = http_over(carrier, options.address)
        self._begun = self._waiting = False

    @property
    def is_whole(self) -> bool:
        """Whether the last answer was read to its end, and the other side will take another question."""
        return not self._waiting and not self._carrier.broken

    def attend(self, context: ReadContext) -> bool:
        """Take it for another query; False if the other side has closed it meanwhile, or may have."""
        self._carrier.context = context
        return self._carrier.is_quiet

    def send(self, method: str, path: str, body: bytes | None = None) -> None:
        """Raises SourceError: S102 lost, or the end of the context."""
        self._begun = method != "POST"
        self._waiting = True
        try:
            self._http.request(method, path, body, self._headers)
        except (OSError, http.client.HTTPException, ValueError):
            raise _lost() from None

    def receive(self) -> bytes:
        """The body of the answer. Raises SourceError for any status but 200, and as `send`."""
        try:
            answer = self._http.getresponse()
            body = whole_body(answer)
        except (OSError, http.client.HTTPException, ValueError):
            raise _lost() from None
        self._waiting = answer.will_close
        if answer.status not in (200, 204):
            raise status_failure(answer.status, begun=self._begun)
        return body

    def close(self) -> None:
        self._carrier.close()


def open_connection(options: TrinoOptions, context: ReadContext) -> TrinoConnection:
    """Raises SourceError: S101, S107, S110 for a CA file that is none, or the end of the context."""
    return TrinoConnection(connect(options.address, options.tls, options.connect_timeout, context), options)


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
