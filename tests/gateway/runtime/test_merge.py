"""What the merge makes of the streams, and how it fails."""

from __future__ import annotations

import traceback
from dataclasses import replace
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from adapters.testing.fake import Behaviour, FakeSource
from gateway.errors import DeniedError, GatewayError, MergeError
from gateway.result import Result
from gateway.runtime.locked_duckdb import connect_locked
from tests.gateway.runtime.conftest import MakeRuntime
from tests.gateway.runtime.plans import context, fragment, plan, raw_rows, reference, rows_of


def _run(make_runtime: MakeRuntime, merge: str, columns: list[str], count: int = 5, spool: bool = False, **limits: object) -> Result:
    runtime = make_runtime({"hosp_a": FakeSource(raw_rows(count))}, **limits)
    return runtime.run(plan(merge, columns, reference("r0", fragment("hosp_a"), spool=spool)), context())


def test_a_self_join_has_two_streams(make_runtime: MakeRuntime) -> None:
    runtime = make_runtime({"hosp_a": FakeSource(raw_rows(4))})
    two = plan(
        "SELECT a.pid, b.pid FROM r0 AS a JOIN r1 AS b ON a.pid = b.pid + 1",
        ["pid", "pid"],
        reference("r0", fragment("hosp_a", id="f0")),
        reference("r1", fragment("hosp_a", id="f1")),
    )
    result = runtime.run(two, context())
    assert result.schema.names == ["pid", "pid"]
    assert rows_of(result) == [(1, 0), (2, 1), (3, 2)]


def test_a_union_of_three_references_from_two_nodes(make_runtime: MakeRuntime) -> None:
    runtime = make_runtime({"hosp_a": FakeSource(raw_rows(2)), "hosp_b": FakeSource(raw_rows(1, 7))})
    three = plan(
        "SELECT node, pid FROM r0 UNION ALL SELECT node, pid FROM r1 UNION SELECT node, pid FROM r2",
        ["node", "pid"],
        reference("r0", fragment("hosp_a", id="f0")),
        reference("r1", fragment("hosp_b", id="f1")),
        reference("r2", fragment("hosp_a", id="f2")),
    )
    assert rows_of(runtime.run(three, context())) == [("hosp_a", 0), ("hosp_a", 1), ("hosp_b", 7)]


def test_a_spooled_reference_may_be_scanned_again(make_runtime: MakeRuntime) -> None:
    recursive = "WITH RECURSIVE up(pid) AS (SELECT 0 UNION ALL SELECT r0.pid FROM r0 JOIN up ON r0.pid = up.pid + 1) SELECT pid FROM up"
    assert rows_of(_run(make_runtime, recursive, ["pid"], spool=True)) == [(0,), (1,), (2,), (3,), (4,)]


def test_a_spooled_table_has_a_cap(make_runtime: MakeRuntime) -> None:
    with pytest.raises(MergeError) as caught:
        rows_of(_run(make_runtime, "SELECT count(*) FROM r0", ["n"], 50_000, spool=True, spool_bytes=100_000))
    assert caught.value.code == "M104"


def test_no_reference_at_all_is_a_query_too(make_runtime: MakeRuntime) -> None:
    result = make_runtime({}).run(plan("SELECT 1 AS one", ["one"]), context())
    assert rows_of(result) == [(1,)]
    assert result.complete


def test_an_empty_answer_has_its_schema(make_runtime: MakeRuntime) -> None:
    result = _run(make_runtime, "SELECT pid, word FROM r0 WHERE pid < 0", ["pid", "word"])
    assert result.schema == pa.schema([("pid", pa.int64()), ("word", pa.string())])
    assert rows_of(result) == []


def test_the_schema_does_not_wait_for_the_sources(make_runtime: MakeRuntime) -> None:
    source = FakeSource(raw_rows(5), Behaviour(hangs_after=0))
    result = make_runtime({"hosp_a": source}).run(
        plan("SELECT max(pid) AS m FROM r0", ["m"], reference("r0", fragment("hosp_a"))), context()
    )
    assert result.schema == pa.schema([("m", pa.int64())])
    result.close()


def test_batches_are_small_and_the_rows_all_there(make_runtime: MakeRuntime) -> None:
    result = _run(make_runtime, "SELECT pid FROM r0", ["pid"], 100_000)
    sizes = [(batch.num_rows, batch.column(0).to_pylist()) for batch in result.batches]
    assert max(rows for rows, _ in sizes) <= 16_384
    assert sorted(pid for _, pids in sizes for pid in pids) == list(range(100_000))


def test_the_order_of_the_statement_is_kept(make_runtime: MakeRuntime) -> None:
    result = _run(make_runtime, "SELECT pid FROM r0 ORDER BY pid % 1000, pid DESC", ["pid"], 50_000)
    found = [pid for batch in result.batches for pid in batch.column(0).to_pylist()]
    assert found == sorted(range(50_000), key=lambda pid: (pid % 1000, -pid))


def test_splits_are_read_at_the_same_time_within_the_slots(make_runtime: MakeRuntime) -> None:
    source = FakeSource(raw_rows(80), Behaviour(splits=8, slots=3, delay=0.05))
    result = make_runtime({"hosp_a": source}).run(plan("SELECT pid FROM r0", ["pid"], reference("r0", fragment("hosp_a"))), context())
    assert rows_of(result) == sorted(((n,) for n in range(80)), key=repr)
    assert source.most_open_reads == 3


def test_a_scan_without_columns_still_counts_rows(make_runtime: MakeRuntime) -> None:
    bare = fragment("hosp_a", projection="SELECT 'hosp_a' AS node FROM raw")
    bare = replace(bare, scan=replace(bare.scan, columns=()))
    counted = plan("SELECT count(*) AS n FROM r0", ["n"], reference("r0", bare, columns=(("node", "VARCHAR"),)))
    assert rows_of(make_runtime({"hosp_a": FakeSource(raw_rows(41))}).run(counted, context())) == [(41,)]


@pytest.mark.parametrize(
    ("expression", "fact"),
    [
        ("CAST(word AS INTEGER)", "a value cannot be cast as the statement asks"),
        ("CAST(word AS DATE)", "a value cannot be cast as the statement asks"),
        ("CAST(pid * 1000000000000 AS INTEGER)", "a value cannot be cast as the statement asks"),
        ("pid * 9223372036854775807", "a value is out of the range of its type"),
        ("pid // (pid - pid)", "division by zero"),
        ("CASE WHEN pid = 3 THEN error('hospital-gateway: division by zero') ELSE pid END", "division by zero"),
        ("error('w1 of patient 3')", "a function of the statement got a value that it cannot take"),
        ("CAST('hospital-gateway: ' || word AS INTEGER)", "a value cannot be cast as the statement asks"),
        ("CAST(pid * 10 AS DECIMAL(2,1))", "a value cannot be cast as the statement asks"),
    ],
)
def test_an_expression_that_fails_is_told_in_our_words_without_values(make_runtime: MakeRuntime, expression: str, fact: str) -> None:
    with pytest.raises(MergeError) as caught:
        rows_of(_run(make_runtime, f"SELECT {expression} AS x FROM r0", ["x"], 30))
    assert caught.value.code == "M103"
    assert caught.value.fact == fact
    assert "w1" not in "".join(traceback.format_exception(caught.value))


def test_a_merge_that_does_not_bind_tells_no_text_of_duckdb(make_runtime: MakeRuntime) -> None:
    with pytest.raises(MergeError) as caught:
        _run(make_runtime, "SELECT nothing FROM r0", ["nothing"])
    assert caught.value.code == "M101"
    assert "nothing" not in caught.value.fact


def test_a_merge_may_not_use_more_memory_and_disk_than_its_share(make_runtime: MakeRuntime) -> None:
    with pytest.raises(MergeError) as caught:
        rows_of(
            _run(
                make_runtime,
                "SELECT list(word || pid ORDER BY pid) AS x FROM r0, range(20) t(i)",
                ["x"],
                100_000,
                merge_memory=20 << 20,
                spill_bytes=1 << 20,
            )
        )
    assert caught.value.code == "M102"


def test_a_role_that_may_fetch_ten_rows_gets_no_eleventh_and_no_silence(make_runtime: MakeRuntime) -> None:
    source = {"hosp_a": FakeSource(raw_rows(11))}
    eleven = plan("SELECT pid FROM r0", ["pid"], reference("r0", fragment("hosp_a")), max_rows=10)
    with pytest.raises(DeniedError) as caught:
        rows_of(make_runtime(source).run(eleven, context()))
    assert caught.value.code == "G105"
    assert len(rows_of(make_runtime(source).run(replace(eleven, max_rows=11), context()))) == 11


def test_an_answer_above_the_gateways_own_row_limit_is_refused(make_runtime: MakeRuntime) -> None:
    with pytest.raises(MergeError) as caught:
        rows_of(_run(make_runtime, "SELECT pid FROM r0", ["pid"], 11, rows=10))
    assert caught.value.code == "M104"


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM read_text('/etc/hostname')",
        "SELECT * FROM glob('/etc/*')",
        "SELECT * FROM 'x.csv'",
        "SELECT * FROM limits",
    ],
)
def test_the_merge_can_reach_no_file_and_no_variable_of_python(make_runtime: MakeRuntime, statement: str) -> None:
    limits = pa.table({"a": [1]})
    with pytest.raises(GatewayError) as caught:
        rows_of(_run(make_runtime, statement, ["a"]))
    assert caught.value.code == "M101"
    assert limits.num_rows == 1


def test_times_are_in_utc(make_runtime: MakeRuntime) -> None:
    result = _run(
        make_runtime, "SELECT CAST(TIMESTAMPTZ '2024-07-01 00:30:00+02' AS VARCHAR) AS t, TIMESTAMPTZ '2024-07-01' AS u", ["t", "u"]
    )
    assert result.schema.field("u").type == pa.timestamp("us", tz="UTC")
    assert [row[0] for row in rows_of(result)] == ["2024-06-30 22:30:00+00"]


def test_twenty_references_on_two_threads_do_not_block_each_other(make_runtime: MakeRuntime) -> None:
    sources = {f"n{i}": FakeSource(raw_rows(20_000), Behaviour(delay=0.002 * (i % 3))) for i in range(10)}
    streams = [reference(f"r{i}", fragment(f"n{i % 10}", id=f"f{i}")) for i in range(20)]
    joined = "SELECT count(*) AS n FROM r0 " + " ".join(f"JOIN r{i} USING (pid)" for i in range(1, 20))
    assert rows_of(make_runtime(sources, queue_bytes=100_000).run(plan(joined, ["n"], *streams), context(deadline=20))) == [(20_000,)]
    united = "SELECT count(*) AS n FROM (" + " UNION ALL ".join(f"SELECT pid FROM r{i}" for i in range(20)) + ")"
    assert rows_of(make_runtime(sources, queue_bytes=100_000).run(plan(united, ["n"], *streams), context(deadline=20))) == [(400_000,)]


def test_nothing_is_ever_printed_by_the_merge(tmp_path: Path) -> None:
    """DuckDB takes a process without a main file for a terminal, and prints a progress bar into its data."""
    connection = connect_locked(memory=1 << 28, threads=1, temp_folder=tmp_path, temp_bytes=1 << 20)
    assert connection.sql("SELECT value FROM duckdb_settings() WHERE name = 'enable_progress_bar'").fetchall() == [("false",)]
    with pytest.raises(duckdb.Error):
        connection.execute("SET enable_progress_bar = true")
    connection.close()
