"""One property for all functions: what forward makes of a row decides membership, and the preimage must agree."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.arrow_types import arrow_type
from catalog.conditions import holds, is_exact
from catalog.mapping import MappedBinding
from catalog.mapping.functions import FUNCTIONS
from catalog.mapping.tree import Call, walk
from catalog.predicates import Atom
from catalog.types import parse_type
from catalog.values import ValueSet
from tests.catalog.mapping.expressions import CASES, RAW, Case, compile_case
from tests.catalog.mapping.random_values import random_set, raw_value
from tests.catalog.mapping.running import make_lookups

ROWS, SETS = 40, 20
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def database():
    connection = duckdb.connect(config={"threads": 1})
    connection.execute("set timezone = 'Asia/Tokyo'")
    return connection


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.expression} -> {case.type}")
def test_a_row_is_in_the_preimage_of_what_it_becomes(case, database):
    compiled = compile_case(case)

    @settings(max_examples=2, deadline=None, database=None)
    @given(st.integers(0, 2**32))
    def check(seed: int) -> None:
        random = Random(seed)
        rows = [_raw_row(random, case) for _ in range(ROWS)]
        results = _forward(database, compiled, rows)
        pool = [value for value in results if value is not None and value == value and not isinstance(value, _Beyond)]
        for _ in range(SETS):
            wanted = random_set(random, pool)
            condition = compiled.invert(Atom("v", wanted))
            for row, result in zip(rows, results):
                member, passes = _contains(wanted, result), holds(condition, row)
                assert passes or not member, (wanted, condition, row, result)
                assert member or not (passes and is_exact(condition)), (wanted, condition, row, result)

    check()


class _Beyond:
    """An instant or a date beyond Python's calendar; `late`: after it."""

    def __init__(self, late: bool) -> None:
        self.late = late


def _contains(wanted: ValueSet, result: Any) -> bool:
    if not isinstance(result, _Beyond):
        return wanted.contains(result)
    return any((edge.high if result.late else edge.low) is None for edge in wanted.intervals)


def _raw_row(random: Random, case: Case) -> dict[str, Any]:
    special = case.special or {}
    row = {name: raw_value(random, parse_type(type), special.get(name, [])) for name, type in RAW.items()}
    return row | {"n": row["n"] if row["n"] is not None else 7}


def _forward(database: duckdb.DuckDBPyConnection, compiled: MappedBinding, rows: list[dict[str, Any]]) -> list[Any]:
    schema = pa.schema([pa.field(name, arrow_type(parse_type(type))) for name, type in RAW.items()])
    database.register("raw", pa.Table.from_pylist(rows, schema=schema))
    projection = compiled.project(("v",))
    make_lookups(database, projection.tables)
    found = _plain(database.sql(projection.query.sql(dialect="duckdb")).to_arrow_table().column(0))
    assert len(found) == len(rows)
    assert found.type == arrow_type(compiled.columns["v"].type)
    if pa.types.is_timestamp(found.type):
        return [_instant(value) for value in found.cast(pa.int64()).to_pylist()]
    if pa.types.is_date(found.type):
        return [_day(value) for value in found.cast(pa.int32()).to_pylist()]
    return found.to_pylist()


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """DuckDB writes the session's zone into the type of an instant; the values are the same."""
    return column.cast(pa.timestamp("us", tz="UTC")) if pa.types.is_timestamp(column.type) and column.type.tz else column


def _instant(value: int | None) -> Any:
    try:
        return None if value is None else EPOCH + timedelta(microseconds=value)
    except OverflowError:
        return _Beyond(late=value is not None and value > 0)


def _day(value: int | None) -> Any:
    try:
        return None if value is None else date(1970, 1, 1) + timedelta(days=value)
    except OverflowError:
        return _Beyond(late=value is not None and value > 0)


def test_the_cases_use_every_function():
    used = {node.function for case in CASES for node in walk(compile_case(case).columns["v"]) if isinstance(node, Call)}
    assert set(FUNCTIONS) - used == set()
