"""The contract between the gateway and every kind of source. Adapters block, never retry, and know nothing of users."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from threading import Event
from typing import Protocol

import pyarrow as pa

from catalog.conditions import Condition, Unknown
from catalog.model import Source
from catalog.relations import Relation
from catalog.source_tables import SqlTable


class Exactness(Enum):
    """What a pushed condition does: just the rows wanted, those and more, or nothing."""

    EXACT, SUPERSET, REFUSE = "exact", "superset", "refuse"


@dataclass(frozen=True, slots=True)
class Verdict:
    """A source's answer to one condition: how well it keeps it, what it will apply (maybe weaker), and why, in words."""

    exactness: Exactness
    pushed: Condition = field(default_factory=Unknown)
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a source can do beyond reading a whole relation. Everything is "no" until a conformance test shows it."""

    filter: bool = False
    limit: bool = False
    joins: bool = False
    unnest: bool = False
    wide: bool = False
    slots: int = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """Read these columns of a relation where every condition holds, at most `limit` rows (only under EXACT conditions)."""

    relation: Relation
    columns: tuple[str, ...]
    conditions: tuple[Condition, ...] = ()
    limit: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """A part of a scan that can be read alone; the parts are disjoint and together whole. `token` is the adapter's own."""

    scan: Scan
    token: object = None


@dataclass(slots=True, kw_only=True)
class ReadContext:
    """One read's limits (`deadline` on time.monotonic()), and what was sent and touched, for EXPLAIN ANALYZE."""

    deadline: float
    cancelled: Event = field(default_factory=Event)
    batch_rows: int = 16_384
    batch_bytes: int = 4 << 20
    statements: list[str] = field(default_factory=list)
    touched: dict[str, int] = field(default_factory=dict)

    def check(self) -> None:
        """Raise if the read was cancelled or is out of time: call it at least once a batch."""
        if self.cancelled.is_set():
            raise SourceError("S104", "the read was cancelled")
        if time.monotonic() >= self.deadline:
            raise SourceError("S103", "the source did not answer in time", transient=True)


class SourceError(Exception):
    """A source failed. `fact` holds no driver text, patient value or secret; `transient` alone decides on a retry."""

    def __init__(self, code: str, fact: str, hint: str = "", *, transient: bool = False) -> None:
        super().__init__(fact)
        self.code, self.fact, self.hint, self.transient = code, fact, hint, transient


class SourceProfile(Protocol):
    """The pure half: what the planner may ask. No I/O."""

    capabilities: Capabilities

    def classify(self, scan: Scan) -> Sequence[Verdict]:
        """One verdict for each of `scan.conditions`, in order."""

    def explain(self, scan: Scan) -> str:
        """What would be sent (a statement with its parameters shown as values, or ranges and filters), in words for EXPLAIN."""


class Adapter(SourceProfile, Protocol):
    """The half that does I/O. Every method blocks; a connection that timed out or was cancelled is destroyed, never pooled."""

    def describe(self, table: str | None = None) -> Mapping[str, SqlTable]:
        """The tables the source has (or the one named), with columns, types and keys. Raises SourceError."""

    def splits(self, scan: Scan) -> Sequence[Split]: ...

    def read(self, split: Split, context: ReadContext) -> Iterator[pa.RecordBatch]:
        """Batches of exactly `scan.columns` in order, of the declared raw types (adapters.arrow_types). Raises SourceError."""

    def ping(self, context: ReadContext) -> None: ...
    def close(self) -> None: ...


AdapterFactory = Callable[[Source], Adapter]
"""Makes the adapter of one source; imports its driver only here. Raises SourceError S110 for bad options."""
