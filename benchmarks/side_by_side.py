"""An adapter beside its raw driver, in one run: pairs in turn, so that the machine's mood meets both alike."""

from __future__ import annotations

import gc
import os
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

Work = Callable[[], int]
"""Does the whole job and tells how many rows came."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One job of one source. Seconds are medians of wall time; CPU is this process's, per row in microseconds.

    `against` says exactly what the raw side is; `note` what a reader must know (fewer pairs, other types, ...).
    """

    source: str
    job: str
    against: str
    rows: int
    pairs: int
    ours: float
    raw: float
    our_cpu: float
    raw_cpu: float
    note: str = ""

    @property
    def ratio(self) -> float:
        """Our seconds over the raw seconds: below 1 is faster than raw."""
        return self.ours / self.raw


def side_by_side(source: str, job: str, against: str, ours: Work, raw: Work, *, pairs: int, note: str = "") -> Measured:
    """Run both in turn, after one run each that is not counted. Raises AssertionError if they give another number of rows."""
    rows = ours()
    assert raw() == rows, f"{source}, {job}: the two sides give another number of rows"
    times: tuple[list[float], list[float]] = ([], [])
    cpu = [0.0, 0.0]
    gc.collect()
    for number in range(pairs):
        for side in (0, 1) if number % 2 else (1, 0):
            work = (ours, raw)[side]
            cpu_before, before = time.process_time(), time.perf_counter()
            work()
            times[side].append(time.perf_counter() - before)
            cpu[side] += time.process_time() - cpu_before
    per_row = [1e6 * total / pairs / max(rows, 1) for total in cpu]
    return Measured(
        source=source,
        job=job,
        against=against,
        rows=rows,
        pairs=pairs,
        ours=statistics.median(times[0]),
        raw=statistics.median(times[1]),
        our_cpu=per_row[0],
        raw_cpu=per_row[1],
        note=note,
    )


def table(measured: list[Measured]) -> Iterator[str]:
    """The rows for benchmarks/results.md."""
    yield "| source | job | rows | pairs | gateway ms | raw ms | ratio | gateway rows/s | gateway CPU µs/row | raw CPU µs/row | raw is | note |"
    yield "|---|---|--:|--:|--:|--:|--:|--:|--:|--:|---|---|"
    for one in measured:
        yield (
            f"| {one.source} | {one.job} | {one.rows:,} | {one.pairs:,} | {one.ours * 1e3:.2f} | {one.raw * 1e3:.2f} | {one.ratio:.2f} "
            f"| {one.rows / one.ours:,.0f} | {one.our_cpu:.1f} | {one.raw_cpu:.1f} | {one.against} | {one.note} |"
        )


def load() -> str:
    return ", ".join(f"{load:.2f}" for load in os.getloadavg())
