"""A bounded pool of connections to one source. What failed, hung or was left half read never comes back into it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Condition
from typing import Generic, Protocol, TypeVar

from adapters.interface import ReadContext, SourceError

_SLICE = 0.05
"""Seconds between two looks at the context of one who waits for a connection."""


class Connection(Protocol):
    """What the pool asks of a connection. One thread has it at a time, not always the same."""

    @property
    def is_whole(self) -> bool:
        """Whether every answer has been read and nothing went wrong, as far as is known without a word to the server."""

    def attend(self, context: ReadContext) -> bool:
        """Serve this read from here on. False if the other side has gone meanwhile, or may have. Raises SourceError by the context."""

    def close(self) -> None:
        """Waits for nothing, raises nothing, may be called again."""


Held = TypeVar("Held", bound=Connection)


class ConnectionPool(Generic[Held]):
    """Connections are made when they are wanted; who wants one more than `slots` waits for one to be given back.

    `open` gives a new one, or raises SourceError. One that was silent for `idle_seconds` is not used again.
    """

    def __init__(self, slots: int, open: Callable[[ReadContext], Held], idle_seconds: float = math.inf) -> None:
        self.idle_seconds = idle_seconds
        self._slots, self._open = slots, open
        self._idle: list[tuple[Held, float]] = []
        self._used = 0
        self._closed = False
        self._changed = Condition()

    @contextmanager
    def connection(self, context: ReadContext) -> Iterator[Held]:
        """One of one's own. It is destroyed unless it is whole in the end. Raises S103 or S104 by the context, S101 after `close`."""
        self._reserve(context)
        held: Held | None = None
        try:
            held = self._kept(context)
            if held is None:
                held = self._open(context)
            yield held
        except SourceError as error:
            if error.transient:
                self.forget_idle()
            raise
        finally:
            self._give_back(held)

    def check_open(self) -> None:
        """Raises SourceError S101 after `close`."""
        if self._closed:
            raise SourceError("S101", "the source has been closed")

    def forget_idle(self) -> None:
        """Close every connection that waits: what befell one has often befallen those beside it."""
        with self._changed:
            idle, self._idle = self._idle, []
        for connection, _ in idle:
            connection.close()

    def close(self) -> None:
        """Idle connections end now, those in use when they are given back; more are refused."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self.forget_idle()

    def _reserve(self, context: ReadContext) -> None:
        with self._changed:
            while True:
                self.check_open()
                context.check()
                if self._used < self._slots:
                    self._used += 1
                    return
                self._changed.wait(_SLICE)

    def _kept(self, context: ReadContext) -> Held | None:
        """The connection used last, if it is still good; if not, those used before it are hardly better."""
        with self._changed:
            if not self._idle:
                return None
            found, since = self._idle.pop()
        good = False
        try:
            good = time.monotonic() - since < self.idle_seconds and found.attend(context)
        finally:
            if not good:
                found.close()
                self.forget_idle()
        return found if good else None

    def _give_back(self, held: Held | None) -> None:
        keep = held is not None and held.is_whole
        with self._changed:
            if held is not None and keep and not self._closed:
                self._idle.append((held, time.monotonic()))
                held = None
            self._used -= 1
            self._changed.notify()
        if held is not None:
            held.close()
