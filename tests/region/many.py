"""Many random statements outside CI: python -m tests.region.many --cases 20000 --seed 1 --processes 2

Each failure prints as one JSON line {seed, family, sql, fault}; the last line counts cases by family and by what was wrong.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import sys
import time
from collections import Counter
from collections.abc import Iterator
from functools import cache
from random import Random

import duckdb

from tests.region.comparison import difference
from tests.region.generator import statement
from tests.region.harness import context, disagreement, independent
from tests.region.oracle import Oracle, open_oracle
from tests.region.region import open_region
from tests.region.vocabulary import Vocabulary, read_vocabulary

BLOCK = 200
Case = tuple[int, str, str, str | None]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--switches", default="on,off", help="comma-separated pushdown switches; ; within one: filter;limit")
    parser.add_argument("--independent", action="store_true", help="also compare bind with sqlglot's own translation")
    asked = parser.parse_args()
    jobs = [(asked.seed, asked.cases, part, asked.processes, asked.switches, asked.independent) for part in range(asked.processes)]
    started, families, faults = time.monotonic(), Counter[str](), Counter[str]()
    with multiprocessing.get_context("spawn").Pool(asked.processes) as pool:
        for found in pool.imap_unordered(_run, [(*job, block) for block in range(0, asked.cases, BLOCK) for job in jobs]):
            for seed, family, sql, fault in found:
                families[family] += 1
                if fault is not None:
                    faults[fault[:60]] += 1
                    print(json.dumps({"seed": seed, "family": family, "sql": sql, "fault": fault}, ensure_ascii=False), flush=True)
            print(
                f"{sum(families.values())} cases, {sum(faults.values())} failures, {time.monotonic() - started:.0f} s",
                file=sys.stderr,
                flush=True,
            )
    print(json.dumps({"cases": sum(families.values()), "seed": asked.seed, "families": families, "faults": faults}, ensure_ascii=False))
    return 1 if faults else 0


def _run(job: tuple[int, int, int, int, str, bool, int]) -> list[Case]:
    seed, cases, part, parts, switches, also_independent, block = job
    return list(
        _cases(
            range(seed + block + part, min(seed + block + BLOCK, seed + cases), parts),
            tuple(s.replace(";", ",") for s in switches.split(",")),
            also_independent,
        )
    )


@cache
def _materials() -> tuple[Oracle, Vocabulary]:
    oracle = open_oracle()
    return oracle, read_vocabulary(oracle)


def _cases(seeds: range, switches: tuple[str, ...], also_independent: bool) -> Iterator[Case]:
    oracle, vocabulary = _materials()
    with open_region() as engine:
        for seed in seeds:
            drawn = statement(Random(seed), vocabulary)
            fault = disagreement(engine, oracle, drawn, switches)
            if fault is None and also_independent:
                try:
                    inner = oracle.rows(engine.plan(drawn.sql, context()).inner)
                    fault = difference(inner, independent(oracle, drawn), ordered=drawn.ordered, tolerance=drawn.tolerance)
                    fault = f"bind: {fault}" if fault else None
                except duckdb.Error as error:
                    fault = f"oracle: {str(error).splitlines()[0]}"
            yield seed, drawn.family, drawn.sql, fault


if __name__ == "__main__":
    sys.exit(main())
