"""Raw batches on their way from the threads that read a fragment to the one that projects it."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from threading import Condition

import pyarrow as pa

from adapters.interface import SourceError
from gateway.runtime.buffer import BufferClosed

_GATHER_ROWS = 50_000
_GATHER_BYTES = 16 << 20
_PAUSE_SECONDS = 0.02


class RawQueue:
    """Bounded by bytes. `readers` threads put; each says once that it is done or has failed."""

    def __init__(self, schema: pa.Schema, capacity: int) -> None:
        self.schema = schema
        self._capacity = capacity
        self._batches: deque[pa.RecordBatch] = deque()
        self._bytes = 0
        self._readers = 0
        self._error: Exception | None = None
        self._closed = False
        self._condition = Condition()

    def add_reader(self) -> None:
        with self._condition:
            self._readers += 1

    def put(self, batch: pa.RecordBatch) -> None:
        """Waits for room. Raises BufferClosed when the rows are not wanted any more."""
        with self._condition:
            while self._bytes and self._bytes + batch.nbytes > self._capacity and not self._over:
                self._condition.wait()
            if self._over:
                raise BufferClosed
            self._batches.append(batch)
            self._bytes += batch.nbytes
            self._condition.notify_all()

    def reader_done(self) -> None:
        with self._condition:
            self._readers -= 1
            self._condition.notify_all()

    def fail(self, error: Exception) -> None:
        """The first failure ends the queue: what still waits in it is worth nothing."""
        with self._condition:
            self._error = self._error or error
            self._condition.notify_all()

    def close(self) -> None:
        """Nobody takes any more: readers that put are sent away."""
        with self._condition:
            self._closed = True
            self._batches.clear()
            self._bytes = 0
            self._condition.notify_all()

    def gathered(self) -> Iterator[pa.Table]:
        """Batches together, about 50,000 rows at a time, or fewer where the source pauses."""
        while (batches := self._gather()) is not None:
            yield pa.Table.from_batches(batches, self.schema)

    def batches(self) -> Iterator[pa.RecordBatch]:
        """One by one, to the end."""
        while (batch := self._take()) is not None:
            yield batch

    def raise_error(self) -> None:
        """Raise what ended the queue early, if anything did: DuckDB only passes its text on."""
        if self._error is not None:
            raise self._error
        if self._closed:
            raise BufferClosed

    @property
    def _over(self) -> bool:
        return self._closed or self._error is not None

    def _take(self) -> pa.RecordBatch | None:
        with self._condition:
            while not self._batches and self._readers and not self._over:
                self._condition.wait()
            self.raise_error()
            return self._pop() if self._batches else None

    def _gather(self) -> list[pa.RecordBatch] | None:
        first = self._take()
        if first is None:
            return None
        found, rows, size = [first], first.num_rows, first.nbytes
        with self._condition:
            while rows < _GATHER_ROWS and size < _GATHER_BYTES and self._more_comes():
                self.raise_error()
                found.append(self._pop())
                rows, size = rows + found[-1].num_rows, size + found[-1].nbytes
            self.raise_error()
        return found

    def _more_comes(self) -> bool:
        """Whether a batch is there, waiting a moment for it."""
        until = time.monotonic() + _PAUSE_SECONDS
        while not self._batches and self._readers and not self._over:
            left = until - time.monotonic()
            if left <= 0 or not self._condition.wait(left):
                break
        return bool(self._batches)

    def _pop(self) -> pa.RecordBatch:
        batch = self._batches.popleft()
        self._bytes -= batch.nbytes
        self._condition.notify_all()
        return batch


def unexpected(error: Exception) -> SourceError:
    """An adapter may only raise SourceError; of anything else nothing but its kind may be told."""
    return SourceError("S105", f"the adapter failed unexpectedly ({type(error).__name__})")
