"""Which sources are in the answer, and whether the answer may do without the others.

A source is in with all its rows or with none: where it may be left out, its rows are held back until its last fragment is
read. So rows == the query over the sources reported ok, and ok and failed together are all that were planned.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from threading import Event, RLock
from typing import Protocol

from adapters.interface import SourceError
from gateway.errors import GatewayError, PlanError, SourceFailure
from gateway.planner.plan import Plan, Reference
from gateway.result import NodeOutcome, OnUnavailable, Status
from gateway.runtime.buffer import Feed

SourceKey = tuple[str, str]


class Counter(Protocol):
    """A read that is under way, and what may be told of it so far."""

    @property
    def rows(self) -> int: ...
    @property
    def bytes(self) -> int: ...


_NOT_NEEDED = "the answer needed no more of its rows"


@dataclass(slots=True)
class SourceState:
    """What has become of one source so far. `cancelled` reaches its reads only."""

    pending: int
    references: list[Reference]
    feeds: list[Feed] = field(default_factory=list)
    reading: list[Counter] = field(default_factory=list)
    cancelled: Event = field(default_factory=Event)
    rows: int = 0
    bytes: int = 0
    seconds: float = 0.0
    error: SourceError | None = None

    @property
    def answered(self) -> bool:
        return self.pending == 0 and self.error is None


class Completeness:
    """The book of one query. `on_fatal` is told the error that ends it; safe from any thread."""

    def __init__(self, plan: Plan, policy: OnUnavailable, on_fatal: Callable[[GatewayError], None]) -> None:
        self._plan, self._policy, self._on_fatal = plan, policy, on_fatal
        self._started = time.monotonic()
        self._lock = RLock()
        self._sources: dict[SourceKey, SourceState] = {}
        for reference in plan.references:
            for fragment in reference.fragments:
                state = self._sources.setdefault((fragment.node, fragment.source), SourceState(0, []))
                state.pending += 1
                if reference not in state.references:
                    state.references.append(reference)

    @property
    def held(self) -> bool:
        """Whether rows wait until their source is whole."""
        return self._policy != "fail"

    def state(self, key: SourceKey) -> SourceState:
        return self._sources[key]

    @property
    def nobody_answers_yet(self) -> bool:
        """Whether some source is still silent, and none has given a row or come to its end: it may be that none will answer."""
        with self._lock:
            alive = [state for state in self._sources.values() if state.error is None]
            return bool(alive) and not any(state.answered or state.rows or any(c.rows for c in state.reading) for state in alive)

    def read_begins(self, key: SourceKey, counter: Counter) -> None:
        with self._lock:
            self._sources[key].reading.append(counter)

    def read_ends(self, key: SourceKey, counter: Counter) -> None:
        with self._lock:
            self._sources[key].reading.remove(counter)

    def fragment_done(self, key: SourceKey, rows: int, size: int, last_row: float) -> None:
        """One more fragment is whole; the last one lets the source's rows go."""
        with self._lock:
            state = self._sources[key]
            state.rows, state.bytes = state.rows + rows, state.bytes + size
            state.seconds = max(state.seconds, last_row - self._started)
            state.pending -= 1
            if state.answered and self.held:
                for feed in state.feeds:
                    feed.release()

    def source_failed(self, key: SourceKey, error: SourceError) -> None:
        """The first failure of a source: its rows are dropped, its other reads stopped, and the policy decides."""
        with self._lock:
            state = self._sources[key]
            if state.error is not None or state.answered:
                return
            state.error = error
            state.seconds = time.monotonic() - self._started
            state.cancelled.set()
            if self.held:
                for feed in state.feeds:
                    feed.drop()
            fatal = self._fatal(key, state, error)
        if fatal is not None:
            self._on_fatal(fatal)

    def expire(self, too_slow_to_take: Callable[[], None]) -> None:
        """Time is up: sources that have not answered failed, unless it was the merge that did not take their rows."""
        with self._lock:
            late = [(key, state) for key, state in self._sources.items() if state.pending and state.error is None]
        if any(feed.waiting for _, state in late for feed in state.feeds):
            too_slow_to_take()
            return
        for key, _ in late:
            self.source_failed(key, SourceError("S103", "the source did not answer in time", transient=True))

    def cancel_all(self) -> None:
        for state in self._sources.values():
            state.cancelled.set()

    def outcomes(self) -> list[NodeOutcome]:
        """One per planned source, by name."""
        with self._lock:
            found = {key: _outcome(key, state) for key, state in self._sources.items()}
        reasons: dict[SourceKey, list[str]] = {}
        for pruned in (pruned for reference in self._plan.references for pruned in reference.pruned):
            reasons.setdefault((pruned.node, pruned.source), []).append(pruned.reason)
        for key, words in reasons.items():
            if key not in found:
                found[key] = NodeOutcome(node=key[0], source=key[1], status="pruned", reason="; ".join(dict.fromkeys(words)))
        return [found[key] for key in sorted(found)]

    def labels(self) -> list[str]:
        """What the caller must know about an answer that lacks sources."""
        with self._lock:
            affected = [reference for state in self._sources.values() if state.error for reference in state.references]
        if not affected:
            return []
        wrong = [reference for reference in affected if reference.unsound is not None]
        if wrong:
            return ["lower_bound" if all(reference.aggregated for reference in wrong) else "unsound"]
        return ["partial", "top_n_incomplete"] if self._plan.top_n else ["partial"]

    def _fatal(self, key: SourceKey, state: SourceState, error: SourceError) -> GatewayError | None:
        all_failed = all(other.error is not None for other in self._sources.values())
        if self._policy == "fail" or all_failed:
            return _failure(key, error, all_failed)
        if self._policy == "partial":
            return _refusal(key, error, state.references)
        return None


def _outcome(key: SourceKey, state: SourceState) -> NodeOutcome:
    status: Status = "ok" if state.error is None else "failed"
    reason = state.error.fact if state.error is not None else _NOT_NEEDED if state.pending else ""
    return NodeOutcome(
        node=key[0],
        source=key[1],
        status=status,
        rows=state.rows + sum(counter.rows for counter in state.reading),
        bytes=state.bytes + sum(counter.bytes for counter in state.reading),
        seconds=state.seconds,
        reason=reason,
        code=state.error.code if state.error is not None else "",
    )


def _failure(key: SourceKey, error: SourceError, all_failed: bool) -> SourceFailure:
    failure = SourceFailure(error.code, f"source {key[1]} of node {key[0]}: {error.fact}", hint=error.hint)
    failure.all_failed = all_failed
    return failure


def _refusal(key: SourceKey, error: SourceError, references: Iterable[Reference]) -> PlanError | None:
    reasons = [(reference.table, reference.unsound) for reference in references if reference.unsound is not None]
    if not reasons:
        return None
    words = "; ".join(dict.fromkeys(f"{table}: {reason}" for table, reason in reasons))
    return PlanError(
        "L101",
        f"node {key[0]} is missing and the answer would be wrong without it ({words})",
        detail=f"source {key[1]} of node {key[0]}: {error.code}: {error.fact}",
        hint="try again later, leave the node out with a condition on node, or accept a wrong answer with on_unavailable = unsound",
    )
