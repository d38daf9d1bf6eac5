"""python -m benchmarks: runs all benchmarks and writes benchmarks/results.md with the machine, the date and the load."""

from __future__ import annotations

import os
import platform
import statistics
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import duckdb
import pyarrow as pa

from benchmarks.adapters import adapters_beside_drivers
from benchmarks.planning import planning_times
from tests.region.fetched import QUESTIONS, measure
from tests.region.harness import ask, context
from tests.region.oracle import open_oracle
from tests.region.region import open_region

RESULTS = Path(__file__).parent / "results.md"


def main() -> int:
    repeats = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    lines = [*machine(), "", *fetched_against_needed(repeats), "", *planning(repeats), "", *adapters_beside_drivers()]
    RESULTS.write_text("\n".join(lines) + "\n", "utf-8")
    print("\n".join(lines))
    return 0


def machine() -> Iterator[str]:
    yield "# Benchmark results"
    yield ""
    yield f"Written by `python -m benchmarks` on {datetime.now(UTC):%Y-%m-%d %H:%M} UTC. Figures depend on the machine; ratios less so."
    yield ""
    yield f"- machine: {platform.machine()}, {os.cpu_count()} cores, {platform.system()} {platform.release()}"
    yield f"- software: Python {platform.python_version()}, duckdb {duckdb.__version__}, sqlglot {version('sqlglot')}, pyarrow {pa.__version__}"
    yield f"- load average when started: {', '.join(f'{load:.2f}' for load in os.getloadavg())} (above {os.cpu_count()} means that others were running)"


def fetched_against_needed(repeats: int) -> Iterator[str]:
    """Needed rows: those of the virtual tables that contribute, with the columns that the statement uses, as Arrow bytes."""
    yield "## Fetched against needed"
    yield ""
    yield "Needed: rows of the virtual tables that contribute to the answer, and the Arrow bytes of the columns that the statement uses. Fetched: raw rows"
    yield "and Arrow bytes that the sources delivered. Without pushdown, whole source tables come. Milliseconds: the whole query, least / median / most."
    yield ""
    yield "| question | rows needed | fetched | ratio | without pushdown | bytes needed | fetched | ratio | without pushdown | ms | ms without | why not less |"
    yield "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|---|"
    oracle = open_oracle()
    with open_region() as engine:
        for question in QUESTIONS:
            found, off = measure(engine, oracle, question), measure(engine, oracle, question, "off")
            times = {
                switch: _milliseconds(lambda switch=switch, sql=question.sql: ask(engine, sql, context(switch)), repeats)
                for switch in ("on", "off")
            }
            yield (
                f"| {question.title} | {found.needed_rows:,} | {found.fetched_rows:,} | {found.fetched_rows / found.needed_rows:.2f} | {off.fetched_rows:,} "
                f"| {found.needed_bytes:,} | {found.fetched_bytes:,} | {found.fetched_bytes / found.needed_bytes:.2f} | {off.fetched_bytes:,} "
                f"| {times['on']} | {times['off']} | {question.why} |"
            )


def planning(repeats: int) -> Iterator[str]:
    yield "## Planning"
    yield ""
    yield "Milliseconds of `Engine.plan`, wall clock: the first plan of a new engine, then repeated (least / median / most), and the median of each stage."
    yield ""
    yield "| hospitals | statement | fragments | first | repeated | where it goes |"
    yield "|--:|---|--:|--:|--:|---|"
    for nodes in (3, 50):
        for time_of in planning_times(nodes, repeats):
            stages = ", ".join(f"{stage} {milliseconds:.1f}" for stage, milliseconds in time_of.stages.items())
            spread = f"{time_of.least:.1f} / {time_of.median:.1f} / {time_of.most:.1f}"
            yield f"| {nodes} | {time_of.statement} | {time_of.fragments} | {time_of.cold:.1f} | {spread} | {stages} |"


def _milliseconds(run: object, repeats: int) -> str:
    assert callable(run)
    found = []
    for _ in range(repeats):
        started = time.perf_counter()
        run()
        found.append((time.perf_counter() - started) * 1000)
    return f"{min(found):.0f} / {statistics.median(found):.0f} / {max(found):.0f}"


if __name__ == "__main__":
    sys.exit(main())
