"""Blocking driver calls of one connection in a thread of its own, which is left behind when the driver does not come back.

A C driver that waits for a deaf server can be interrupted by nothing that Python has. So whoever waits does so here: at the deadline,
or when the read is cancelled, it asks the driver to stop, waits a moment, and goes. The thread keeps the connection, closes it when the
driver comes back at last, and counts as left behind until then.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from queue import SimpleQueue
from threading import Lock, Thread
from typing import Any, Generic, TypeVar

from adapters.interface import ReadContext, SourceError

_logger = logging.getLogger(__name__)

_SLICE = 0.05
"""Seconds between two looks at the cancelled flag: threading.Event cannot be waited for together with an answer."""
_PATIENCE = 0.3
"""Seconds that a driver has to come back after it was asked to stop."""

Answer = TypeVar("Answer")


class _Call(Generic[Answer]):
    """One call: `done` is locked until `answer` or `error` is there."""

    def __init__(self, work: Callable[[], Answer]) -> None:
        self.work = work
        self.done = Lock()
        self.done.acquire()
        self.answer: Answer
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            self.answer = self.work()
        except BaseException as error:  # noqa: BLE001  it is raised again by whoever waits
            self.error = error
        self.done.release()


class LeftBehind:
    """How many threads of one source wait for a driver that does not come back, and how many may."""

    def __init__(self, name: str, most: int) -> None:
        self._name, self._most = name, most
        self._count = 0
        self._lock = Lock()

    @property
    def count(self) -> int:
        return self._count

    def check(self) -> None:
        """Raises SourceError S101 when too many hang: a source that answers nothing must not fill the process with threads."""
        if self._count >= self._most:
            raise SourceError(
                "S101", f"{self._count} connections to the source hang; no more are opened until one comes back", transient=True
            )

    def add(self, change: int) -> None:
        with self._lock:
            self._count += change
            count = self._count
        _logger.warning("source %s: %d connection(s) left behind", self._name, count)


class OwnThread:
    """Runs one call at a time. `close` runs in the thread after the last one, however it ended."""

    def __init__(self, name: str, close: Callable[[], None], left_behind: LeftBehind) -> None:
        self._calls: SimpleQueue[_Call[Any] | None] = SimpleQueue()
        self._close, self._left_behind = close, left_behind
        self._ended = False
        self._hangs = False
        self._lock = Lock()
        # A daemon: a process must be able to end while a driver hangs.
        Thread(target=self._serve, name=name, daemon=True).start()

    @property
    def ended(self) -> bool:
        """No call may follow: the connection is closed, or will be as soon as the driver comes back."""
        return self._ended

    def call(self, work: Callable[[], Answer], context: ReadContext, interrupt: Callable[[], None] = lambda: None) -> Answer:
        """Run `work` in the thread and wait for it. Raises what it raises, or S103 or S104 at the latest half a second after the time.

        `interrupt` asks the driver to stop; it is called from another thread, while `work` runs. After S103 and S104 this thread has ended.
        """
        assert not self._ended
        call = _Call(work)
        self._calls.put(call)
        if not call.done.acquire(timeout=_SLICE):
            self._wait(call, context, interrupt)
        if call.error is not None:
            raise call.error
        return call.answer

    def end(self) -> None:
        """Let the thread close the connection and end. Does not wait for it."""
        if not self._ended:
            self._ended = True
            self._calls.put(None)

    def _wait(self, call: _Call[Any], context: ReadContext, interrupt: Callable[[], None]) -> None:
        while True:
            try:
                context.check()
            except SourceError:
                self._leave(call, interrupt)
                raise
            if call.done.acquire(timeout=_SLICE):
                return

    def _leave(self, call: _Call[Any], interrupt: Callable[[], None]) -> None:
        self.end()
        # Even this may wait for a lock that the driver holds.
        Thread(target=interrupt, name="interrupt", daemon=True).start()
        if call.done.acquire(timeout=_PATIENCE):
            return
        with self._lock:
            self._hangs = not call.done.acquire(blocking=False)
            if self._hangs:
                self._left_behind.add(1)

    def _serve(self) -> None:
        while (call := self._calls.get()) is not None:
            call.run()
            del call  # an answer (or an error with its frames) is not kept until the next one
        try:
            self._close()
        finally:
            with self._lock:
                if self._hangs:
                    self._left_behind.add(-1)
