"""The sessions of a source that are not in use, and the end of those that cannot be used again."""

from __future__ import annotations

import time
from contextlib import suppress
from threading import Lock, Thread

from adapters.hive.failures import HiveError
from adapters.hive.options import HiveOptions
from adapters.hive.service import Service
from adapters.hive.session import RunningStatement, Session
from adapters.interface import ReadContext, SourceError

_FAREWELL = 5.0
"""Seconds that ending something at the server may take, out of everybody's way."""


class SessionPool:
    """Thread-safe. At most `slots` sessions wait for use; the one used last is used first."""

    def __init__(self, options: HiveOptions) -> None:
        self._options = options
        self._lock = Lock()
        self._idle: list[Session] = []
        self._closed = False

    def idle(self) -> Session | None:
        """A session that was used before; the server may have forgotten it."""
        with self._lock:
            if self._closed:
                raise SourceError("S101", "the source has been closed")
            return self._idle.pop() if self._idle else None

    def fresh(self, context: ReadContext) -> Session:
        return Session(self._options, context)

    def give_back(self, session: Session) -> None:
        """For a session that owes nothing and is owed nothing."""
        with self._lock:
            if not self._closed and len(self._idle) < self._options.slots:
                self._idle.append(session)
                return
        self.abandon(session)

    def abandon(self, session: Session, running: RunningStatement | None = None) -> None:
        """Never use it again. At the server its statement is cancelled and it is closed, by a thread that nobody waits for."""
        Thread(target=_farewell, args=(self._options, session, running), name="hive-farewell", daemon=True).start()

    def close(self) -> None:
        with self._lock:
            self._closed = True
            left, self._idle = self._idle, []
        for session in left:
            self.abandon(session)


def _farewell(options: HiveOptions, session: Session, running: RunningStatement | None) -> None:
    """A connection on which the server owes an answer is cut, and the statement cancelled over another: the server hears a
    disconnection only when it writes the answer, which may be after minutes of searching for one row."""
    context = ReadContext(deadline=time.monotonic() + _FAREWELL)
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
