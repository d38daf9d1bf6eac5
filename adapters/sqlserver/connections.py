"""The connections of one source: how they are opened, and which of them may be used again."""

from __future__ import annotations

import time
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

from adapters.connection_pool import ConnectionPool
from adapters.interface import ReadContext, SourceError
from adapters.odbc.driver import pyodbc
from adapters.odbc.own_thread import LeftBehind
from adapters.odbc.session import Session
from adapters.sqlserver.connection_string import connection_string, driver_of
from adapters.sqlserver.errors import connect_error, is_silent
from adapters.sqlserver.handshake import failure_of
from adapters.sqlserver.options import SqlServerOptions


class Connections:
    """A bounded pool over `options.slots`; what hangs is left behind, at most twice as many."""

    def __init__(self, options: SqlServerOptions, name: str) -> None:
        """Raises SourceError S110 for a driver that is not known or cannot do what the options say."""
        driver_of(options)
        self._options, self._name = options, name
        self._left_behind = LeftBehind(name, 2 * options.slots)
        self._pool = ConnectionPool(options.slots, self._open)

    def session(self, context: ReadContext) -> AbstractContextManager[Session]:
        """One connection for one statement. Raises SourceError S101, S103, S104, S106, S107, S110."""
        return self._pool.connection(context)

    @property
    def left_behind(self) -> int:
        return self._left_behind.count

    def close(self) -> None:
        self._pool.close()

    def _open(self, context: ReadContext) -> Session:
        in_time = time.monotonic() + self._options.connect_timeout
        limited = replace(context, deadline=min(context.deadline, in_time))
        session = Session(f"sqlserver {self._name}", self._connect, self._left_behind)
        failure: SourceError
        try:
            session.open(limited)
        except pyodbc().Error as error:
            failure = connect_error(error)
        except SourceError as error:
            failure = error
            if error.code == "S103" and time.monotonic() < context.deadline:
                failure = SourceError("S101", "the source does not answer", "check host and port in the url", transient=True)
        else:
            return session
        session.close()
        raise failure

    def _connect(self) -> Any:
        """In the session's thread. Each statement is its own transaction: nothing is left open between two."""
        timeout = max(1, round(self._options.connect_timeout))
        try:
            return pyodbc().connect(connection_string(self._options), autocommit=True, timeout=timeout)
        except pyodbc().Error as error:
            if self._options.tls.mode == "off" or not is_silent(error):
                raise
        raise failure_of(self._options)
