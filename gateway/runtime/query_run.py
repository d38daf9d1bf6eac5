"""One query while it runs: its fragments, its merge, its clock, and the one place where its fate is decided."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Event, Lock

import pyarrow as pa

from adapters.interface import Adapter
from gateway.context import QueryContext
from gateway.errors import DeniedError, GatewayError, InternalError, MergeError, SourceFailure
from gateway.limits import Limits
from gateway.planner.plan import Fragment, Plan
from gateway.result import FragmentReport, NodeOutcome
from gateway.runtime.buffer import BufferClosed, ReferenceBuffer
from gateway.runtime.completeness import Completeness, SourceKey
from gateway.runtime.ending import Clock, Ending
from gateway.runtime.merge import Merge
from gateway.runtime.merge_instances import MergeInstances
from gateway.runtime.outlet import Outlet
from gateway.runtime.projection import ProjectionEngine
from gateway.runtime.slots import SlotPool
from gateway.runtime.source_run import SourceRun, Surroundings
from gateway.runtime.spill import PrivateFolder, Spill
from gateway.runtime.threads import Threads

# Where a source may be left out, its deadline comes earlier: the rest must still be merged in time.
_MERGE_SHARE, _MERGE_SECONDS = 0.1, 1.0
# How long after their deadline reads and the merge may still end by themselves; together below the 250 ms that were promised.
_READ_GRACE, _MERGE_GRACE = 0.1, 0.15
_CLOSE_SECONDS = 1.0
# How long after its first failure a query waits for a sign of the others, and how often it looks: that none answers is worth saying.
_LAST_WORDS, _LOOK = 0.2, 0.01


class QueryRun:
    """`start`, then read `outlet` to its end or `close`. `outcomes`, `labels`, `reports` are whole when it has ended."""

    def __init__(
        self,
        plan: Plan,
        context: QueryContext,
        limits: Limits,
        adapters: Callable[[str, str], Adapter],
        slots: SlotPool,
        projections: ProjectionEngine,
        clock: Clock,
        threads: Threads,
        instances: MergeInstances,
    ) -> None:
        self.outlet = Outlet()
        self.outcomes: list[NodeOutcome] = []
        self.labels: list[str] = []
        self.reports: list[FragmentReport] = []
        self._plan, self._limits, self._clock, self._threads, self._instances = plan, limits, clock, threads, instances
        self._deadline = time.monotonic() + context.deadline
        self._ending, self._done = Ending(), Event()
        self._settled = False
        self._lock = Lock()
        self._folder = PrivateFolder(limits.temp_folder)
        spill = Spill(self._folder, limits.spill_bytes)
        self._buffers = {
            reference.name: ReferenceBuffer(projections.schema_of(reference.columns), limits.queue_bytes, spill)
            for reference in plan.references
        }
        self._doomed: GatewayError | None = None
        self._completeness = Completeness(plan, context.on_unavailable, self._source_failed)
        self._read_deadline = self._deadline
        if self._completeness.held:
            self._read_deadline -= min(_MERGE_SECONDS, context.deadline * _MERGE_SHARE)
        surroundings = Surroundings(
            adapters=adapters,
            slots=slots,
            threads=threads,
            projections=projections,
            completeness=self._completeness,
            limits=limits,
            deadline=self._read_deadline,
            ending=self._ending,
            report=self.reports.append,
            on_fatal=self._fail,
        )
        self._sources = [SourceRun(key, work, surroundings) for key, work in self._work_by_source().items()]

    def start(self) -> pa.Schema:
        """Ask every source, bind the merge, and set it going. Returns the answer's schema."""
        self._ending.wakes(self._completeness.cancel_all)
        for buffer in self._buffers.values():
            self._ending.wakes(buffer.close)
        for source in self._sources:
            source.start()
        try:
            merge = Merge(self._plan, self._buffers, self._limits, self._instances)
        except GatewayError as error:
            self._fail(error)
            self._clean(None)
            raise
        self._ending.wakes(merge.interrupt)
        self._ending.wakes(self._clock.at(self._read_deadline + _READ_GRACE, lambda: self._completeness.expire(self._too_slow)))
        self._ending.wakes(self._clock.at(self._deadline + _MERGE_GRACE, self._too_slow))
        self._threads.start("merge", lambda: self._merge(merge))
        return merge.schema

    def cancel(self) -> None:
        """End the query if it still runs; does not wait."""
        self._fail(SourceFailure("S104", "the query was cancelled"))

    def close(self) -> None:
        """End the query if it still runs, and give its threads a moment to go."""
        self.cancel()
        self._done.wait(_CLOSE_SECONDS)

    def _work_by_source(self) -> dict[SourceKey, list[tuple[Fragment, ReferenceBuffer]]]:
        work: dict[SourceKey, list[tuple[Fragment, ReferenceBuffer]]] = {}
        for reference in self._plan.references:
            for fragment in reference.fragments:
                work.setdefault((fragment.node, fragment.source), []).append((fragment, self._buffers[reference.name]))
        return work

    def _merge(self, merge: Merge) -> None:
        """Body of the merge's thread. Cleans up, also when the caller has long been told that it took too long."""
        count = RowCount(self._plan.max_rows, self._limits.rows)
        try:
            if self._ending.reached:
                return
            merge.run(lambda batch: self.outlet.put(count.checked(batch)))
            if self._doomed is not None:
                self._fail(self._doomed)
            elif self._settle():
                self.outlet.finish()
                self._ending.come()
        except BufferClosed:
            pass
        except GatewayError as error:
            self._fail(error)
        except Exception as error:  # noqa: BLE001  a thread has no caller: a bug must reach the one who waits for the answer
            self._fail(InternalError("X101", f"the merge failed unexpectedly ({type(error).__name__})"))
        finally:
            self._clean(merge)

    def _too_slow(self) -> None:
        self._fail(MergeError("M105", "the answer was not merged and read within the deadline"))

    def _source_failed(self, error: GatewayError) -> None:
        """A source failed that the answer may not do without. The others get a moment, to tell one that is missing from none that answers."""
        self._doomed = self._doomed or error
        if isinstance(error, SourceFailure) and not error.all_failed:
            self._wait_for_others(error, time.monotonic() + _LAST_WORDS)
        else:
            self._fail(error)

    def _wait_for_others(self, error: SourceFailure, until: float) -> None:
        now = time.monotonic()
        if now >= until or not self._completeness.nobody_answers_yet:
            self._fail(error)
        else:
            self._ending.wakes(self._clock.at(now + _LOOK, lambda: self._wait_for_others(error, until)))

    def _fail(self, error: GatewayError) -> None:
        """The first failure is the query's; what follows from it is not told."""
        if self._settle():
            self.outlet.fail(error)
            self._ending.come()

    def _settle(self) -> bool:
        """Whether the query ends here and now: just once. Writes down which sources are in the answer."""
        with self._lock:
            if self._settled:
                return False
            self._settled = True
        self.outcomes.extend(self._completeness.outcomes())
        self.labels.extend(self._completeness.labels())
        return True

    def _clean(self, merge: Merge | None) -> None:
        if merge is not None:
            merge.close()
        for buffer in self._buffers.values():
            buffer.close()
        self._folder.close()
        self._instances.refill()
        self._done.set()


class RowCount:
    """Refuses the row after the last one allowed, instead of leaving it out in silence."""

    def __init__(self, role_rows: int | None, gateway_rows: int | None) -> None:
        self._role_rows, self._gateway_rows = role_rows, gateway_rows
        self._rows = 0

    def checked(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        self._rows += batch.num_rows
        if self._role_rows is not None and self._rows > self._role_rows:
            raise DeniedError("G105", f"the answer has more than the {self._role_rows} rows that the role may fetch")
        if self._gateway_rows is not None and self._rows > self._gateway_rows:
            raise MergeError("M104", f"the answer has more than {self._gateway_rows} rows")
        return batch
