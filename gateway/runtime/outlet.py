"""The rows on their way out: from the merge's thread to the caller, a few batches at a time."""

from __future__ import annotations

from collections import deque
from threading import Condition

import pyarrow as pa

from gateway.runtime.buffer import BufferClosed

_BATCHES = 4


class Outlet:
    """One writer, one reader. An error is seen before the rows that still wait: they may be wrong to show."""

    def __init__(self) -> None:
        self._batches: deque[pa.RecordBatch] = deque()
        self._finished = False
        self._error: Exception | None = None
        self._condition = Condition()

    def put(self, batch: pa.RecordBatch) -> None:
        """Waits for the caller to read. Raises BufferClosed when it does not want to any more."""
        with self._condition:
            while len(self._batches) >= _BATCHES and self._error is None and not self._finished:
                self._condition.wait()
            if self._error is not None or self._finished:
                raise BufferClosed
            self._batches.append(batch)
            self._condition.notify_all()

    def take(self) -> pa.RecordBatch | None:
        """The next batch, None at the end. Raises the query's error."""
        with self._condition:
            while not self._batches and self._error is None and not self._finished:
                self._condition.wait()
            if self._error is not None:
                raise self._error
            if not self._batches:
                return None
            batch = self._batches.popleft()
            self._condition.notify_all()
            return batch

    def finish(self) -> None:
        with self._condition:
            self._finished = True
            self._condition.notify_all()

    def fail(self, error: Exception) -> None:
        with self._condition:
            self._error = self._error or error
            self._batches.clear()
            self._condition.notify_all()
