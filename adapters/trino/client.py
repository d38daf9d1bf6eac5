"""Trino's client protocol: a statement is posted, its pages are fetched one by one, and what is not fetched to its end is cancelled."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit

from adapters.connection_pool import ConnectionPool
from adapters.interface import ReadContext, SourceError
from adapters.trino.connection import TrinoConnection, open_connection
from adapters.trino.errors import query_failure
from adapters.trino.options import TrinoOptions

_KEPT = 60
"""Seconds after which a connection that nobody used is not trusted any more: firewalls forget silently."""
_FAREWELL = 0.4
"""Seconds that telling the source of a cancelled query may take."""


@dataclass(frozen=True, slots=True)
class Page:
    """Rows as JSON has them; `types` are Trino's names of the columns' types."""

    types: tuple[str, ...]
    rows: Sequence[Sequence[Any]]


class TrinoClient:
    """Runs statements. Any number of threads may, each with a connection of its own."""

    def __init__(self, options: TrinoOptions) -> None:
        self._open = partial(open_connection, options)
        self._pool = ConnectionPool(options.slots, self._open, _KEPT)

    def pages(self, sql: str, context: ReadContext) -> Iterator[Page]:
        """The pages of a statement, each while the source makes the next; the first has the types even if it has no rows.
        A generator: leaving it early cancels the query. Raises SourceError."""
        decode = _decoder()
        following: str | None = "/v1/statement"
        taken = False
        types: tuple[str, ...] | None = None
        with self._pool.connection(context) as connection:
            try:
                connection.send("POST", "/v1/statement", sql.encode())
                while following is not None:
                    context.check()  # a source that answers at once, but without rows, makes nothing wait
                    answer = decode(connection)
                    self._pool.check_open()
                    taken, following = True, _following(answer)
                    if answer.get("error"):
                        raise query_failure(answer["error"])
                    if following is not None:
                        connection.send("GET", following)
                    if types is None and answer.get("columns"):
                        types = tuple(column["type"] for column in answer["columns"])
                        yield Page(types, answer.get("data") or ())
                    elif answer.get("data"):
                        assert types is not None
                        yield Page(types, answer["data"])
            finally:
                if following is not None:
                    connection.close()
                    if taken:
                        self._cancel(following)

    def rows(self, sql: str, context: ReadContext) -> list[Sequence[Any]]:
        """Every row of a small answer."""
        return [row for page in self.pages(sql, context) for row in page.rows]

    def close(self) -> None:
        self._pool.close()

    def _cancel(self, path: str) -> None:
        """Tell the source, if it listens: otherwise it gives the query up by itself, after minutes."""
        with suppress(SourceError):
            connection = self._open(ReadContext(deadline=time.monotonic() + _FAREWELL))
            try:
                connection.send("DELETE", path)
                connection.receive()
            finally:
                connection.close()


class _Decoder:
    """Reads one answer as JSON."""

    def __init__(self, orjson: ModuleType) -> None:
        self._loads, self._error = orjson.loads, orjson.JSONDecodeError

    def __call__(self, connection: TrinoConnection) -> Mapping[str, Any]:
        body = connection.receive()
        try:
            answer = self._loads(body)
        except self._error:
            answer = None
        if not isinstance(answer, dict) or "id" not in answer:
            raise SourceError("S105", "what answers at the source's address does not answer as Trino does")
        return answer


def _decoder() -> _Decoder:
    try:
        import orjson
    except ImportError:
        raise SourceError("S110", "the packages for Trino are not installed", "pip install 'hospital-gateway[trino]'") from None
    return _Decoder(orjson)


def _following(answer: Mapping[str, Any]) -> str | None:
    """The path of the next page. Its host is not followed: the account is shown to the configured address only."""
    uri = answer.get("nextUri")
    if uri is None:
        return None
    found = urlsplit(str(uri))
    return f"{found.path}?{found.query}" if found.query else found.path
