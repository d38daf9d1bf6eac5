"""Connection pool: at most so many connections to one Thrift server, used again only if nothing went wrong on them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Condition

from adapters.hbase.thrift_calls import ThriftCalls
from adapters.hbase.thrift_options import ThriftOptions
from adapters.hbase.thrift_wire import open_wire
from adapters.interface import ReadContext, SourceError

_IDLE_SECONDS = {"thrift": 50.0, "http": 25.0, "https": 25.0}
"""The server closes a socket that was silent for 60 s (hbase.thrift.server.socket.read.timeout), HTTP after 30 s (Jetty)."""
_SLICE = 0.1


@dataclass(frozen=True, slots=True)
class _Idle:
    calls: ThriftCalls
    since: float


class ConnectionPool:
    """Connections are made when they are wanted; who wants one more than there may be waits for one to be given back.

    `idle_seconds`: how long a connection may be silent and still be used.
    """

    def __init__(self, options: ThriftOptions) -> None:
        self.idle_seconds = _IDLE_SECONDS[options.scheme]
        self._options = options
        self._idle: list[_Idle] = []
        self._used = 0
        self._closed = False
        self._changed = Condition()

    @contextmanager
    def connection(self, context: ReadContext) -> Iterator[ThriftCalls]:
        """A connection whose waits end with the context. It is destroyed unless every reply has been read."""
        calls = self._taken(context)
        try:
            yield calls
        finally:
            self._give_back(calls)

    def close(self) -> None:
        """Idle connections end now, those in use when they are given back; more are refused."""
        with self._changed:
            self._closed = True
            idle, self._idle = self._idle, []
            self._changed.notify_all()
        for each in idle:
            each.calls.close()

    def _taken(self, context: ReadContext) -> ThriftCalls:
        self._reserve(context)
        try:
            found = self._fresh_idle()
            if found is None:
                return ThriftCalls(open_wire(self._options, context))
            found.attend(context)
            return found
        except BaseException:
            self._release()
            raise

    def _reserve(self, context: ReadContext) -> None:
        with self._changed:
            while True:
                if self._closed:
                    raise SourceError("S101", "the source has been closed")
                context.check()
                if self._used < self._options.slots:
                    self._used += 1
                    return
                self._changed.wait(_SLICE)

    def _release(self) -> None:
        with self._changed:
            self._used -= 1
            self._changed.notify()

    def _fresh_idle(self) -> ThriftCalls | None:
        """The connection used last, if the server has not closed it by now."""
        while True:
            with self._changed:
                if not self._idle:
                    return None
                found = self._idle.pop()
            if time.monotonic() - found.since < self.idle_seconds and found.calls.is_usable:
                return found.calls
            found.calls.close()

    def _give_back(self, calls: ThriftCalls) -> None:
        keep = calls.is_in_step
        with self._changed:
            if keep and not self._closed:
                self._idle.append(_Idle(calls, time.monotonic()))
            else:
                keep = False
            self._used -= 1
            self._changed.notify()
        if not keep:
            calls.close()
