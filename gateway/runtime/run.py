"""Runtime: runs plans. `run` starts every source, binds the merge and returns; the rows follow as the caller reads them."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator

import pyarrow as pa

from adapters.interface import Adapter
from gateway.context import QueryContext
from gateway.limits import Limits
from gateway.planner.plan import Plan
from gateway.result import Result
from gateway.runtime.ending import Clock
from gateway.runtime.merge_instances import MergeInstances
from gateway.runtime.projection import ProjectionEngine
from gateway.runtime.query_run import QueryRun
from gateway.runtime.slots import SlotPool
from gateway.runtime.threads import Threads

_CLOSE_SECONDS = 2.0


class Runtime:
    """One per process. `adapters` makes or finds the adapter of (node, source) and may raise SourceError."""

    def __init__(self, adapters: Callable[[str, str], Adapter], limits: Limits, token_key: bytes) -> None:
        self._adapters, self._limits = adapters, limits
        self._slots, self._clock, self._threads = SlotPool(), Clock(), Threads()
        self._projections = ProjectionEngine(
            memory=limits.merge_memory,
            threads=limits.merge_threads,
            temp_folder=limits.temp_folder,
            temp_bytes=limits.spill_bytes,
            token_key=token_key,
        )
        self._instances = MergeInstances(limits, self._threads)
        self._running: weakref.WeakSet[QueryRun] = weakref.WeakSet()
        self._closing = weakref.finalize(self, _close, self._running, self._threads, self._clock, self._projections, self._instances)

    def run(self, plan: Plan, context: QueryContext) -> Result:
        """Start a plan. The result's schema is there at once; its rows must be read to the end, or `close` called.

        Raises GatewayError, here or while the rows are read: SourceFailure, PlanError L101, MergeError, DeniedError G105.
        """
        query = QueryRun(
            plan, context, self._limits, self._adapters, self._slots, self._projections, self._clock, self._threads, self._instances
        )
        self._running.add(query)
        schema = query.start()
        batches = ResultBatches(query)
        return Result(
            schema=schema,
            batches=batches,
            revision=plan.revision,
            close=query.close,
            outcomes=query.outcomes,
            labels=query.labels,
            reports=query.reports,
        )

    def close(self) -> None:
        """End every query that still runs, wait a moment for their threads, and free everything. May be called twice."""
        self._closing()  # also runs when the runtime is forgotten, and when Python ends


def _close(
    running: weakref.WeakSet[QueryRun], threads: Threads, clock: Clock, projections: ProjectionEngine, instances: MergeInstances
) -> None:
    for query in list(running):
        query.cancel()
    instances.close()
    threads.join(_CLOSE_SECONDS)
    clock.close()
    projections.close()


class ResultBatches(Iterator[pa.RecordBatch]):
    """The rows. Forgetting this iterator ends its query."""

    def __init__(self, query: QueryRun) -> None:
        self._query = query
        self._forgotten = weakref.finalize(self, query.cancel)

    def __next__(self) -> pa.RecordBatch:
        batch = self._query.outlet.take()
        if batch is None:
            raise StopIteration
        return batch

    def close(self) -> None:
        self._query.close()
