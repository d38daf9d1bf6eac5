"""A source that fails on demand in front of a real one: the pure half answers truly, the reads do not."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from threading import Event

import pyarrow as pa

from adapters.interface import Adapter, Capabilities, ReadContext, Scan, SourceError, Split, Verdict
from catalog.source_tables import SqlTable

Fault = Callable[[Iterator[pa.RecordBatch], ReadContext, Event], Iterator[pa.RecordBatch]]


@dataclass
class FaultySource:
    """`fault` stands between the real source's batches and the gateway. `reads` counts the reads that were begun."""

    real: Adapter
    fault: Fault
    slots: int | None = None
    reads: int = 0
    released: Event = field(default_factory=Event)

    capabilities: Capabilities = field(init=False)

    def __post_init__(self) -> None:
        own = self.real.capabilities
        self.capabilities = own if self.slots is None else replace(own, slots=self.slots)

    def classify(self, scan: Scan) -> Sequence[Verdict]:
        return self.real.classify(scan)

    def explain(self, scan: Scan) -> str:
        return self.real.explain(scan)

    def describe(self, table: str | None = None) -> Mapping[str, SqlTable]:
        return self.real.describe(table)

    def splits(self, scan: Scan) -> Sequence[Split]:
        return self.real.splits(scan)

    def read(self, split: Split, context: ReadContext) -> Iterator[pa.RecordBatch]:
        self.reads += 1
        return self.fault(self.real.read(split, context), context, self.released)

    def ping(self, context: ReadContext) -> None:
        self.real.ping(context)

    def close(self) -> None:
        self.released.set()
        self.real.close()


def works(batches: Iterator[pa.RecordBatch], context: ReadContext, released: Event) -> Iterator[pa.RecordBatch]:
    return batches


def refused(batches: Iterator[pa.RecordBatch], context: ReadContext, released: Event) -> Iterator[pa.RecordBatch]:
    raise SourceError("S101", "the source refused the connection", transient=True)


def wrong_password(batches: Iterator[pa.RecordBatch], context: ReadContext, released: Event) -> Iterator[pa.RecordBatch]:
    raise SourceError("S106", "the source refused the account")


def hanging(batches: Iterator[pa.RecordBatch], context: ReadContext, released: Event) -> Iterator[pa.RecordBatch]:
    """Accepts, says nothing, but sees that it is cancelled or out of time."""
    while not released.wait(0.02):
        context.check()
    yield from batches


def deaf(batches: Iterator[pa.RecordBatch], context: ReadContext, released: Event) -> Iterator[pa.RecordBatch]:
    """Hangs in a driver that neither looks at the deadline nor at cancel."""
    released.wait(60)
    yield from batches


def hanging_midway(batches: Iterator[pa.RecordBatch], context: ReadContext, released: Event) -> Iterator[pa.RecordBatch]:
    yield from _first_half(batches)
    yield from hanging(iter(()), context, released)


def reset_midway(batches: Iterator[pa.RecordBatch], context: ReadContext, released: Event) -> Iterator[pa.RecordBatch]:
    """Some rows, then the connection breaks; at every try."""
    yield from _first_half(batches)
    raise SourceError("S102", "the connection broke", transient=True)


def crashing(batches: Iterator[pa.RecordBatch], context: ReadContext, released: Event) -> Iterator[pa.RecordBatch]:
    """A bug in a driver, with a text that nobody may see."""
    yield from _first_half(batches)
    raise RuntimeError("secret-driver-text Schmidt")


def wrong_types(batches: Iterator[pa.RecordBatch], context: ReadContext, released: Event) -> Iterator[pa.RecordBatch]:
    """Every column arrives as binary under its name."""
    for batch in batches:
        columns = [pa.array([b"x"] * batch.num_rows, pa.binary()) for _ in batch.schema]
        yield pa.record_batch(columns, names=batch.schema.names)


def column_gone(batches: Iterator[pa.RecordBatch], context: ReadContext, released: Event) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        yield batch.select(batch.schema.names[:-1])


def slow(batches: Iterator[pa.RecordBatch], context: ReadContext, released: Event) -> Iterator[pa.RecordBatch]:
    """Slow, but in time."""
    for batch in batches:
        time.sleep(0.3)
        context.check()
        yield batch


def too_slow(batches: Iterator[pa.RecordBatch], context: ReadContext, released: Event) -> Iterator[pa.RecordBatch]:
    """A few rows each half second: more than any deadline here."""
    for batch in batches:
        for start in range(0, batch.num_rows, 10):
            for _ in range(25):
                time.sleep(0.02)
                context.check()
            yield batch.slice(start, 10)


def _first_half(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    first = next(batches, None)
    if first is not None:
        yield first.slice(0, max(1, first.num_rows // 2))


def faulty(
    node: str, fault: Fault, made: list[FaultySource] | None = None, slots: int | None = None
) -> Callable[[Callable[[str, str], Adapter]], Callable[[str, str], Adapter]]:
    """For open_region(wrap=...): the hospital's source behind a fault, the others as they are."""

    def wrap(sources: Callable[[str, str], Adapter]) -> Callable[[str, str], Adapter]:
        kept: dict[tuple[str, str], FaultySource] = {}

        def find(asked: str, source: str) -> Adapter:
            real = sources(asked, source)
            if asked != node:
                return real
            if (asked, source) not in kept:
                kept[asked, source] = FaultySource(real, fault, slots)
                if made is not None:
                    made.append(kept[asked, source])
            return kept[asked, source]

        return find

    return wrap
