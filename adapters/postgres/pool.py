"""At most `slots` sessions of one database, used again only if nothing went wrong on them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition
from typing import TYPE_CHECKING

from adapters.interface import ReadContext, SourceError
from adapters.postgres.failures import missing_driver
from adapters.postgres.options import PostgresOptions

if TYPE_CHECKING:
    from adapters.postgres.connection import Connection

_IDLE_SECONDS = 300.0
"""What lay longer may have been forgotten by a firewall, silently."""
_SLICE = 0.05


class ConnectionPool:
    """Sessions are made when they are wanted; who wants one more than there may be waits for one to be given back."""

    def __init__(self, options: PostgresOptions) -> None:
        self._options = options
        self._idle: list[tuple[Connection, float]] = []
        self._used = 0
        self._closed = False
        self._changed = Condition()

    @contextmanager
    def connection(self, context: ReadContext) -> Iterator[Connection]:
        """A session of one's own. It is destroyed unless its answer has been read to the end."""
        self._reserve(context)
        found: Connection | None = None
        try:
            found = self._fresh_idle() or self._connect(context)
            yield found
        except SourceError as error:
            if error.transient:
                # What befell one session has often befallen those that lay beside it.
                self._drop_idle()
            raise
        finally:
            self._give_back(found)

    def close(self) -> None:
        """Idle sessions end now, those in use when they are given back; more are refused."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._drop_idle()

    def _connect(self, context: ReadContext) -> Connection:
        try:
            from adapters.postgres.login import connect
        except ImportError:
            raise missing_driver() from None
        return connect(self._options, context)

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

    def _fresh_idle(self) -> Connection | None:
        """The session used last, if the server has not ended it by now."""
        while True:
            with self._changed:
                if not self._idle:
                    return None
                found, since = self._idle.pop()
            if time.monotonic() - since < _IDLE_SECONDS and found.is_usable:
                return found
            found.close()

    def _drop_idle(self) -> None:
        with self._changed:
            idle, self._idle = self._idle, []
        for connection, _ in idle:
            connection.close()

    def _give_back(self, connection: Connection | None) -> None:
        keep = connection is not None and connection.is_whole
        with self._changed:
            keep = keep and not self._closed
            if connection is not None and keep:
                self._idle.append((connection, time.monotonic()))
            self._used -= 1
            self._changed.notify()
        if connection is not None and not keep:
            connection.close()
