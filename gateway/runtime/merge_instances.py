"""Locked DuckDB instances for merges, one per query. Making one takes longer than a small merge, so some are made ahead."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from threading import Lock

import duckdb

from gateway.limits import Limits
from gateway.runtime.locked_duckdb import connect_locked
from gateway.runtime.spill import PrivateFolder
from gateway.runtime.threads import Threads

_SPARE = 2
_STREAMING_BYTES = 256 << 10  # DuckDB makes rows until so much waits (10 MB by default), and only then hands out the first


@dataclass(frozen=True, slots=True)
class MergeInstance:
    """A connection and the private folder of its temporary files. Never used by a second query."""

    connection: duckdb.DuckDBPyConnection
    folder: PrivateFolder

    def close(self) -> None:
        self.connection.close()
        self.folder.close()


class MergeInstances:
    """Hands out instances, and makes new ones while nobody waits."""

    def __init__(self, limits: Limits, threads: Threads) -> None:
        self._limits, self._threads = limits, threads
        self._spare: deque[MergeInstance] = deque()
        self._refilling = self._closed = False
        self._taken = 0
        self._lock = Lock()

    def take(self) -> MergeInstance:
        with self._lock:
            self._taken += 1
            if self._spare:
                return self._spare.popleft()
        return self._make()

    def refill(self) -> None:
        """Make up for what was taken, in another thread: when a query has ended, unless it may be the only one of the process."""
        with self._lock:
            if self._closed or self._refilling or self._taken < 2 or len(self._spare) >= _SPARE:
                return
            self._refilling = True
        self._threads.start("warm", self._make_spare)

    def close(self) -> None:
        with self._lock:
            self._closed = True
            spare, self._spare = list(self._spare), deque()
        for instance in spare:
            instance.close()

    def _make_spare(self) -> None:
        try:
            made = self._make()  # one at a time: the next query that ends asks for another
            with self._lock:
                wanted = not self._closed
                if wanted:
                    self._spare.append(made)
            if not wanted:
                made.close()
        finally:
            with self._lock:
                self._refilling = False

    def _make(self) -> MergeInstance:
        folder = PrivateFolder(self._limits.temp_folder)
        connection = connect_locked(
            memory=self._limits.merge_memory,
            threads=self._limits.merge_threads,
            temp_folder=folder.path,
            temp_bytes=self._limits.spill_bytes,
            streaming_bytes=_STREAMING_BYTES,
        )
        return MergeInstance(connection, folder)
