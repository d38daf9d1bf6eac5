"""A session of HiveServer2 on a connection of its own, a statement that runs in it, and their end at the server."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from threading import Thread
from typing import Any

from adapters.hive.columns import row_count, texts
from adapters.hive.failures import HiveError, check_status
from adapters.hive.options import NO_ANTI_JOIN, NO_SUBSTITUTION, UTC, HiveOptions
from adapters.hive.service import Service
from adapters.interface import ReadContext, SourceError

_PROTOCOL = 9
"""HIVE_CLI_SERVICE_PROTOCOL_V10."""
_OLDEST_PROTOCOL = 5
"""V6, the first with columns instead of rows."""

_RUNNING = frozenset({0, 1, 7})
_FINISHED = 2
_TIMED_OUT = 8
"""TOperationState: initialized, running, pending; finished; stopped by the server's own time limit."""

_NEEDED = {
    "OpenSession": "sessionHandle",
    "ExecuteStatement": "operationHandle",
    "GetTables": "operationHandle",
    "GetResultSetMetadata": "schema",
    "FetchResults": "results",
}
"""Calls to what their answer is of no use without."""

_FIRST_ROWS, _MOST_ROWS, _LEAST_ROWS = 1_000, 10_000, 50
_LONGEST_PAUSE = 0.05
_FAREWELL = 5.0
"""Seconds that ending something at the server may take, out of everybody's way."""


class Session:
    """Opened when made. After any error but HiveError it is of no use and must be closed."""

    def __init__(self, options: HiveOptions, context: ReadContext) -> None:
        """Raises S101, S103, S104, S106, S107, S110."""
        self.service = Service(options, context)
        self.waiting = self._closed = False
        """Whether the server owes the answer to a call."""
        self.running: RunningStatement | None = None
        self._options = options
        try:
            self._handle = self._opened(options, context)
        except (HiveError, ValueError):
            self.service.close()
            raise SourceError(
                "S110", "the source refused to open a session", "check the database in url, the settings under session, and the account"
            ) from None
        except BaseException:
            self.service.close()
            raise

    @property
    def is_whole(self) -> bool:
        """Whether it owes nothing and is owed nothing."""
        return not self.waiting and self.running is None and not self._closed

    def attend(self, context: ReadContext) -> bool:
        """Whether the server still knows the session: it is asked, for it may have been restarted, or have forgotten it."""
        if not self.service.is_quiet:
            return False
        try:
            self.version(context)
        except (HiveError, SourceError):
            context.check()
            return False
        return True

    def close(self) -> None:
        """Never use it again. At the server its statement is cancelled and it is closed, by a thread that nobody waits for."""
        if not self._closed:
            self._closed = True
            Thread(target=_farewell, args=(self._options, self), name="hive-farewell", daemon=True).start()

    def _opened(self, options: HiveOptions, context: ReadContext) -> Any:
        """With all settings that the server lets us have. Raises HiveError if it refuses one that answers depend on."""
        needed = {**NO_SUBSTITUTION, **NO_ANTI_JOIN}
        for settings in ({**needed, **UTC}, needed):
            with suppress(HiveError):
                return self._open(options, settings, context)
        self._handle = self._open(options, NO_SUBSTITUTION, context)
        if int(self.version(context).partition(".")[0]) >= 4:
            raise HiveError(0, "")
        return self._handle

    def _open(self, options: HiveOptions, reserved: Mapping[str, str], context: ReadContext) -> Any:
        settings = {f"set:hiveconf:{name}": value for name, value in {**options.session, **reserved}.items()}
        request = self.service.types.TOpenSessionReq(
            client_protocol=_PROTOCOL,
            username=options.user,
            password=options.password,
            configuration={"use:database": options.database, **settings},
        )
        answer = self.call("OpenSession", request, context)
        if answer.serverProtocolVersion < _OLDEST_PROTOCOL:
            raise SourceError("S110", "the source is a Hive older than 0.13, which cannot send columns")
        return answer.sessionHandle

    def call(self, name: str, request: Any, context: ReadContext) -> Any:
        """Raises SourceError, or HiveError for an answer that is an error."""
        self.send(name, request, context)
        return self.receive(name, context)

    def send(self, name: str, request: Any, context: ReadContext) -> None:
        self.waiting = True
        self.service.send(name, request, context)

    def receive(self, name: str, context: ReadContext) -> Any:
        answer = self.service.receive(name, context)
        self.waiting = False
        check_status(answer.status)
        if getattr(answer, _NEEDED.get(name, "status")) is None:
            raise SourceError("S105", "the source gave an answer that cannot be read", "is it HiveServer2 that listens there?")
        return answer

    def version(self, context: ReadContext) -> str:
        """The server's, such as 4.0.1. Raises HiveError if it does not know the session any more."""
        types = self.service.types
        request = types.TGetInfoReq(sessionHandle=self._handle, infoType=types.TGetInfoType.CLI_DBMS_VER)
        return str(self.call("GetInfo", request, context).infoValue.stringValue)

    def execute(self, sql: str, context: ReadContext) -> RunningStatement:
        """Compiled when this returns, and begun. Raises HiveError if it cannot be compiled."""
        request = self.service.types.TExecuteStatementReq(sessionHandle=self._handle, statement=sql, runAsync=True)
        return self._begun(self.call("ExecuteStatement", request, context))

    def table_names(self, database: str, context: ReadContext) -> list[str]:
        """The tables and views of a database. (The names of the request are patterns, in which `_` is any sign.)"""
        request = self.service.types.TGetTablesReq(sessionHandle=self._handle, schemaName=database, tableName="%")
        rows = self._begun(self.call("GetTables", request, context)).texts(context)
        return sorted(str(name) for _, schema, name, *_ in rows if schema == database.lower() and name)

    def query_texts(self, sql: str, context: ReadContext) -> list[tuple[str | None, ...]]:
        """The rows of a small statement such as DESCRIBE, as texts."""
        return self.execute(sql, context).texts(context)

    def _begun(self, answer: Any) -> RunningStatement:
        self.running = RunningStatement(self, answer.operationHandle)
        return self.running

    def end(self, context: ReadContext) -> None:
        """Close it with a word to the server."""
        try:
            self.call("CloseSession", self.service.types.TCloseSessionReq(sessionHandle=self._handle), context)
        finally:
            self.service.close()


class RunningStatement:
    """A statement from its start until its operation is closed."""

    def __init__(self, session: Session, handle: Any) -> None:
        self.session, self.handle = session, handle
        self._types = session.service.types

    def wait(self, context: ReadContext) -> None:
        """Until it has finished. Hive holds a poll back while the statement runs; others answer at once, hence the pauses."""
        pause = 0.001
        while True:
            answer = self.session.call("GetOperationStatus", self._types.TGetOperationStatusReq(operationHandle=self.handle), context)
            if answer.operationState == _FINISHED:
                return
            if answer.operationState == _TIMED_OUT:
                raise SourceError("S103", "the source stopped the statement at its own time limit", transient=True)
            if answer.operationState not in _RUNNING:
                raise HiveError(answer.errorCode or 0, answer.sqlState or "")
            context.cancelled.wait(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    def described(self, context: ReadContext) -> Sequence[Any]:
        """The columns of the result (TColumnDesc)."""
        request = self._types.TGetResultSetMetadataReq(operationHandle=self.handle)
        found: Sequence[Any] = self.session.call("GetResultSetMetadata", request, context).schema.columns
        return found

    def fetched(self, context: ReadContext, most: int | None = None) -> Iterator[Sequence[Any]]:
        """The result in portions of columns. The server fills the next one while the caller works on this.

        Only an empty answer is the end: a server sends as few rows as it likes.
        """
        rows = min(_FIRST_ROWS, context.batch_rows if most is None else min(most, context.batch_rows)) or 1
        self._ask(rows, context)
        while True:
            results = self.session.receive("FetchResults", context).results
            if results.columns is None:
                raise SourceError(
                    "S110",
                    "the source sends results in a form that cannot be read",
                    "hive.server2.thrift.resultset.serialize.in.tasks = false",
                )
            count = row_count(results.columns)
            if not count:
                return
            rows = _next_rows(results.columns, count, context)
            self._ask(rows, context)
            yield results.columns

    def texts(self, context: ReadContext) -> list[tuple[str | None, ...]]:
        """The whole of a small result; the operation is closed."""
        self.wait(context)
        rows = [row for columns in self.fetched(context) for row in zip(*(texts(column) for column in columns), strict=True)]
        self.close(context)
        return rows

    def _ask(self, rows: int, context: ReadContext) -> None:
        request = self._types.TFetchResultsReq(
            operationHandle=self.handle, orientation=self._types.TFetchOrientation.FETCH_NEXT, maxRows=rows
        )
        self.session.send("FetchResults", request, context)

    def cancel(self, context: ReadContext) -> None:
        self.session.call("CancelOperation", self._types.TCancelOperationReq(operationHandle=self.handle), context)

    def close(self, context: ReadContext) -> None:
        self.session.call("CloseOperation", self._types.TCloseOperationReq(operationHandle=self.handle), context)
        self.session.running = None


def _next_rows(columns: Sequence[Any], count: int, context: ReadContext) -> int:
    """So many rows that their texts fill a few batches, judged by the portion that came."""
    sampled = range(0, count, max(1, count // 100))
    bytes_per_row = sum(
        sum(len(column.stringVal.values[row]) for row in sampled) / len(sampled) if column.stringVal is not None else 8
        for column in columns
    )
    return max(_LEAST_ROWS, min(_MOST_ROWS, context.batch_rows, int(2 * context.batch_bytes / max(bytes_per_row, 1))))


def _farewell(options: HiveOptions, session: Session) -> None:
    """A connection on which the server owes an answer is cut, and the statement cancelled over another: the server hears a
    disconnection only when it writes the answer, which may be after minutes of searching for one row."""
    context, running = ReadContext(deadline=time.monotonic() + _FAREWELL), session.running
    with suppress(SourceError, HiveError):
        if not session.waiting:
            try:
                if running is not None:
                    with suppress(HiveError):  # it may have ended already
                        running.cancel(context)
                session.end(context)
            finally:
                session.service.close()
            return
        session.service.close()
        if running is not None:
            other = Service(options, context)
            try:
                other.call("CancelOperation", other.types.TCancelOperationReq(operationHandle=running.handle), context)
                other.call("CloseOperation", other.types.TCloseOperationReq(operationHandle=running.handle), context)
            finally:
                other.close()
