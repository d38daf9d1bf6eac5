"""A small client of WebHDFS: one request, one answer, every wait bounded, and each failure told for what it leaves open.

Why not fsspec's: its `mv` onto a taken name does nothing and raises nothing, and it says of no failure whether the operation may have been carried
out. Nothing here tries again: what may have been done must be looked at first.
"""

from __future__ import annotations

import http.client
import json
import ssl
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

_LARGEST_ANSWER = 1 << 28


class Refused(Exception):
    """The server answered with an error. `kind`: the name of its exception, such as SafeModeException. Its text is not kept."""

    def __init__(self, status: int, kind: str) -> None:
        super().__init__(f"{kind} ({status})")
        self.status, self.kind = status, kind


class Unreachable(Exception):
    """No connection: nothing was asked."""


class Lost(Exception):
    """The request was sent, at least in part, and there is no whole answer: it may have been carried out."""


@dataclass(frozen=True, slots=True)
class Address:
    host: str
    port: int
    secure: bool


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    location: str | None
    body: bytes


class WebHdfs:
    """The NameNodes of one HDFS; the first that is active answers. `patience`: seconds for each wait, and six times that for a whole answer."""

    def __init__(self, name_nodes: Sequence[Address], user: str, *, patience: float = 10.0) -> None:
        self._name_nodes, self._user, self._patience = list(name_nodes), user, patience

    def call(self, method: str, path: str, operation: str, content: bytes | None = None, **parameters: str) -> Any:
        """One operation: the bytes that OPEN gives, the JSON of others, None for an empty answer. Raises Refused, Unreachable, Lost.

        `content`: sent to the data node that the NameNode names.
        """
        query = urlencode({"op": operation, "user.name": self._user, **parameters})
        answer = self._ask_name_nodes(method, f"/webhdfs/v1{quote(path)}?{query}")
        if answer.location is not None:
            address, target = _split(answer.location)
            answer = self._ask(address, method, target, content if content is not None else b"")
        if operation == "OPEN":
            return answer.body
        return _json(answer.body) if answer.body else None

    def _ask_name_nodes(self, method: str, target: str) -> _Answer:
        failure: Exception = Unreachable("no NameNode is named")
        for position, address in enumerate(self._name_nodes):
            try:
                answer = self._ask(address, method, target, b"")
            except Unreachable as error:
                failure = error
            except Refused as error:
                if error.kind != "StandbyException":
                    raise
                failure = error
            else:
                if position:  # the next question goes to the active one first
                    self._name_nodes = [address, *(each for each in self._name_nodes if each != address)]
                return answer
        raise failure

    def _ask(self, address: Address, method: str, target: str, content: bytes) -> _Answer:
        until = time.monotonic() + 6 * self._patience
        kind = http.client.HTTPSConnection if address.secure else http.client.HTTPConnection
        context: Mapping[str, Any] = {"context": ssl.create_default_context()} if address.secure else {}
        connection = kind(address.host, address.port, timeout=self._patience, **context)
        try:
            try:
                connection.connect()
            except OSError as error:
                raise Unreachable(type(error).__name__) from None
            try:
                connection.request(method, target, content, {"Content-Type": "application/octet-stream"})
                response = connection.getresponse()
                body = _read(response, until)
            except (OSError, http.client.HTTPException) as error:
                raise Lost(type(error).__name__) from None
        finally:
            connection.close()
        if response.status >= 400:
            raise Refused(response.status, _exception_name(body))
        return _Answer(response.status, response.headers.get("Location") if response.status == 307 else None, body)


def _read(response: http.client.HTTPResponse, until: float) -> bytes:
    """The whole body; one that may have been cut short is none: half a record must never look like a torn one."""
    if response.length is None and not response.chunked:
        raise http.client.HTTPException
    parts: list[bytes] = []
    size = 0
    while part := response.read(1 << 16):
        parts.append(part)
        size += len(part)
        if time.monotonic() > until or size > _LARGEST_ANSWER:
            raise TimeoutError
    if response.length:  # read(n) does not complain of an early end
        raise http.client.IncompleteRead(b"", response.length)
    return b"".join(parts)


def _split(location: str) -> tuple[Address, str]:
    try:
        parts = urlsplit(location)
        secure = parts.scheme == "https"
        address = Address(parts.hostname or "", parts.port or (443 if secure else 80), secure)
    except ValueError:
        raise Lost("an address that cannot be read") from None
    target = quote(f"{parts.path}?{parts.query}", safe="%/:?&=,+")
    return address, target


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        raise Lost("an answer that is no JSON") from None


def _exception_name(body: bytes) -> str:
    try:
        name = json.loads(body)["RemoteException"]["exception"]
    except (ValueError, KeyError, TypeError):
        return "no exception named"
    return name if isinstance(name, str) and name.isalnum() else "no exception named"
