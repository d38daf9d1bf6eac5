"""The one invariant under random faults: rows == the query over the sources reported ok; ok and missing are all that were planned."""

from __future__ import annotations

import random
import time

import pytest

from adapters.testing.fake import Behaviour, FakeSource
from gateway.errors import GatewayError, PlanError, SourceFailure
from gateway.planner.plan import Plan
from gateway.result import Result
from tests.gateway.runtime.conftest import MakeRuntime
from tests.gateway.runtime.plans import context, fragment, plan, raw_rows, reference, rows_of

NODES = ["n0", "n1", "n2", "n3"]
DEADLINE = 1.0


def _behaviour(draw: random.Random) -> Behaviour:
    """Half of them healthy, in some way."""
    slots, splits = draw.choice([1, 2, 4]), draw.choice([1, 1, 3])
    after = draw.randrange(4)
    fault = draw.choice(["none"] * 5 + ["refused", "reset", "reset once", "drift", "hang"])
    return Behaviour(
        slots=slots,
        splits=splits,
        delay=draw.choice([0, 0, 0.01]),
        refused=fault == "refused",
        resets_after=after if fault.startswith("reset") else None,
        resets=1 if fault == "reset once" else None,
        drift="type" if fault == "drift" else "none",
        hangs_after=after if fault == "hang" else None,
    )


def _plan(draw: random.Random) -> Plan:
    """Two streams over the same nodes, as a union of rows or as counts per node."""
    whole = draw.random() < 0.3
    streams = [
        reference(name, *(fragment(node, id=f"{name}-{node}", row_wise=not whole) for node in NODES), spool=draw.random() < 0.2)
        for name in ("r0", "r1")
    ]
    merge = "SELECT node, count(*) AS n, sum(pid) AS s FROM (SELECT * FROM r0 UNION ALL SELECT * FROM r1) GROUP BY node"
    return plan(merge, ["node", "n", "s"], *streams)


@pytest.mark.parametrize("seed", range(20))
def test_an_answer_has_all_rows_of_the_sources_it_names_and_none_of_the_others(make_runtime: MakeRuntime, seed: int) -> None:
    draw = random.Random(seed)
    counts = {node: draw.choice([0, 10, 30_000]) for node in NODES}
    sources = {node: FakeSource(raw_rows(counts[node]), _behaviour(draw)) for node in NODES}
    runtime = make_runtime(sources, queue_bytes=draw.choice([1, 200_000, 32 << 20]))
    policy = draw.choice(["fail", "partial", "partial", "unsound"])
    started = time.monotonic()
    result = runtime.run(_plan(draw), context(policy, DEADLINE))
    rows, error = _rows_or_error(result)
    assert time.monotonic() - started < DEADLINE + 0.25 + 0.75
    if rows is None:
        assert policy == "fail" or getattr(error, "all_failed", False)
        assert any(outcome.status == "failed" for outcome in result.outcomes)
        return
    there = {outcome.node for outcome in result.outcomes if outcome.status == "ok"}
    missing = {outcome.node for outcome in result.outcomes if outcome.status == "failed"}
    assert there | missing == set(NODES)
    assert not there & missing
    assert rows == [(node, 2 * counts[node], counts[node] * (counts[node] - 1)) for node in sorted(there) if counts[node]]
    assert result.complete == (not missing)
    assert result.labels == (["partial"] if missing else [])


def _rows_or_error(result: Result) -> tuple[list[tuple[object, ...]] | None, GatewayError | None]:
    try:
        return rows_of(result), None
    except (SourceFailure, PlanError) as error:
        return None, error
