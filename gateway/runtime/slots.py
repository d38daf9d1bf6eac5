"""Slots: how many reads one source bears at once, shared by every query of the process."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Condition, Lock

_POLL_SECONDS = 0.05


class SourceSlots:
    """The slots of one source. A slot is given back by the thread that read with it, however late."""

    def __init__(self, capacity: int) -> None:
        self._free = max(1, capacity)
        self._waiting = 0
        self._condition = Condition()

    @property
    def wanted(self) -> bool:
        """Whether somebody waits for a slot: a read that cannot hand over its rows must then not sit on its own."""
        return self._waiting > 0

    @property
    def free(self) -> int:
        return self._free

    def acquire(self, deadline: float, given_up: Callable[[], bool]) -> bool:
        """Wait for a slot until `deadline` (time.monotonic()) or until `given_up`; whether one was got."""
        with self._condition:
            self._waiting += 1
            try:
                while self._free == 0:
                    left = deadline - time.monotonic()
                    if left <= 0 or given_up():
                        return False
                    self._condition.wait(min(left, _POLL_SECONDS))
                self._free -= 1
                return True
            finally:
                self._waiting -= 1

    def try_acquire(self) -> bool:
        """Take a slot that nobody else waits for."""
        with self._condition:
            if self._free == 0 or self._waiting:
                return False
            self._free -= 1
            return True

    def release(self) -> None:
        with self._condition:
            self._free += 1
            self._condition.notify()


class SlotPool:
    """The slots of all sources."""

    def __init__(self) -> None:
        self._sources: dict[tuple[str, str], SourceSlots] = {}
        self._lock = Lock()

    def of(self, node: str, source: str, capacity: int) -> SourceSlots:
        """The slots of a source; the first caller's capacity holds for the life of the process."""
        with self._lock:
            return self._sources.setdefault((node, source), SourceSlots(capacity))
