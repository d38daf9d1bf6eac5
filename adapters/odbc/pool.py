"""A bounded pool of sessions for one source. What failed, hung or was left half read never comes back into it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock, Semaphore

from adapters.interface import ReadContext, SourceError
from adapters.odbc.session import Session

_SLICE = 0.05


class SessionPool:
    """Up to `slots` sessions at once. `open_session` gives an open one, or raises SourceError."""

    def __init__(
        self, slots: int, open_session: Callable[[ReadContext], Session], is_alive: Callable[[Session, ReadContext], bool]
    ) -> None:
        self._free = Semaphore(slots)
        self._open, self._is_alive = open_session, is_alive
        self._idle: list[Session] = []
        self._closed = False
        self._lock = Lock()

    @contextmanager
    def session(self, context: ReadContext) -> Iterator[Session]:
        """A session for one statement. If it has not ended by itself it goes back to the pool."""
        self._wait_for_slot(context)
        try:
            session = self._idle_session(context) or self._open(context)
            try:
                yield session
            except BaseException:
                session.end()
                raise
            finally:
                self._take_back(session)
        finally:
            self._free.release()

    def forget_idle(self) -> None:
        """End every session that waits: when one of them found the server gone, all have."""
        with self._lock:
            idle, self._idle = self._idle, []
        for session in idle:
            session.end()

    def close(self) -> None:
        self._closed = True
        self.forget_idle()

    def _wait_for_slot(self, context: ReadContext) -> None:
        while True:
            context.check()
            if self._closed:
                raise SourceError("S101", "the source has been closed")
            if self._free.acquire(timeout=_SLICE):
                return

    def _idle_session(self, context: ReadContext) -> Session | None:
        while True:
            with self._lock:
                if not self._idle:
                    return None
                session = self._idle.pop()
            if self._is_alive(session, context):
                return session
            session.end()
            self.forget_idle()

    def _take_back(self, session: Session) -> None:
        with self._lock:
            if not session.ended and not self._closed:
                self._idle.append(session)
                return
        session.end()
