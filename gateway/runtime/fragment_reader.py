"""Reads one fragment: a thread per split within the source's slots, each batch checked and counted before it is passed on."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from threading import Event, Lock

import pyarrow as pa

from adapters.arrow_types import scan_schema
from adapters.interface import Adapter, ReadContext, Scan, SourceError, Split
from gateway.runtime.buffer import BufferClosed
from gateway.runtime.drift import check_drift
from gateway.runtime.raw_queue import RawQueue, unexpected
from gateway.runtime.slots import SourceSlots
from gateway.runtime.threads import Threads

_ROWS_ONLY = pa.schema([pa.field("_row", pa.bool_())])  # DuckDB knows no table without columns


class FragmentReader:
    """One attempt at one fragment. Its rows are in `queue`; a read that hangs is left behind with its slot."""

    def __init__(
        self, adapter: Adapter, scan: Scan, slots: SourceSlots, *, deadline: float, cancelled: Event, capacity: int, threads: Threads
    ) -> None:
        self._asked = scan_schema(scan)
        self.queue = RawQueue(self._asked if scan.columns else _ROWS_ONLY, capacity)
        self.rows = self.bytes = 0
        self.last_row = time.monotonic()
        self._adapter, self._scan, self._slots = adapter, scan, slots
        self._deadline, self._cancelled = deadline, cancelled
        self._threads = threads
        self._contexts: list[ReadContext] = []
        self._splits: deque[Split] = deque()
        self._lock = Lock()

    def start(self) -> None:
        """Begin to read, with a slot that the caller has acquired and the reading thread gives back."""
        self._start_thread(first=True)

    def close(self) -> None:
        """Send the reading threads away; does not wait for them."""
        self.queue.close()

    @property
    def statements(self) -> tuple[str, ...]:
        return tuple(statement for context in self._contexts for statement in context.statements)

    @property
    def touched(self) -> tuple[tuple[str, int], ...]:
        found: dict[str, int] = {}
        for context in self._contexts:
            for name, count in list(context.touched.items()):
                found[name] = found.get(name, 0) + count
        return tuple(found.items())

    def _start_thread(self, *, first: bool) -> None:
        self.queue.add_reader()
        self._threads.start("read", lambda: self._run(first))

    def _run(self, first: bool) -> None:
        try:
            if first:
                self._divide()
            while (split := self._next_split()) is not None:
                self._read(split)
        except BufferClosed:
            return
        except SourceError as error:
            self.queue.fail(error)
        except Exception as error:  # noqa: BLE001  whatever an adapter raises is a failure of its source, of this query only
            self.queue.fail(unexpected(error))
        finally:
            self._slots.release()
            self.queue.reader_done()

    def _divide(self) -> None:
        splits = self._adapter.splits(self._scan)
        self._splits.extend(splits)
        for _ in range(len(splits) - 1):
            if not self._slots.try_acquire():
                return
            self._start_thread(first=False)

    def _next_split(self) -> Split | None:
        with self._lock:
            return self._splits.popleft() if self._splits else None

    def _read(self, split: Split) -> None:
        context = ReadContext(deadline=self._deadline, cancelled=self._cancelled)
        self._contexts.append(context)
        batches = self._adapter.read(split, context)
        try:
            for batch in batches:
                check_drift(self._asked, batch)
                self._count(batch)
                self.queue.put(batch if self._scan.columns else _rows_only(batch))
        finally:
            _close(batches)

    def _count(self, batch: pa.RecordBatch) -> None:
        with self._lock:
            self.rows += batch.num_rows
            self.bytes += batch.nbytes
            self.last_row = time.monotonic()


def _close(batches: Iterator[pa.RecordBatch]) -> None:
    """End a generator now, so that the adapter lets go of its connection before the slot is given back."""
    close = getattr(batches, "close", None)
    if close is not None:
        close()


def _rows_only(batch: pa.RecordBatch) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([pa.nulls(batch.num_rows, pa.bool_())], schema=_ROWS_ONLY)
