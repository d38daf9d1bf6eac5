"""Every fault under every policy: an answer over the sources reported ok, or an explicit error, in time."""

from __future__ import annotations

import time

import pytest

from adapters.interface import SourceError
from adapters.testing.fake import Behaviour, FakeSource
from catalog.source_tables import RawColumn, SqlTable
from catalog.types import INTEGER
from gateway.errors import GatewayError, PlanError, SourceFailure
from gateway.planner.plan import Plan, PrunedBinding
from gateway.result import OnUnavailable, Result
from gateway.runtime.completeness import Completeness
from tests.gateway.runtime.conftest import MakeRuntime
from tests.gateway.runtime.plans import context, fragment, plan, raw_rows, reference, rows_of

DEADLINE = 0.6
SLACK = 0.25 + 1.25  # promised, and for a busy machine of two cores; the figures themselves are the benchmarks'

FAULTS = {
    "refused": (Behaviour(refused=True), "S101"),
    "hangs before the first row": (Behaviour(hangs_after=0), "S103"),
    "hangs in the middle": (Behaviour(hangs_after=1), "S103"),
    "hangs and does not hear": (Behaviour(hangs_after=1, deaf=0.7), "S103"),
    "too slow": (Behaviour(delay=0.3), "S103"),
    "reset before the first row": (Behaviour(resets_after=0), "S102"),
    "reset in the middle": (Behaviour(resets_after=2), "S102"),
    "another type": (Behaviour(drift="type"), "S120"),
    "a column less": (Behaviour(drift="missing column"), "S120"),
}
MANY = 60_000  # four batches of 16,384 rows


def _union(unsound: str | None = None, aggregated: bool = False) -> Plan:
    stream = reference("r0", fragment("hosp_a"), fragment("hosp_b"), unsound=unsound, aggregated=aggregated)
    return plan("SELECT node, pid FROM r0", ["node", "pid"], stream)


def _count(unsound: str | None = "it counts") -> Plan:
    stream = reference("r0", fragment("hosp_a"), fragment("hosp_b"), unsound=unsound, aggregated=True)
    return plan("SELECT count(*) AS n FROM r0", ["n"], stream)


def _sources(behaviour: Behaviour) -> dict[str, FakeSource]:
    return {"hosp_a": FakeSource(raw_rows(5)), "hosp_b": FakeSource(raw_rows(MANY), behaviour)}


def _statuses(result: Result) -> dict[str, str]:
    return {outcome.node: outcome.status for outcome in result.outcomes}


@pytest.mark.parametrize("fault", FAULTS)
def test_by_default_a_fault_ends_the_query_and_names_the_source(make_runtime: MakeRuntime, fault: str) -> None:
    behaviour, code = FAULTS[fault]
    result = make_runtime(_sources(behaviour)).run(_union(), context(deadline=DEADLINE))
    started = time.monotonic()
    with pytest.raises(SourceFailure) as caught:
        rows_of(result)
    assert time.monotonic() - started < DEADLINE + SLACK
    assert caught.value.code == code
    assert "hosp_b" in caught.value.fact
    assert not caught.value.all_failed
    assert _statuses(result)["hosp_b"] == "failed"


@pytest.mark.parametrize("fault", FAULTS)
def test_a_partial_answer_has_the_rows_of_the_sources_reported_ok_and_no_other(make_runtime: MakeRuntime, fault: str) -> None:
    behaviour, code = FAULTS[fault]
    started = time.monotonic()
    result = make_runtime(_sources(behaviour)).run(_union(), context("partial", DEADLINE))
    assert rows_of(result) == [("hosp_a", n) for n in range(5)]
    assert time.monotonic() - started < DEADLINE + SLACK
    assert _statuses(result) == {"hosp_a": "ok", "hosp_b": "failed"}
    assert [outcome.code for outcome in result.outcomes] == ["", code]
    assert result.labels == ["partial"]
    assert not result.complete


@pytest.mark.parametrize("fault", FAULTS)
def test_a_count_over_a_missing_node_is_refused_under_partial(make_runtime: MakeRuntime, fault: str) -> None:
    result = make_runtime(_sources(FAULTS[fault][0])).run(_count(), context("partial", DEADLINE))
    started = time.monotonic()
    with pytest.raises(PlanError) as caught:
        rows_of(result)
    assert time.monotonic() - started < DEADLINE + SLACK
    assert caught.value.code == "L101"
    assert "hosp_b" in caught.value.fact
    assert "it counts" in caught.value.fact


@pytest.mark.parametrize("fault", FAULTS)
def test_a_count_that_may_be_wrong_is_a_lower_bound(make_runtime: MakeRuntime, fault: str) -> None:
    result = make_runtime(_sources(FAULTS[fault][0])).run(_count(), context("unsound", DEADLINE))
    assert rows_of(result) == [(5,)]
    assert result.labels == ["lower_bound"]
    assert _statuses(result) == {"hosp_a": "ok", "hosp_b": "failed"}


def test_what_is_wrong_and_not_only_low_is_labelled_unsound(make_runtime: MakeRuntime) -> None:
    result = make_runtime(_sources(Behaviour(refused=True))).run(_union("NOT EXISTS asks what is not there"), context("unsound"))
    assert len(rows_of(result)) == 5
    assert result.labels == ["unsound"]


def test_unsound_names_an_answer_that_only_lacks_rows_partial(make_runtime: MakeRuntime) -> None:
    result = make_runtime(_sources(Behaviour(refused=True))).run(_union(), context("unsound"))
    assert len(rows_of(result)) == 5
    assert result.labels == ["partial"]


def test_a_partial_top_n_says_that_its_selection_may_lack_rows(make_runtime: MakeRuntime) -> None:
    stream = reference("r0", fragment("hosp_a"), fragment("hosp_b"))
    top = plan("SELECT pid FROM r0 ORDER BY pid DESC LIMIT 2", ["pid"], stream, top_n=True)
    result = make_runtime(_sources(Behaviour(refused=True))).run(top, context("partial"))
    assert rows_of(result) == [(3,), (4,)]
    assert result.labels == ["partial", "top_n_incomplete"]


def test_a_source_that_fails_in_one_reference_gives_no_row_to_another(make_runtime: MakeRuntime) -> None:
    """hosp_b answers the first reference whole and resets in the second: the first may not keep its rows."""

    other = SqlTable(name="gone", columns=(RawColumn(name="pid", type=INTEGER),))
    first = reference("r0", fragment("hosp_a"), fragment("hosp_b", id="b0"))
    second = reference(
        "r1",
        fragment("hosp_b", id="b1", table=other, projection="SELECT 'hosp_b' AS node, pid, 'x' AS word FROM raw"),
    )
    both = plan("SELECT node, pid FROM r0 UNION ALL SELECT node, pid FROM r1", ["node", "pid"], first, second)
    sources = {"hosp_a": FakeSource(raw_rows(2)), "hosp_b": FakeSource(raw_rows(3))}
    result = make_runtime(sources).run(both, context("partial"))
    assert rows_of(result) == [("hosp_a", 0), ("hosp_a", 1)]
    assert _statuses(result) == {"hosp_a": "ok", "hosp_b": "failed"}


@pytest.mark.parametrize("policy", ["fail", "partial", "unsound"])
def test_where_no_source_answers_there_is_no_answer(make_runtime: MakeRuntime, policy: OnUnavailable) -> None:
    down = Behaviour(refused=True)
    runtime = make_runtime({"hosp_a": FakeSource(raw_rows(1), down), "hosp_b": FakeSource(raw_rows(1), down)})
    with pytest.raises(SourceFailure) as caught:
        rows_of(runtime.run(_union(), context(policy)))
    assert caught.value.code == "S101"
    assert caught.value.all_failed


def test_the_only_source_failing_is_all_failing(make_runtime: MakeRuntime) -> None:
    runtime = make_runtime({"hosp_a": FakeSource(raw_rows(1), Behaviour(refused=True))})
    only = plan("SELECT count(*) FROM r0", ["n"], reference("r0", fragment("hosp_a"), unsound="it counts", aggregated=True))
    for policy in ("fail", "partial", "unsound"):
        with pytest.raises(SourceFailure) as caught:
            rows_of(runtime.run(only, context(policy)))
        assert caught.value.all_failed


def test_a_source_that_a_reached_limit_cuts_off_tells_the_rows_it_gave(make_runtime: MakeRuntime) -> None:
    runtime = make_runtime({"hosp_a": FakeSource(raw_rows(MANY), Behaviour(delay=0.05))})
    result = runtime.run(plan("SELECT pid FROM r0 LIMIT 1", ["pid"], reference("r0", fragment("hosp_a"))), context())
    assert len(rows_of(result)) == 1
    (outcome,) = result.outcomes
    assert outcome.status == "ok"
    assert 0 < outcome.rows < MANY


def test_an_adapter_that_cannot_be_made_is_a_source_that_failed(make_runtime: MakeRuntime) -> None:
    result = make_runtime({"hosp_a": FakeSource(raw_rows(1))}).run(_union(), context("partial"))
    assert rows_of(result) == [("hosp_a", 0)]
    assert [(o.node, o.status, o.code) for o in result.outcomes] == [("hosp_a", "ok", ""), ("hosp_b", "failed", "S110")]


def test_pruned_sources_are_told_with_their_reason_and_do_not_make_the_answer_incomplete(make_runtime: MakeRuntime) -> None:
    pruned = (
        PrunedBinding(node="hosp_b", source="main", binding="x", reason="its node is hosp_b"),
        PrunedBinding(node="hosp_a", source="main", binding="y", reason="its rows end in 2020"),
    )
    result = make_runtime({"hosp_a": FakeSource(raw_rows(1))}).run(
        plan("SELECT pid FROM r0", ["pid"], reference("r0", fragment("hosp_a"), pruned=pruned)), context()
    )
    assert rows_of(result) == [(0,)]
    assert [(o.node, o.status, o.reason) for o in result.outcomes] == [("hosp_a", "ok", ""), ("hosp_b", "pruned", "its node is hosp_b")]
    assert result.complete


def test_a_transient_failure_before_the_first_row_is_tried_once_more(make_runtime: MakeRuntime) -> None:
    source = FakeSource(raw_rows(3), Behaviour(resets_after=0, resets=1))
    result = make_runtime({"hosp_a": source}).run(plan("SELECT pid FROM r0", ["pid"], reference("r0", fragment("hosp_a"))), context())
    assert rows_of(result) == [(0,), (1,), (2,)]
    assert source.reads == 2


def test_it_is_not_tried_a_third_time(make_runtime: MakeRuntime) -> None:
    source = FakeSource(raw_rows(3), Behaviour(resets_after=0, resets=2))
    with pytest.raises(SourceFailure):
        rows_of(make_runtime({"hosp_a": source}).run(plan("SELECT pid FROM r0", ["pid"], reference("r0", fragment("hosp_a"))), context()))
    assert source.reads == 2


def test_rows_that_have_left_are_never_read_again(make_runtime: MakeRuntime) -> None:
    source = FakeSource(raw_rows(MANY), Behaviour(resets_after=3, resets=1, delay=0.1))
    with pytest.raises(SourceFailure) as caught:
        rows_of(make_runtime({"hosp_a": source}).run(plan("SELECT pid FROM r0", ["pid"], reference("r0", fragment("hosp_a"))), context()))
    assert caught.value.code == "S102"
    assert source.reads == 1


def test_a_binding_over_the_whole_fragment_is_read_again_from_the_start(make_runtime: MakeRuntime) -> None:
    """Nothing of it leaves before its last raw row: a reset in the middle costs a second read and no row."""
    source = FakeSource(raw_rows(MANY), Behaviour(resets_after=3, resets=1))
    whole = fragment("hosp_a", row_wise=False, projection="SELECT 'a' AS node, max(pid) AS pid, 'x' AS word FROM raw")
    result = make_runtime({"hosp_a": source}).run(plan("SELECT pid FROM r0", ["pid"], reference("r0", whole)), context())
    assert rows_of(result) == [(MANY - 1,)]
    assert source.reads == 2


def test_a_refused_source_is_named_at_once(make_runtime: MakeRuntime) -> None:
    runtime = make_runtime(_sources(Behaviour(refused=True)))
    seconds = []
    for _ in range(5):
        started = time.monotonic()
        with pytest.raises(SourceFailure):
            rows_of(runtime.run(_union(), context()))
        seconds.append(time.monotonic() - started)
    assert min(seconds) < 0.05 + 0.25


def test_drift_names_the_column(make_runtime: MakeRuntime) -> None:
    with pytest.raises(GatewayError) as caught:
        rows_of(make_runtime(_sources(Behaviour(drift="missing column"))).run(_union(), context()))
    assert caught.value.code == "S120"
    assert "word" in caught.value.fact


def test_columns_in_another_order_are_drift_and_never_shifted(make_runtime: MakeRuntime) -> None:
    class Shuffled(FakeSource):
        def read(self, split, context):
            for batch in super().read(split, context):
                yield batch.select(["word", "pid"])

    with pytest.raises(SourceFailure) as caught:
        rows_of(make_runtime({"hosp_a": Shuffled(raw_rows(2)), "hosp_b": FakeSource(raw_rows(2))}).run(_union(), context()))
    assert caught.value.code == "S120"


def test_an_adapter_that_breaks_its_contract_fails_as_a_source_without_its_words(make_runtime: MakeRuntime) -> None:
    class Careless(FakeSource):
        def read(self, split, context):
            yield from super().read(split, context)
            raise ValueError("patient 4711 has no name")

    with pytest.raises(SourceFailure) as caught:
        rows_of(make_runtime({"hosp_a": Careless(raw_rows(2)), "hosp_b": FakeSource(raw_rows(2))}).run(_union(), context()))
    assert caught.value.code == "S105"
    assert "4711" not in f"{caught.value} {caught.value.detail} {caught.value.hint}"


def test_a_limit_reached_needs_no_more_of_a_slow_source(make_runtime: MakeRuntime) -> None:
    """Under the default policy rows stream: ten rows are there long before the slow source ends."""
    sources = {"hosp_a": FakeSource(raw_rows(100)), "hosp_b": FakeSource(raw_rows(MANY), Behaviour(delay=0.5))}
    few = plan("SELECT pid FROM r0 LIMIT 10", ["pid"], reference("r0", fragment("hosp_a"), fragment("hosp_b")))
    started = time.monotonic()
    result = make_runtime(sources).run(few, context())
    assert len(rows_of(result)) == 10
    assert time.monotonic() - started < 2
    assert result.complete


def test_the_book_refuses_to_call_a_source_failed_that_has_answered_whole() -> None:
    fatal: list[GatewayError] = []
    book = Completeness(_union(), "fail", fatal.append)
    book.fragment_done(("hosp_a", "main"), 1, 8, time.monotonic())
    book.source_failed(("hosp_a", "main"), SourceError("S103", "late"))
    assert not fatal
