"""What the DuckDB adapter sends, what it refuses to send, and that a statement ends when its read does."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest
import sqlglot
from sqlglot import exp

from adapters.duckdb_dialect import DUCKDB
from adapters.interface import Exactness, ReadContext, Scan, SourceError
from adapters.sql import write_statement
from adapters.testing.conformance import read_all, rows_of
from catalog.conditions import Condition, Term, Test
from catalog.relations import Join, JoinRelation, TableRelation
from catalog.values import Interval, ValueSet
from tests.adapters.duckdb.files import opened, write_parquet
from tests.adapters.duckdb.test_text_files import table

PEOPLE = table("people", pid="text", age="integer", tags="list(text)", born="date")


def asking(*conditions: Condition, columns: tuple[str, ...] = ("pid",)) -> Scan:
    return Scan(relation=TableRelation(table=PEOPLE), columns=columns, conditions=conditions)


def test_a_constant_is_a_parameter_and_never_part_of_the_text() -> None:
    statement = write_statement(asking(Test(Term("pid"), ValueSet.of("x' OR 1=1 --"))), DUCKDB)
    assert "OR 1=1" not in statement.sql
    assert statement.parameters == ("x' OR 1=1 --",)


def test_explain_shows_the_parameters_beside_the_statement(tmp_path: Path) -> None:
    adapter = opened(f"parquet:{tmp_path}")
    shown = adapter.explain(asking(Test(Term("pid"), ValueSet.of("O'Neil")), Test(Term("age"), ValueSet.range(low=18, low_closed=True))))
    assert shown.endswith("[$1 = 'O''Neil', $2 = 18]")
    adapter.close()


def test_a_long_list_is_one_parameter() -> None:
    statement = write_statement(asking(Test(Term("pid"), ValueSet.of(*(f"p{number}" for number in range(100_000))))), DUCKDB)
    assert len(statement.sql) < 300
    assert [len(value) for value in statement.parameters] == [100_000]
    assert "100,000 values" in statement.shown()


def test_a_statement_is_one_select_over_mapped_tables_only() -> None:
    found = sqlglot.parse_one(write_statement(asking(Test(Term("age"), ValueSet.of(1, 2))), DUCKDB).sql, dialect="duckdb")
    assert isinstance(found, exp.Select)
    assert {one.name for one in found.find_all(exp.Table)} == {"people"}


def test_a_name_with_quotes_and_semicolons_stays_a_name(tmp_path: Path) -> None:
    name = 'a"; DROP TABLE t; --'
    odd = table('we"ird', **{name: "text"})
    write_parquet(tmp_path, 'we"ird', pa.table({name: ["x"]}))
    adapter = opened(f"parquet:{tmp_path}")
    try:
        assert rows_of(read_all(adapter, Scan(relation=TableRelation(table=odd), columns=(name,)))) == [{name: "x"}]
    finally:
        adapter.close()


@pytest.mark.parametrize(
    ("condition", "word"),
    [
        (Test(Term("tags"), ValueSet.of("a")), "list"),
        (Test(Term("pid"), ValueSet.of("\ud800")), "surrogate"),
        (Test(Term("age", "number"), ValueSet.of(1.0)), "number"),
        (Test(Term("age"), ValueSet.of("seven")), "not a number"),
        (Test(Term("gone"), ValueSet.of(1)), "no column gone"),
        (Test(Term("age"), ValueSet.build([Interval(n * 10, n * 10 + 5) for n in range(DUCKDB.most_intervals + 1)])), "separate ranges"),
    ],
)
def test_what_has_no_rule_is_refused_with_a_reason_and_not_sent(condition: Test, word: str, tmp_path: Path) -> None:
    adapter = opened(f"parquet:{tmp_path}")
    (verdict,) = adapter.classify(asking(condition))
    adapter.close()
    assert verdict.exactness is Exactness.REFUSE
    assert word in verdict.reason
    assert "WHERE" not in write_statement(asking(condition), DUCKDB).sql


def test_a_column_the_relation_lacks_is_a_configuration_error() -> None:
    with pytest.raises(SourceError) as caught:
        write_statement(asking(columns=("pid", "gone")), DUCKDB)
    assert caught.value.code == "S110"


def long_join(folder: Path) -> Scan:
    """400 million pairs, none of which passes: a statement that is silent for many seconds."""
    count = 20_000
    write_parquet(folder, "one", pa.table({"k": [1] * count, "x": list(range(count))}))
    write_parquet(folder, "two", pa.table({"k": [1] * count, "y": list(range(count))}))
    one, two = table("one", k="integer", x="integer"), table("two", k="integer", y="integer")
    relation = JoinRelation(alias="a", table=one, joins=(Join(kind="inner", alias="b", table=two, on=(("a.k", "b.k"), ("a.x", "b.y"))),))
    return Scan(relation=replace(relation, joins=(replace(relation.joins[0], on=(("a.k", "b.k"),)),)), columns=("a.x", "b.y"))


def never_true() -> Condition:
    from catalog.conditions import AllOf, AnyOf

    small, large = ValueSet.range(high=-1), ValueSet.range(low=10**9)
    return AllOf((AnyOf((Test(Term("a.x"), small), Test(Term("b.y"), large))), AnyOf((Test(Term("a.x"), large), Test(Term("b.y"), small)))))


def test_a_long_statement_stops_at_the_deadline(tmp_path: Path) -> None:
    scan = replace(long_join(tmp_path), conditions=(never_true(),))
    adapter = opened(f"parquet:{tmp_path}", threads=1)
    begun = time.monotonic()
    try:
        with pytest.raises(SourceError) as caught:
            read_all(adapter, scan, ReadContext(deadline=begun + 0.3))
    finally:
        adapter.close()
    assert caught.value.code == "S103"
    assert time.monotonic() - begun < 3


def test_a_long_statement_stops_when_it_is_cancelled_and_the_next_one_runs(tmp_path: Path) -> None:
    scan = replace(long_join(tmp_path), conditions=(never_true(),))
    context = ReadContext(deadline=time.monotonic() + 60)
    adapter = opened(f"parquet:{tmp_path}", threads=1)
    try:
        read_all(adapter, replace(scan, conditions=(), limit=1))
        timer = threading.Timer(0.3, context.cancelled.set)
        timer.start()
        begun = time.monotonic()
        with pytest.raises(SourceError) as caught:
            read_all(adapter, scan, context)
        assert caught.value.code == "S104"
        assert time.monotonic() - begun < 3
        assert len(rows_of(read_all(adapter, replace(scan, conditions=(), limit=5)))) == 5
    finally:
        timer.join()
        adapter.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "duckdb-interrupts" and thread.is_alive()]


def test_rows_come_in_batches_while_the_statement_still_runs(tmp_path: Path) -> None:
    """400 million rows would not fit in memory: the first batch comes at once, and leaving ends the statement."""
    scan = long_join(tmp_path)
    adapter = opened(f"parquet:{tmp_path}", threads=1, memory_limit="200MB")
    try:
        batches = adapter.read(adapter.splits(scan)[0], ReadContext(deadline=time.monotonic() + 20))
        assert next(batches).num_rows <= 16_384
        assert next(batches).num_rows <= 16_384
        batches.close()  # type: ignore[attr-defined]
    finally:
        adapter.close()
