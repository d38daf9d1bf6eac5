"""The fake source fails in the ways that a hospital's database does, and counts what was asked of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pyarrow as pa
import pytest

from adapters.interface import ReadContext, Scan, SourceError
from adapters.testing.conformance import read_all
from adapters.testing.fake import Behaviour, FakeSource
from adapters.testing.sample import sample_table
from catalog.conditions import Never, Term, Test
from catalog.relations import TableRelation
from catalog.values import ValueSet

TABLE, ROWS = sample_table(["text"], rows=100)
SCAN = Scan(relation=TableRelation(table=TABLE), columns=("id", "text_column"))


def fake(**behaviour: object) -> FakeSource:
    return FakeSource({"sample": ROWS}, Behaviour(**behaviour))  # type: ignore[arg-type]


def context(seconds: float = 20) -> ReadContext:
    return ReadContext(deadline=time.monotonic() + seconds, batch_rows=10)


def reading(source: FakeSource, limits: ReadContext) -> Iterator[pa.RecordBatch]:
    return source.read(source.splits(SCAN)[0], limits)


def test_a_refused_source_fails_at_once_and_may_be_tried_again() -> None:
    with pytest.raises(SourceError) as caught:
        read_all(fake(refused=True), SCAN)
    assert (caught.value.code, caught.value.transient) == ("S101", True)


def test_a_hanging_source_ends_at_the_deadline() -> None:
    begun = time.monotonic()
    with pytest.raises(SourceError) as caught:
        list(reading(fake(hangs_after=0), context(0.1)))
    assert caught.value.code == "S103"
    assert time.monotonic() - begun < 0.6


def test_a_source_that_hangs_midway_has_sent_its_first_batches() -> None:
    limits = context()
    batches = reading(fake(hangs_after=2), limits)
    assert [next(batches).num_rows, next(batches).num_rows] == [10, 10]
    threading.Timer(0.05, limits.cancelled.set).start()
    with pytest.raises(SourceError) as caught:
        next(batches)
    assert caught.value.code == "S104"


def test_a_deaf_source_goes_on_hanging_after_cancel() -> None:
    limits = context()
    begun = time.monotonic()
    threading.Timer(0.05, limits.cancelled.set).start()
    with pytest.raises(SourceError):
        list(reading(fake(hangs_after=0, deaf=0.3), limits))
    assert time.monotonic() - begun >= 0.3


def test_a_deaf_source_lets_go_when_it_is_closed() -> None:
    source = fake(hangs_after=0, deaf=60)
    threading.Timer(0.1, source.close).start()
    with pytest.raises(SourceError):
        list(reading(source, context(0.05)))
    assert source.open_reads == 0


def test_a_source_resets_after_so_many_batches_in_so_many_reads() -> None:
    source = fake(resets_after=3, resets=1)
    batches = reading(source, context())
    assert [next(batches).num_rows for _ in range(3)] == [10, 10, 10]
    with pytest.raises(SourceError) as caught:
        next(batches)
    assert (caught.value.code, caught.value.transient) == ("S102", True)
    assert sum(batch.num_rows for batch in reading(source, context())) == 100


def test_a_slow_source_takes_its_time_for_each_batch() -> None:
    begun = time.monotonic()
    assert len(list(reading(fake(delay=0.01), context()))) == 10
    assert time.monotonic() - begun >= 0.1


def test_a_slow_source_can_be_cancelled_while_it_waits() -> None:
    limits = context()
    threading.Timer(0.05, limits.cancelled.set).start()
    begun = time.monotonic()
    with pytest.raises(SourceError):
        list(reading(fake(delay=30.0), limits))
    assert time.monotonic() - begun < 1


def test_a_drifting_source_delivers_other_types_or_fewer_columns() -> None:
    typed = next(reading(fake(drift="type"), context()))
    fewer = next(reading(fake(drift="missing column"), context()))
    assert [str(field.type) for field in typed.schema] == ["binary", "binary"]
    assert fewer.schema.names == ["id"]


def test_a_source_that_returns_more_says_superset_and_does() -> None:
    source = fake(filters="more")
    condition = Test(Term("id"), ValueSet.of(4))
    scan = Scan(relation=SCAN.relation, columns=("id",), conditions=(condition,))
    assert [verdict.exactness.name for verdict in source.classify(scan)] == ["SUPERSET"]
    found = [value for batch in read_all(source, scan) for value in batch.column(0).to_pylist()]
    assert 4 in found
    assert len(found) == 51


def test_never_gives_nothing_whatever_the_source_claims() -> None:
    scan = Scan(relation=SCAN.relation, columns=("id",), conditions=(Never(),))
    assert read_all(fake(filters="more"), scan) == []


def test_the_fake_counts_reads_batches_and_what_is_open() -> None:
    source = fake()
    first, second = reading(source, context()), reading(source, context())
    next(first), next(second)
    assert (source.reads, source.open_reads, source.batches) == (2, 2, 2)
    first.close()  # type: ignore[attr-defined]
    assert (source.open_reads, source.most_open_reads) == (1, 2)
    list(second)
    assert (source.open_reads, source.batches, source.asked) == (0, 11, [SCAN, SCAN])
