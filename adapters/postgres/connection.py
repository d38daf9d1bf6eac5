"""One session of PostgreSQL on which no wait outlasts the reader's deadline or cancel. libpq never blocks here: this file polls.

psycopg's low level (psycopg.pq) is used rather than its cursors: those wait without a deadline, and make a Python object of each value.
"""

from __future__ import annotations

import select
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import closing, suppress
from typing import TYPE_CHECKING

import psycopg
from psycopg import pq

from adapters.interface import ReadContext, SourceError
from adapters.postgres.failures import lost, server_failure
from adapters.postgres.rows import Rows, copied, gathered
from adapters.postgres.waiting import EVENTS, happens, wait_for

if TYPE_CHECKING:
    from psycopg.pq.abc import PGconn, PGresult

_CANCEL_PATIENCE = 0.3
"""Seconds that telling the server to stop a query may take. A server that hears nothing stops at its statement_timeout."""

_CHUNK = 500
"""Rows that libpq hands over at once."""

_GOOD = frozenset(map(int, (pq.ExecStatus.TUPLES_CHUNK, pq.ExecStatus.TUPLES_OK, pq.ExecStatus.COPY_OUT, pq.ExecStatus.COMMAND_OK)))
_MOST_PREPARED = 100
"""Statements after which a session is not used again."""
_LONGEST_STATEMENT = 1 << 20  # seconds


class Connection:
    """A session. Any failure but a plain error of the server leaves it `broken`: it can then only be closed."""

    def __init__(self, session: PGconn) -> None:
        self._session = session
        self._statement_seconds = 0
        self._prepared: set[str] = set()
        self._busy = False
        self.broken = False
        session.nonblocking = 1

    @property
    def encoding(self) -> str:
        """The database's own, as PostgreSQL calls it (UTF8, LATIN1, SQL_ASCII, ...)."""
        return (self._session.parameter_status(b"server_encoding") or b"").decode("ascii")

    @property
    def server_version(self) -> int:
        """150018 for 15.18."""
        return self._session.server_version

    @property
    def is_whole(self) -> bool:
        """Whether nothing is under way, nothing went wrong, and the server keeps no pile of statements for it."""
        kept = len(self._prepared) < _MOST_PREPARED
        return kept and not self.broken and not self._busy and self._session.status == pq.ConnStatus.OK

    @property
    def is_usable(self) -> bool:
        """Whether a next query may be sent: it is whole, and the server has not said anything since, such as goodbye."""
        return self.is_whole and not happens(self._session.socket, select.POLLIN, 0)

    def attend(self, context: ReadContext) -> bool:
        """Each query brings its context: only whether a next one may be sent is asked here."""
        context.check()
        return self.is_usable

    def records(self, sql: str, parameters: Sequence[bytes | None], context: ReadContext, name: str = "") -> Generator[Rows, None, None]:
        """Send one statement of one column; its values, which are records, as they come. A failure of the server itself leaves the
        session usable; a read that is left early, runs out of time or is cancelled stops the query and breaks the session.

        `name`: the statement comes again and again with other parameters, and is parsed once a session under this name.
        """
        self._limit_statements(context)
        if name and name not in self._prepared:
            self._ask(lambda: self._session.send_prepare(name.encode(), sql.encode()), context)
            self._prepared.add(name)
        if name:
            chunks = self._run(lambda: self._session.send_query_prepared(name.encode(), parameters, None, pq.Format.BINARY), context)
        else:
            chunks = self._run(lambda: self._session.send_query_params(sql.encode(), parameters, None, None, pq.Format.BINARY), context)
        with closing(chunks):
            yield from gathered(chunks, context)

    def copied(self, sql: str, context: ReadContext) -> Generator[Rows, None, None]:
        """Send a SELECT without rows and, with it, a COPY to the client of the same columns; its tuples, with the SELECT's types, as they
        come. All else as with `records`. Both are one transaction, so that the SELECT's lock keeps the types from changing in between.
        """

        def wait() -> None:
            self._wait(select.POLLIN, context)
            self._session.consume_input()

        self._limit_statements(context)
        oids: tuple[int, ...] = ()
        with closing(self._run(lambda: self._session.send_query(sql.encode()), context, in_chunks=False)) as results:
            for result in results:
                if result.status == pq.ExecStatus.COPY_OUT:
                    try:
                        yield from copied(self._session, oids, wait, context)
                    except psycopg.Error:
                        raise lost() from None
                else:
                    oids = oids or tuple(result.ftype(column) for column in range(result.nfields))

    def rows(self, sql: str, parameters: Sequence[bytes | None], context: ReadContext) -> list[tuple[str | None, ...]]:
        """All rows of a small answer, each value as its text."""
        found: list[tuple[str | None, ...]] = []
        for chunk in self._run(lambda: self._session.send_query_params(sql.encode(), parameters), context):
            for row in range(chunk.ntuples):
                values = [chunk.get_value(row, column) for column in range(chunk.nfields)]
                found.append(tuple(None if value is None else bytes(value).decode() for value in values))
        return found

    def close(self) -> None:
        self.broken = True
        self._session.finish()

    # ---------------------------------------------------------------------------------------------------- one query

    def _ask(self, send: Callable[[], None], context: ReadContext) -> None:
        """What gives no rows."""
        for _ in self._run(send, context, in_chunks=False):
            pass

    def _run(self, send: Callable[[], None], context: ReadContext, *, in_chunks: bool = True) -> Generator[PGresult, None, None]:
        """Send, and give what comes until nothing more does. `_busy` says whether the session is in between."""
        context.check()
        self._busy = True
        try:
            send()
            if in_chunks:
                self._session.set_chunked_rows_mode(_CHUNK)
            self._send(context)
            failure: SourceError | None = None
            while (result := self._next(context)) is not None:
                if result.status in _GOOD:
                    yield result
                else:
                    failure = server_failure(_state(result))
            self._busy = False
        except psycopg.Error:
            self.broken = True
            raise lost() from None
        finally:
            if self._busy:
                self._stop()
        if failure is not None:
            self.broken = self.broken or failure.transient
            raise failure

    def _send(self, context: ReadContext) -> None:
        """All of the statement, reading meanwhile: the server may answer before it has heard everything."""
        while self._session.flush():
            if self._wait(select.POLLIN | select.POLLOUT, context) & select.POLLIN:
                self._session.consume_input()

    def _next(self, context: ReadContext) -> PGresult | None:
        session = self._session
        while session.is_busy():
            self._wait(select.POLLIN, context)
            session.consume_input()
        return session.get_result()

    def _wait(self, events: int, context: ReadContext) -> int:
        return wait_for(self._session.socket, events, context)

    def _stop(self) -> None:
        """Tell the server to stop, and be done with the session whatever it answers."""
        self.broken = True
        until = time.monotonic() + _CANCEL_PATIENCE
        with suppress(psycopg.Error, OSError):
            cancel = self._session.cancel_conn()
            cancel.start()
            while (state := cancel.poll()) in (pq.PollingStatus.READING, pq.PollingStatus.WRITING):
                left = until - time.monotonic()
                if left <= 0:
                    break
                happens(cancel.socket, EVENTS[state], left * 1000)
            cancel.finish()

    def _limit_statements(self, context: ReadContext) -> None:
        """The server gives a query up by itself some time after we have: at the next power of two of the seconds that are left."""
        left = min(max(0, context.deadline - time.monotonic()), _LONGEST_STATEMENT)
        seconds = 1 << int(left).bit_length()
        if seconds != self._statement_seconds:
            self.rows("SELECT set_config('statement_timeout', $1, false)", [f"{seconds}s".encode()], context)
            self._statement_seconds = seconds


def _state(result: PGresult) -> str | None:
    state = result.error_field(pq.DiagnosticField.SQLSTATE)
    return None if state is None else bytes(state).decode("ascii")
