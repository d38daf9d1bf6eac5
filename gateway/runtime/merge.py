"""The merge: the user's own query over the references' streams, in a locked DuckDB that lives as long as the query.

Facts of duckdb 2.0.0: only a relation's reader streams (`execute` would make all rows first); a reader must be closed, not
dropped (`close` lets go of the GIL while DuckDB's threads still pull from Python); LIMIT 0 of a relation scans no stream.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from threading import Lock

import duckdb
import pyarrow as pa

from gateway.errors import GatewayError, InternalError, MergeError
from gateway.limits import Limits
from gateway.planner.plan import Plan, Reference
from gateway.runtime.buffer import ReferenceBuffer
from gateway.runtime.evaluation_errors import merge_error
from gateway.runtime.locked_duckdb import quoted
from gateway.runtime.merge_instances import MergeInstances

_OUTPUT_ROWS = 16_384
_SPOOLED = "spooled_rows"


class Merge:
    """`schema` is known at once, without any row. `run` once, in one thread; `interrupt` from any, at any time."""

    def __init__(self, plan: Plan, buffers: dict[str, ReferenceBuffer], limits: Limits, instances: MergeInstances) -> None:
        self._plan, self._buffers, self._limits = plan, buffers, limits
        self._lock = Lock()
        self._open = True
        self._spooled_bytes = 0
        self._stream_error: GatewayError | None = None
        self._instance = instances.take()
        self._connection = self._instance.connection
        try:
            self._relation, self.schema = self._bind()
        except GatewayError:
            self._instance.close()
            raise
        except (duckdb.Error, pa.ArrowException, OSError) as error:
            self._instance.close()
            raise merge_error(error) from error

    def run(self, take: Callable[[pa.RecordBatch], None]) -> None:
        """Merge and hand over every batch (at most 16,384 rows). Raises GatewayError with the first cause."""
        try:
            for reference in self._plan.references:
                if reference.spool:
                    self._spool(reference)
            reader = self._relation.to_arrow_reader(_OUTPUT_ROWS)
            try:
                for batch in reader:
                    take(pa.RecordBatch.from_arrays(batch.columns, schema=self.schema))
            finally:
                reader.close()
        except (duckdb.Error, pa.ArrowException, OSError) as error:
            raise self._stream_error or merge_error(error) from None  # its text can hold patients' values

    def interrupt(self) -> None:
        with self._lock:
            if self._open:
                self._connection.interrupt()

    def close(self) -> None:
        with self._lock:
            self._open = False
        del self._relation
        self._instance.close()

    def _bind(self) -> tuple[duckdb.DuckDBPyRelation, pa.Schema]:
        for reference in self._plan.references:
            if reference.spool:
                columns = ", ".join(f"{quoted(name)} {type}" for name, type in reference.columns)
                self._connection.execute(f"CREATE TABLE {quoted(reference.name)} ({columns})")
            else:
                self._register(reference.name, reference, self._buffers[reference.name].batches())
        relation = self._connection.sql(self._plan.merge)
        found = relation.limit(0).to_arrow_reader(1).schema
        if len(found) != len(self._plan.columns):
            raise InternalError("X101", "the merge does not yield the columns of the statement")
        return relation, pa.schema([pa.field(name, field.type) for name, field in zip(self._plan.columns, found)])

    def _register(self, name: str, reference: Reference, batches: Iterator[pa.RecordBatch]) -> None:
        schema = self._buffers[reference.name].schema
        self._connection.register(name, pa.RecordBatchReader.from_batches(schema, self._watched(batches)))

    def _watched(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Keep what goes wrong inside a stream: DuckDB passes only its text on."""
        try:
            yield from batches
        except GatewayError as error:
            self._stream_error = self._stream_error or error
            raise

    def _spool(self, reference: Reference) -> None:
        """Fill the table of a reference that may be scanned more than once."""
        self._register(_SPOOLED, reference, self._capped(self._buffers[reference.name].batches()))
        self._connection.execute(f"INSERT INTO {quoted(reference.name)} SELECT * FROM {_SPOOLED}")  # noqa: S608  our own names
        self._connection.unregister(_SPOOLED)

    def _capped(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            self._spooled_bytes += batch.nbytes
            if self._spooled_bytes > self._limits.spool_bytes:
                raise MergeError(
                    "M104",
                    f"a table that the merge must keep passes {self._limits.spool_bytes} bytes",
                    hint="add filters, or raise [limits] spool_bytes",
                )
            yield batch
