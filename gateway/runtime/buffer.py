"""The stream of one reference: a bounded queue between the fragments that fill it and the merge that scans it.

In memory it holds at most `capacity` bytes. A fragment that finds no room waits, unless a neighbour needs its slot or its
rows are held back until the whole source has answered: then its rows go to disk.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from threading import Condition

import pyarrow as pa

from gateway.runtime.spill import Spill, SpillRun

_POLL_SECONDS = 0.05


class BufferClosed(Exception):
    """The query has ended: there is nobody to take the rows."""


class ReferenceBuffer:
    """Many feeds fill it, one scan empties it. `expect` the feeds before the first of them finishes."""

    def __init__(self, schema: pa.Schema, capacity: int, spill: Spill) -> None:
        self.schema = schema
        self._capacity = capacity
        self._spill = spill
        self._ready: deque[pa.RecordBatch | SpillRun] = deque()
        self._bytes = 0
        self._feeds: list[Feed] = []
        self._open_feeds = 0
        self._closed = False
        self._condition = Condition()

    def open_feed(self, *, held: bool, must_not_wait: Callable[[], bool]) -> Feed:
        """A way in for one fragment. `held`: its rows stay apart until `release`."""
        with self._condition:
            self._open_feeds += 1
            feed = Feed(self, held, must_not_wait)
            self._feeds.append(feed)
            return feed

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Every released batch, until all feeds have ended. Raises BufferClosed once the query has ended."""
        while True:
            item = self._take()
            if item is None:
                return
            if isinstance(item, SpillRun):
                yield from item.read()
            else:
                yield item

    def close(self) -> None:
        """Wake everybody and forget the rows."""
        with self._condition:
            self._closed = True
            dropped, self._ready = list(self._ready), deque()
            self._bytes = 0
            self._condition.notify_all()
        for item in dropped:
            if isinstance(item, SpillRun):
                item.close()
        for feed in self._feeds:
            feed.drop()

    def _take(self) -> pa.RecordBatch | SpillRun | None:
        with self._condition:
            while not self._ready and self._open_feeds and not self._closed:
                self._condition.wait()
            if self._closed:
                raise BufferClosed
            if not self._ready:
                return None
            item = self._ready.popleft()
            if not isinstance(item, SpillRun):
                self._bytes -= item.nbytes
                self._condition.notify_all()
            return item


class Feed:
    """One fragment's way into a buffer. `put`, then `finish` or `abort`, belong to its thread; `release` and `drop` to whoever decides."""

    def __init__(self, buffer: ReferenceBuffer, held: bool, must_not_wait: Callable[[], bool]) -> None:
        self._buffer, self._held, self._must_not_wait = buffer, held, must_not_wait
        self._staged: list[pa.RecordBatch] = []
        self._run: SpillRun | None = None
        self._finished = self._ended = False
        self.delivered = self.delivered_bytes = 0
        self.waiting = False

    def put(self, batch: pa.RecordBatch) -> None:
        """Hand over rows: blocks while there is no room. Raises BufferClosed when they are not wanted any more."""
        if batch.num_rows == 0:
            return
        buffer = self._buffer
        with buffer._condition:
            self.waiting = True
            try:
                has_room = self._find_room(batch.nbytes)
            finally:
                self.waiting = False
            if has_room:
                buffer._bytes += batch.nbytes
                self._count(batch)
                (self._staged if self._held else buffer._ready).append(batch)
                buffer._condition.notify_all()
                return
            if self._run is None:
                self._run = buffer._spill.start(buffer.schema)
            run = self._run
        run.write(batch)  # outside the lock: the disk must not keep the merge waiting
        self._count(batch)

    def _count(self, batch: pa.RecordBatch) -> None:
        self.delivered += batch.num_rows
        self.delivered_bytes += batch.nbytes

    def finish(self) -> None:
        """All rows were put. A held feed still waits for its `release`."""
        run = self._run
        if run is not None:
            run.finish()
        with self._buffer._condition:
            self._finished = True
            if self._ended and run is not None:
                run.close()
            elif not self._held:
                self._hand_over()

    def release(self) -> None:
        """Let the held rows of a finished feed go."""
        with self._buffer._condition:
            self._hand_over()

    def drop(self) -> None:
        """Forget the rows of this feed, as if its source did not exist. Rows already handed over stay."""
        buffer = self._buffer
        with buffer._condition:
            if self._ended:
                return
            self._ended = True
            buffer._open_feeds -= 1
            buffer._bytes -= sum(batch.nbytes for batch in self._staged)
            self._staged = []
            if self._finished and self._run is not None:
                self._run.close()
            buffer._condition.notify_all()

    def abort(self) -> None:
        """The fragment's thread gives up before `finish`. The stream stays open: only who decides on the source may end it."""
        if self._run is not None:
            self._run.close()

    def _find_room(self, size: int) -> bool:
        """Whether the rows may stay in memory; waits for it where waiting is allowed."""
        buffer = self._buffer
        while True:
            if self._ended or buffer._closed:
                raise BufferClosed
            if buffer._bytes + size <= buffer._capacity or (buffer._bytes == 0 and not self._held):
                return True
            if self._held or self._must_not_wait():
                return False
            buffer._condition.wait(_POLL_SECONDS)

    def _hand_over(self) -> None:
        if self._ended:
            return
        self._ended = True
        buffer = self._buffer
        buffer._open_feeds -= 1
        if buffer._closed:
            if self._run is not None:
                self._run.close()
        else:
            buffer._ready.extend(self._staged)
            if self._run is not None:
                buffer._ready.append(self._run)
        self._staged = []
        buffer._condition.notify_all()
