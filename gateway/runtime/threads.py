"""The threads of the runtime: daemons, as a driver may hang for ever, but waited for a moment at the end.

A daemon that is inside DuckDB or a driver when Python ends takes the whole process down with it (abort), hence `join`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Lock, Thread, current_thread


class Threads:
    """Knows every thread that still runs."""

    def __init__(self) -> None:
        self._running: set[Thread] = set()
        self._lock = Lock()

    def start(self, name: str, body: Callable[[], None]) -> None:
        thread = Thread(target=self._run, args=(body,), name=f"gateway-{name}", daemon=True)
        with self._lock:  # started in here, so that nobody joins a thread that is known but does not run yet
            self._running.add(thread)
            thread.start()

    def join(self, seconds: float) -> bool:
        """Wait for all to end; whether they did."""
        until = time.monotonic() + seconds
        while True:
            with self._lock:
                running = list(self._running)
            if not running:
                return True
            left = until - time.monotonic()
            if left <= 0:
                return False
            running[0].join(left)

    def _run(self, body: Callable[[], None]) -> None:
        try:
            body()
        finally:
            with self._lock:
                self._running.discard(current_thread())
