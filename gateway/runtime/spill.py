"""Spill: rows that may not wait in memory, in nameless files of a private folder that only this query has."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from threading import Lock
from typing import IO

import pyarrow as pa

from gateway.errors import MergeError


class PrivateFolder:
    """A folder that only its owner may enter (0700), made when first used and removed by `close`."""

    def __init__(self, parent: Path | None) -> None:
        self._parent = parent
        self._made: Path | None = None
        self._closed = False
        self._lock = Lock()

    @property
    def path(self) -> Path:
        with self._lock:
            if self._closed:
                raise MergeError("M101", "the query has ended")
            if self._made is None:
                try:
                    self._made = Path(tempfile.mkdtemp(prefix="hospital-gateway-", dir=self._parent))
                except OSError as error:
                    raise MergeError("M102", "the folder of temporary files cannot be written") from error
            return self._made

    def close(self) -> None:
        with self._lock:
            self._closed = True
            made, self._made = self._made, None
        if made is not None:
            shutil.rmtree(made, ignore_errors=True)


class Spill:
    """All the spilled rows of one query. `limit` in bytes of Arrow over the life of the query's files."""

    def __init__(self, folder: PrivateFolder, limit: int) -> None:
        self._folder = folder
        self._limit = limit
        self._used = 0
        self._lock = Lock()

    @property
    def used(self) -> int:
        return self._used

    def start(self, schema: pa.Schema) -> SpillRun:
        """Open a file. It has no name in the folder, so that nothing is left of it even after a crash."""
        try:
            file = tempfile.TemporaryFile(dir=self._folder.path)  # noqa: SIM115  SpillRun closes it
        except OSError as error:
            raise MergeError("M102", "the spill folder cannot be written") from error
        return SpillRun(self, file, schema)

    def reserve(self, size: int) -> None:
        with self._lock:
            if self._used + size > self._limit:
                raise MergeError(
                    "M104",
                    f"the rows that wait to be merged pass {self._limit} bytes on disk",
                    hint="add filters, or raise [limits] spill_bytes",
                )
            self._used += size

    def free(self, size: int) -> None:
        with self._lock:
            self._used -= size


class SpillRun:
    """Batches on disk: written to the end, then read once. Used by one thread at a time."""

    def __init__(self, spill: Spill, file: IO[bytes], schema: pa.Schema) -> None:
        self._spill, self._file = spill, file
        self._writer = pa.ipc.new_stream(pa.PythonFile(file, mode="w"), schema)
        self._size = 0
        self._closed = False

    def write(self, batch: pa.RecordBatch) -> None:
        self._spill.reserve(batch.nbytes)
        self._size += batch.nbytes
        try:
            self._writer.write_batch(batch)
        except OSError as error:
            raise MergeError("M102", "the spill folder is full or cannot be written") from error

    def finish(self) -> None:
        """No more is written."""
        try:
            self._writer.close()
            self._file.seek(0)
        except OSError as error:
            raise MergeError("M102", "the spill folder is full or cannot be written") from error

    def read(self) -> Iterator[pa.RecordBatch]:
        """The batches in the order written; the file is gone at the end."""
        try:
            yield from pa.ipc.open_stream(self._file)
        finally:
            self.close()

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._file.close()
            self._spill.free(self._size)
