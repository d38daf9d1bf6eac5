"""One ODBC connection in a thread of its own: it is opened, asked, and thrown away when anything was left unread."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from threading import Lock
from typing import Any, TypeVar

import pyarrow as pa

from adapters.interface import ReadContext, SourceError
from adapters.odbc.block_fetch import MOST_ROWS
from adapters.odbc.driver import pyodbc
from adapters.odbc.own_thread import LeftBehind, OwnThread
from adapters.odbc.result import Result
from adapters.odbc.row_fetch import prepare_connection

Answer = TypeVar("Answer")

_FRESH = 5.0
"""Seconds after an answer in which a connection is taken to live; later it is asked before it is used."""
_PATIENCE = 2.0
"""Seconds that it then has to show that it lives."""


class Session:
    """A connection of a pool. `connect` makes the pyodbc connection, in the session's thread."""

    def __init__(self, name: str, connect: Callable[[], Any], left_behind: LeftBehind) -> None:
        left_behind.check()
        self._connect = connect
        self._connection: Any = None
        # Driver handles are freed by the session's own thread only, and never while another thread asks a cursor to cancel.
        self._cursor: Any = None
        self._result: Result | None = None
        self._handles = Lock()
        self._thread = OwnThread(name, self._disconnect, left_behind)
        self._heard = time.monotonic()

    @property
    def is_whole(self) -> bool:
        """Whether another statement may follow: nothing is unread, nothing failed."""
        return not self._thread.ended and self._cursor is None

    def attend(self, context: ReadContext) -> bool:
        """Whether the server is still there: asked, if it has not been heard of for some seconds. Raises S103 and S104 by the context."""
        if time.monotonic() - self._heard < _FRESH:
            return True
        soon = replace(context, deadline=min(context.deadline, time.monotonic() + _PATIENCE))
        try:
            self.rows("SELECT 1", [], soon)
        except (pyodbc().Error, SourceError):
            context.check()
            return False
        return True

    def open(self, context: ReadContext) -> None:
        """Connect. Raises pyodbc.Error, or SourceError S103 and S104."""
        self._call(self._open, context)

    def rows(self, sql: str, parameters: Sequence[Any], context: ReadContext) -> list[tuple[Any, ...]]:
        """All rows of a small answer. Raises pyodbc.Error, or SourceError S103 and S104."""

        def run() -> list[tuple[Any, ...]]:
            cursor = self._execute(sql, parameters)
            try:
                return [tuple(row) for row in cursor.fetchall()]
            finally:
                self._forget_cursor()

        return self._call(run, context)

    def batches(self, sql: str, parameters: Sequence[Any], schema: pa.Schema | None, context: ReadContext) -> Iterator[pa.RecordBatch]:
        """The answer in batches, which are made as they are asked for. Left half way, the session is closed.

        Raises pyodbc.Error, OdbcError, UnreadableValueError, or SourceError S103 and S104.
        """

        def begin() -> pa.RecordBatch | None:
            self._result = Result(self._execute(sql, parameters), schema, min(MOST_ROWS, context.batch_rows))
            return following()

        def following() -> pa.RecordBatch | None:
            assert self._result is not None
            batch = self._result.next()
            if self._result.ended:  # in the same call: a lookup of a few rows costs one change of threads
                self._result.close()
                self._forget_cursor()
            return batch

        whole = False
        try:
            batch = self._call(begin, context)
            while batch is not None:
                # Whether it was the last is known before it is handed on: the session can go back to the pool at once.
                whole = self._result is None
                yield batch
                if whole:
                    return
                context.check()
                batch = self._call(following, context)
            whole = True
        finally:
            if not whole:
                self.close()

    def close(self) -> None:
        """Close the connection, in its thread. Does not wait, may be called again."""
        self._thread.end()

    def _call(self, work: Callable[[], Answer], context: ReadContext) -> Answer:
        try:
            answer = self._thread.call(work, context, self._interrupt)
        except BaseException:
            self.close()
            raise
        self._heard = time.monotonic()
        return answer

    def _open(self) -> None:
        self._connection = self._connect()
        prepare_connection(self._connection)

    def _execute(self, sql: str, parameters: Sequence[Any]) -> Any:
        if self._connection is None:
            raise SourceError("S102", "the connection has been closed", transient=True)
        self._cursor = self._connection.cursor()
        sizes = [_input_size(value) for value in parameters]
        if any(sizes):
            self._cursor.setinputsizes(sizes)
        return self._cursor.execute(sql, *parameters) if parameters else self._cursor.execute(sql)

    def _forget_cursor(self) -> None:
        with self._handles:
            cursor, self._cursor, self._result = self._cursor, None, None
            cursor.close()

    def _interrupt(self) -> None:
        """From another thread, while a call runs: only `cancel` may be called so, and only on a cursor that stays until it has returned."""
        with self._handles, suppress(Exception):
            if self._cursor is not None:
                self._cursor.cancel()

    def _disconnect(self) -> None:
        """The connection first: closing a cursor with unread rows would read them all. Buffers stay until nobody can write to them."""
        with self._handles:
            connection, self._connection = self._connection, None
            if connection is not None:
                with suppress(Exception):
                    connection.close()
            self._cursor = self._result = None


_SQL_WLONGVARCHAR, _SQL_LONGVARBINARY = -10, -4


def _input_size(value: Any) -> tuple[int, int, int] | None:
    """How a parameter is declared; None leaves it to pyodbc. Bound as (var)char, FreeTDS 1.3 cuts it at 8,000 bytes without a word."""
    if isinstance(value, str) and len(value) > 2_000:  # up to 4,000 UTF-16 units
        return _SQL_WLONGVARCHAR, len(value), 0
    if isinstance(value, bytes) and len(value) > 8_000:
        return _SQL_LONGVARBINARY, len(value), 0
    return None
