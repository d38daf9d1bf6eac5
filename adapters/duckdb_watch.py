"""One thread that interrupts statements whose read was cancelled or is out of time: DuckDB itself knows no deadline."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Condition, Thread

from adapters.interface import ReadContext

TICK = 0.02
"""Seconds between two looks; a cancelled statement stops about this late."""


class InterruptWatch:
    """Watches any number of reads. The thread sleeps while there are none, and ends with `close`."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._watched: dict[int, tuple[ReadContext, Callable[[], None]]] = {}
        self._closed = False
        self._thread: Thread | None = None

    @contextmanager
    def watch(self, context: ReadContext, interrupt: Callable[[], None]) -> Iterator[None]:
        """While inside, `interrupt` is called when the context is over: again each tick, as an early one is forgotten."""
        key = id(interrupt)
        with self._changed:
            self._watched[key] = (context, interrupt)
            if self._thread is None and not self._closed:
                self._thread = Thread(target=self._run, name="duckdb-interrupts", daemon=True)
                self._thread.start()
            self._changed.notify()
        try:
            yield
        finally:
            with self._changed:
                del self._watched[key]

    def close(self) -> None:
        """Interrupt everything that is watched, and end the thread."""
        with self._changed:
            self._closed = True
            for _, interrupt in self._watched.values():
                interrupt()
            self._changed.notify()
            thread = self._thread
        if thread is not None:
            thread.join()

    def _run(self) -> None:
        with self._changed:
            while not self._closed:
                self._changed.wait(TICK if self._watched else None)
                now = time.monotonic()
                for context, interrupt in self._watched.values():
                    if context.cancelled.is_set() or now >= context.deadline:
                        interrupt()
