"""All fragments of one source in one query: as many threads as the source has slots take them one after another."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import pyarrow as pa

from adapters.interface import Adapter, SourceError
from gateway.errors import GatewayError, InternalError
from gateway.limits import Limits
from gateway.planner.plan import Fragment
from gateway.result import FragmentReport
from gateway.runtime.buffer import BufferClosed, Feed, ReferenceBuffer
from gateway.runtime.completeness import Completeness, Counter, SourceKey
from gateway.runtime.ending import Ending
from gateway.runtime.fragment_reader import FragmentReader
from gateway.runtime.projection import FragmentProjection, ProjectionEngine
from gateway.runtime.raw_queue import unexpected
from gateway.runtime.slots import SlotPool, SourceSlots
from gateway.runtime.threads import Threads

_ATTEMPTS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What every source of a query works with. `deadline` of reads, on time.monotonic()."""

    adapters: Callable[[str, str], Adapter]
    slots: SlotPool
    threads: Threads
    projections: ProjectionEngine
    completeness: Completeness
    limits: Limits
    deadline: float
    ending: Ending
    report: Callable[[FragmentReport], None]
    on_fatal: Callable[[GatewayError], None]


class Delivered:
    """What may be told of a fragment whose rows a policy hides in part: what came through, and nothing of what was fetched."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed

    @property
    def rows(self) -> int:
        return self._feed.delivered

    @property
    def bytes(self) -> int:
        return self._feed.delivered_bytes


class SourceRun:
    """`start` returns at once. What goes wrong with the source is told to completeness, anything else is fatal."""

    def __init__(self, key: SourceKey, work: list[tuple[Fragment, ReferenceBuffer]], surroundings: Surroundings) -> None:
        self._key, self._around = key, surroundings
        self._state = surroundings.completeness.state(key)
        self._slots: SourceSlots | None = None
        self._work: deque[tuple[Fragment, Feed, ReferenceBuffer]] = deque()
        for fragment, buffer in work:
            feed = buffer.open_feed(held=surroundings.completeness.held, must_not_wait=partial(self._slot_is_wanted, buffer))
            self._state.feeds.append(feed)
            self._work.append((fragment, feed, buffer))

    def start(self) -> None:
        self._start_thread(self._open)

    def _start_thread(self, body: Callable[[], None]) -> None:
        self._around.threads.start("fragment", lambda: self._guarded(body))

    def _guarded(self, body: Callable[[], None]) -> None:
        try:
            body()
        except BufferClosed:
            return
        except SourceError as error:
            self._around.completeness.source_failed(self._key, error)
        except GatewayError as error:
            self._around.on_fatal(error)
        except Exception as error:  # noqa: BLE001  a thread has no caller: a bug must reach the one who waits for the answer
            self._around.on_fatal(InternalError("X101", f"a fragment failed unexpectedly ({type(error).__name__})"))

    def _open(self) -> None:
        """Get the adapter, then as many threads as are of use; this one is the first."""
        adapter = self._adapter()
        capacity = adapter.capabilities.slots
        self._slots = self._around.slots.of(*self._key, capacity)
        for _ in range(min(capacity, len(self._work)) - 1):
            self._start_thread(lambda: self._drain(adapter))
        self._drain(adapter)

    def _adapter(self) -> Adapter:
        try:
            return self._around.adapters(*self._key)
        except SourceError:
            raise
        except Exception as error:  # noqa: BLE001  an adapter that cannot be made is a failure of its source only
            raise unexpected(error) from None  # its text can be the driver's

    def _slot_is_wanted(self, buffer: ReferenceBuffer) -> bool:
        """Whether a fragment that waits for its stream to be read keeps another stream, or another query, from its rows."""
        if self._slots is not None and self._slots.wanted:
            return True
        return any(waiting is not buffer for _, _, waiting in list(self._work))

    def _drain(self, adapter: Adapter) -> None:
        while True:
            try:
                fragment, feed, buffer = self._work.popleft()
            except IndexError:
                return
            self._fetch(adapter, fragment, feed, buffer)

    def _fetch(self, adapter: Adapter, fragment: Fragment, feed: Feed, buffer: ReferenceBuffer) -> None:
        """One fragment to its end. A transient failure is tried again once, as long as no row has left."""
        started = time.monotonic()
        projection = self._around.projections.start(fragment, buffer.schema)
        try:
            for attempt in range(_ATTEMPTS):
                reader = self._start_reader(adapter, fragment)
                told = Delivered(feed) if fragment.guarded else reader
                self._around.completeness.read_begins(self._key, told)
                try:
                    _pass_on(reader, fragment, projection, feed)
                    break
                except SourceError as error:
                    if attempt + 1 == _ATTEMPTS or not self._may_retry(error, feed):
                        raise
                finally:
                    reader.close()
                    self._around.completeness.read_ends(self._key, told)
            self._report(reader, told, fragment, feed, started)
            if not self._around.completeness.held:  # before its rows end: the answer may be whole the moment after
                self._done(reader, told)
            feed.finish()
        except BaseException:
            feed.abort()
            raise
        finally:
            projection.close()
        if self._around.completeness.held:
            self._done(reader, told)

    def _done(self, reader: FragmentReader, told: Counter) -> None:
        self._around.completeness.fragment_done(self._key, told.rows, told.bytes, reader.last_row)

    def _start_reader(self, adapter: Adapter, fragment: Fragment) -> FragmentReader:
        assert self._slots is not None
        if not self._slots.acquire(self._around.deadline, self._state.cancelled.is_set):
            if self._state.cancelled.is_set():
                raise BufferClosed
            raise SourceError("S130", "all slots of the source stayed taken until the deadline", transient=True)
        capacity = max(1, self._around.limits.queue_bytes // 4)
        reader = FragmentReader(
            adapter,
            fragment.scan,
            self._slots,
            deadline=self._around.deadline,
            cancelled=self._state.cancelled,
            capacity=capacity,
            threads=self._around.threads,
        )
        self._around.ending.wakes(reader.close)
        reader.start()
        return reader

    def _may_retry(self, error: SourceError, feed: Feed) -> bool:
        in_time = time.monotonic() < self._around.deadline and not self._state.cancelled.is_set()
        return error.transient and in_time and feed.delivered == 0

    def _report(self, reader: FragmentReader, told: Counter, fragment: Fragment, feed: Feed, started: float) -> None:
        report = FragmentReport(
            id=fragment.id,
            node=fragment.node,
            source=fragment.source,
            rows=told.rows,
            bytes=told.bytes,
            delivered=feed.delivered,
            seconds=reader.last_row - started,
            statements=() if fragment.guarded else reader.statements,
            touched=() if fragment.guarded else reader.touched,
        )
        self._around.report(report)


def _pass_on(reader: FragmentReader, fragment: Fragment, projection: FragmentProjection, feed: Feed) -> None:
    """From raw rows to the stream: row by row bindings as the rows come, others over the whole fragment."""
    queue = reader.queue
    if fragment.row_wise:
        for table in queue.gathered():
            for batch in projection.project(table):
                feed.put(batch)
        return
    raw = pa.RecordBatchReader.from_batches(queue.schema, queue.batches())
    try:
        for batch in projection.project(raw):
            feed.put(batch)
    except (SourceError, InternalError):
        queue.raise_error()
        raise
