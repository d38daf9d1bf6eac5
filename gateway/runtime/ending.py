"""How a query ends early: one signal that every waiting thread of it hears, and the clock that gives it in time."""

from __future__ import annotations

import heapq
import itertools
import time
from collections.abc import Callable
from threading import Condition, Event, Lock, Thread


class Ending:
    """Set once. Whoever blocks on behalf of the query registers how to be woken."""

    def __init__(self) -> None:
        self.event = Event()
        self._wakers: list[Callable[[], None]] = []
        self._lock = Lock()

    @property
    def reached(self) -> bool:
        return self.event.is_set()

    def wakes(self, waker: Callable[[], None]) -> None:
        """Call `waker` when the end comes, or now if it has come. It must be quick, and right to call twice."""
        with self._lock:
            if not self.event.is_set():
                self._wakers.append(waker)
                return
        waker()

    def come(self) -> None:
        with self._lock:
            if self.event.is_set():
                return
            self.event.set()
            wakers, self._wakers = self._wakers, []
        for waker in wakers:
            waker()


class Clock:
    """One thread for all queries that calls back at a moment of time.monotonic()."""

    def __init__(self) -> None:
        self._entries: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()
        self._condition = Condition()
        self._closed = False
        self._thread: Thread | None = None

    def at(self, moment: float, callback: Callable[[], None]) -> Callable[[], None]:
        """Arrange a call; what is returned takes it back."""
        with self._condition:
            number = next(self._numbers)
            heapq.heappush(self._entries, (moment, number, callback))
            if self._thread is None and not self._closed:
                self._thread = Thread(target=self._run, name="gateway-clock", daemon=True)
                self._thread.start()
            self._condition.notify()
        return lambda: self._take_back(number)

    def close(self) -> None:
        with self._condition:
            self._closed = True
            self._condition.notify()
            thread = self._thread
        if thread is not None:
            thread.join(1.0)

    def _take_back(self, number: int) -> None:
        with self._condition:
            before = len(self._entries)
            self._entries = [entry for entry in self._entries if entry[1] != number]
            if len(self._entries) != before:
                heapq.heapify(self._entries)

    def _run(self) -> None:
        while True:
            with self._condition:
                if self._closed:
                    return
                if not self._entries:
                    self._condition.wait()
                    continue
                left = self._entries[0][0] - time.monotonic()
                if left > 0:
                    self._condition.wait(left)
                    continue
                _, _, callback = heapq.heappop(self._entries)
            callback()
