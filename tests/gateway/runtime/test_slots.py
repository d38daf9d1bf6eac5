"""Slots, queues and spill: nobody keeps a neighbour waiting, memory stays flat, and what was taken is given back."""

from __future__ import annotations

import os
import stat
import threading
import time
from pathlib import Path

import pyarrow as pa
import pytest

from adapters.testing.fake import Behaviour, FakeSource
from gateway.errors import GatewayError, MergeError, SourceFailure
from gateway.planner.plan import Plan
from gateway.result import OnUnavailable
from gateway.runtime.slots import SourceSlots
from tests.gateway.runtime.conftest import MakeRuntime
from tests.gateway.runtime.plans import context, fragment, plan, raw_rows, reference, rows_of

BIG = 200_000  # about 5 MB as virtual rows
QUEUE = 400_000


def _two_tables(merge: str = "SELECT count(*) AS n FROM r0 JOIN r1 USING (pid)") -> Plan:
    return plan(merge, ["n"], reference("r0", fragment("hosp_a", id="f0")), reference("r1", fragment("hosp_a", id="f1")))


def _one_table(*nodes: str) -> Plan:
    return plan("SELECT node, pid, word FROM r0", ["node", "pid", "word"], reference("r0", *(fragment(node) for node in nodes)))


@pytest.mark.parametrize("policy", ["fail", "partial"])
@pytest.mark.parametrize("merge", ["r0 JOIN r1", "r1 JOIN r0"])
def test_a_join_of_two_big_tables_of_a_source_with_one_slot_ends(make_runtime: MakeRuntime, policy: OnUnavailable, merge: str) -> None:
    source = FakeSource(raw_rows(BIG), Behaviour(slots=1))
    runtime = make_runtime({"hosp_a": source}, queue_bytes=QUEUE)
    started = time.monotonic()
    assert rows_of(runtime.run(_two_tables(f"SELECT count(*) AS n FROM {merge} USING (pid)"), context(policy, 15))) == [(BIG,)]
    assert time.monotonic() - started < 10
    assert source.most_open_reads == 1


def test_what_waits_on_disk_has_a_cap(make_runtime: MakeRuntime) -> None:
    runtime = make_runtime({"hosp_a": FakeSource(raw_rows(BIG), Behaviour(slots=1))}, queue_bytes=QUEUE, spill_bytes=1 << 20)
    with pytest.raises(MergeError) as caught:
        rows_of(runtime.run(_two_tables(), context("partial")))
    assert caught.value.code == "M104"


def test_rows_on_disk_are_in_a_private_folder_without_a_name(make_runtime: MakeRuntime, folder: Path) -> None:
    runtime = make_runtime({"hosp_a": FakeSource(raw_rows(BIG), Behaviour(delay=0.02))}, queue_bytes=QUEUE)
    result = runtime.run(_one_table("hosp_a"), context("partial"))
    time.sleep(0.15)
    assert {stat.S_IMODE(entry.stat().st_mode) for entry in folder.iterdir()} == {0o700}
    assert not [file for entry in folder.iterdir() for file in entry.iterdir()]
    assert len(rows_of(result)) == BIG


def test_a_slow_reader_holds_the_source_back_and_memory_flat(make_runtime: MakeRuntime) -> None:
    count = 3_000_000
    rows = raw_rows(1000)["visits"]
    source = FakeSource({"visits": pa.concat_tables([rows] * (count // 1000)).combine_chunks()})
    runtime = make_runtime({"hosp_a": source}, queue_bytes=2 << 20)
    before = pa.total_allocated_bytes()
    resident = _resident()
    result = runtime.run(_one_table("hosp_a"), context(deadline=30))
    seen = next(result.batches).num_rows
    read = []
    for _ in range(5):
        time.sleep(0.1)
        read.append(source.batches)
        seen += next(result.batches).num_rows
    assert read[-1] < count / 16_384 / 1.5
    assert read[-1] - read[1] <= 8
    assert pa.total_allocated_bytes() - before < 40 << 20
    assert _resident() - resident < 120 << 20
    result.close()
    assert seen < count


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_a_slow_reader_of_one_query_does_not_keep_another_from_the_source(make_runtime: MakeRuntime) -> None:
    source = FakeSource(raw_rows(BIG), Behaviour(slots=1))
    runtime = make_runtime({"hosp_a": source}, queue_bytes=QUEUE)
    slow = runtime.run(_one_table("hosp_a"), context())
    next(slow.batches)
    started = time.monotonic()
    assert rows_of(runtime.run(_two_tables("SELECT count(*) AS n FROM r0 UNION ALL SELECT 1 FROM r1 WHERE pid < 0"), context()))[0] == (
        BIG,
    )
    assert time.monotonic() - started < 8
    assert len(rows_of(slow)) > BIG / 2


def test_cancel_frees_the_slot_soon(make_runtime: MakeRuntime) -> None:
    source = FakeSource(raw_rows(BIG), Behaviour(slots=1, hangs_after=1))
    runtime = make_runtime({"hosp_a": source})
    stuck = runtime.run(_one_table("hosp_a"), context())
    time.sleep(0.1)
    assert source.open_reads == 1
    started = time.monotonic()
    stuck.close()
    while source.open_reads:
        time.sleep(0.005)
        assert time.monotonic() - started < 3
    source.behaviour = Behaviour(slots=1)
    assert len(rows_of(runtime.run(_one_table("hosp_a"), context()))) == BIG


def test_closing_wakes_a_caller_who_waits_for_rows(make_runtime: MakeRuntime) -> None:
    result = make_runtime({"hosp_a": FakeSource(raw_rows(5), Behaviour(hangs_after=0))}).run(_one_table("hosp_a"), context())
    threading.Timer(0.1, result.close).start()
    started = time.monotonic()
    with pytest.raises(SourceFailure) as caught:
        rows_of(result)
    assert caught.value.code == "S104"
    assert time.monotonic() - started < 3


def test_forgetting_the_result_ends_its_reads(make_runtime: MakeRuntime) -> None:
    source = FakeSource(raw_rows(5), Behaviour(hangs_after=0))
    result = make_runtime({"hosp_a": source}).run(_one_table("hosp_a"), context())
    time.sleep(0.1)
    assert source.open_reads == 1
    del result
    time.sleep(0.3)
    assert source.open_reads == 0


def test_a_read_that_does_not_hear_keeps_its_slot_until_it_ends(make_runtime: MakeRuntime) -> None:
    source = FakeSource(raw_rows(5), Behaviour(slots=1, hangs_after=0, deaf=1.0))
    runtime = make_runtime({"hosp_a": source})
    with pytest.raises(SourceFailure):
        rows_of(runtime.run(_one_table("hosp_a"), context(deadline=0.3)))
    source.behaviour = Behaviour(slots=1)
    with pytest.raises(SourceFailure) as caught:
        rows_of(runtime.run(_one_table("hosp_a"), context(deadline=0.2)))
    assert caught.value.code in ("S130", "S103")
    assert len(rows_of(runtime.run(_one_table("hosp_a"), context(deadline=5)))) == 5


def test_a_caller_who_does_not_read_until_the_deadline_is_not_blamed_on_the_source(make_runtime: MakeRuntime) -> None:
    runtime = make_runtime({"hosp_a": FakeSource(raw_rows(BIG * 5))}, queue_bytes=QUEUE)
    result = runtime.run(_one_table("hosp_a"), context(deadline=0.8))
    time.sleep(1.3)
    with pytest.raises(GatewayError) as caught:
        rows_of(result)
    assert caught.value.code == "M105"


def test_a_merge_that_computes_too_long_is_stopped(make_runtime: MakeRuntime) -> None:
    runtime = make_runtime({"hosp_a": FakeSource(raw_rows(1000))})
    endless = plan("SELECT count(*) AS n FROM r0, range(1000000000) t(i) WHERE pid * i % 7 = 3", ["n"], reference("r0", fragment("hosp_a")))
    started = time.monotonic()
    with pytest.raises(MergeError) as caught:
        rows_of(runtime.run(endless, context(deadline=0.5)))
    assert caught.value.code == "M105"
    assert time.monotonic() - started < 0.5 + 0.25 + 1.5


def test_many_queries_on_a_hung_node_leave_the_others_alone(make_runtime: MakeRuntime) -> None:
    sources = {"hosp_a": FakeSource(raw_rows(100)), "hosp_b": FakeSource(raw_rows(100), Behaviour(hangs_after=0))}
    runtime = make_runtime(sources)
    stuck = [runtime.run(_one_table("hosp_b"), context(deadline=20)) for _ in range(10)]
    started = time.monotonic()
    for _ in range(5):
        assert len(rows_of(runtime.run(_one_table("hosp_a"), context()))) == 100
    assert time.monotonic() - started < 8
    for result in stuck:
        result.close()


def test_nobody_passes_a_thread_that_waits_for_a_slot() -> None:
    slots = SourceSlots(1)
    assert slots.acquire(time.monotonic() + 1, lambda: False)
    got: list[bool] = []
    waiter = threading.Thread(target=lambda: got.append(slots.acquire(time.monotonic() + 2, lambda: False)))
    waiter.start()
    while not slots.wanted:
        time.sleep(0.001)
    assert not slots.try_acquire()
    slots.release()
    waiter.join()
    assert got == [True]


def test_waiting_for_a_slot_ends_at_the_deadline_or_when_given_up() -> None:
    slots = SourceSlots(1)
    assert slots.try_acquire()
    assert not slots.acquire(time.monotonic() + 0.05, lambda: False)
    assert not slots.acquire(time.monotonic() + 5, lambda: True)


def test_many_callers_at_once_some_of_whom_go_away_leave_every_slot_free(make_runtime: MakeRuntime) -> None:
    sources = {
        "hosp_a": FakeSource(raw_rows(30_000), Behaviour(slots=2)),
        "hosp_b": FakeSource(raw_rows(30_000), Behaviour(slots=1, delay=0.002)),
    }
    runtime = make_runtime(sources, queue_bytes=QUEUE)
    joined = plan(
        "SELECT count(*) AS n FROM r0 JOIN r1 USING (pid)",
        ["n"],
        reference("r0", fragment("hosp_a", id="f0"), fragment("hosp_b", id="f1")),
        reference("r1", fragment("hosp_b", id="f2")),
    )
    wrong: list[object] = []

    def call(number: int) -> None:
        for turn in range(4):
            result = runtime.run(joined, context("partial" if number % 2 else "fail", 20))
            if (number + turn) % 3 == 0:
                time.sleep(0.01 * number)
                result.close()
            elif (rows := rows_of(result)) != [(60_000,)]:
                wrong.append(rows)

    callers = [threading.Thread(target=call, args=(number,)) for number in range(6)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join(60)
    assert not wrong
    until = time.monotonic() + 1
    while (sources["hosp_a"].open_reads or sources["hosp_b"].open_reads) and time.monotonic() < until:
        time.sleep(0.01)
    assert (sources["hosp_a"].open_reads, sources["hosp_b"].open_reads) == (0, 0)
    assert rows_of(runtime.run(joined, context())) == [(60_000,)]
