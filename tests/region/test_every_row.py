"""Every row and every column of the eight expected tables comes back from the three hospitals' own forms."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.region.comparison import difference
from tests.region.harness import ask, context
from tests.region.oracle import ROWS, TABLES, Oracle

if TYPE_CHECKING:
    from gateway.engine import Engine

SWITCHES = ("on", "off", "filter", "project", "limit")


def test_the_expected_tables_hold_all_52970_rows(oracle: Oracle) -> None:
    assert {table: oracle.rows(f"SELECT 1 FROM {table}").num_rows for table in TABLES} == ROWS
    assert sum(ROWS.values()) == 52_970


@pytest.mark.parametrize("pushdown", SWITCHES)
@pytest.mark.parametrize("table", TABLES)
def test_all_rows_and_columns_come_back(region_engine: Engine, oracle: Oracle, table: str, pushdown: str) -> None:
    answer = ask(region_engine, f"SELECT * FROM {table}", context(pushdown))
    expected = oracle.rows(f"SELECT * FROM {table}")
    assert sorted(answer.rows.column_names) == sorted(expected.column_names)
    assert difference(answer.rows, expected) is None
    assert answer.complete


@pytest.mark.parametrize("table", TABLES)
def test_the_types_are_the_declared_ones(region_engine: Engine, oracle: Oracle, table: str) -> None:
    ours, theirs = ask(region_engine, f"SELECT * FROM {table} LIMIT 0").rows.schema, oracle.rows(f"SELECT * FROM {table} LIMIT 0").schema
    assert {field.name: str(field.type) for field in ours} == {field.name: str(field.type) for field in theirs}


@pytest.mark.parametrize("pushdown", SWITCHES)
@pytest.mark.parametrize("node", ["hosp_a", "hosp_b", "hosp_c"])
def test_one_hospital_alone_gives_its_own_rows_and_asks_no_other(region_engine: Engine, oracle: Oracle, node: str, pushdown: str) -> None:
    sql = f"SELECT * FROM encounter WHERE node = '{node}'"
    answer = ask(region_engine, sql, context(pushdown))
    assert difference(answer.rows, oracle.rows(sql)) is None
    if pushdown in ("on", "filter"):
        assert {outcome.node for outcome in answer.outcomes if outcome.status == "ok"} == {node}
        assert {outcome.status for outcome in answer.outcomes if outcome.node != node} == {"pruned"}
