"""Statements of key lookups that are written once: each has just the text and the parameters that it has when written by itself."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from adapters.arrow_types import scan_schema
from adapters.interface import Scan
from adapters.sql import write_statement
from adapters.sqlserver.dialect import sql_server
from adapters.sqlserver.facts import Facts, relation_facts
from adapters.sqlserver.native_types import ColumnFact
from adapters.sqlserver.statements import Statements
from catalog.conditions import Condition, Term, Test
from catalog.relations import TableRelation
from catalog.values import ValueSet
from tests.adapters.duckdb.test_text_files import table

PEOPLE = TableRelation(table=table("people", id="integer", big="bigint", label="text", code="text", guid="uuid", cost="decimal(10,2)"))
FACTS: Facts = {
    "people": {
        "label": ColumnFact(type="nvarchar", length=100, collation="Latin1_General_100_CI_AS", code_page=1252),
        "code": ColumnFact(type="varchar", length=20, collation="SQL_Latin1_General_CP1_CI_AS", code_page=1252),
    }
}
GUIDS = ["0A7EAB76-A0E4-7895-581C-A1568BA1C7B1", "FFFFFFFF-FFFF-4FFF-BFFF-FFFFFFFFFFFF", "0a7eab76-a0e4-7895-581c-a1568ba1c7b1", ""]
VALUES: dict[str, list[Any]] = {
    "id": [0, 7, -1, 2**31 - 1, 2**31, -(2**31), -(2**31) - 1, 2**63 - 1, 2**63, True, 1.0, 1.5],
    "big": [1, 2**40],
    "label": ["", "a", "?", "'; --", "é😀", "x" * 2_000, "x" * 2_001, "x" * 4_000, "😀" * 2_001, "x" * 4_001],
    "code": ["", "a", "李"],
    "guid": GUIDS,
}


def scan(*conditions: Condition, columns: tuple[str, ...] = ("id", "label"), limit: int | None = None) -> Scan:
    return Scan(relation=PEOPLE, columns=columns, conditions=conditions, limit=limit)


def on(column: str, *values: Any) -> Test:
    return Test(Term(column), ValueSet.of(*values))


def check(statements: Statements, asked: Scan) -> bool:
    """Whether it was known already. Either way it is what is written anew."""
    found = statements.known(asked, FACTS)
    reading = found or statements.written(asked, FACTS)
    anew = write_statement(asked, sql_server("dbo", relation_facts(PEOPLE, FACTS)))
    assert (reading.sql, reading.parameters) == (anew.sql, anew.parameters)
    assert [type(value) for value in reading.parameters] == [type(value) for value in anew.parameters]
    assert reading.schema == scan_schema(asked)
    return found is not None


def test_every_lookup_is_what_it_would_be_by_itself() -> None:
    statements = Statements("dbo")
    known = 0
    for column, values in VALUES.items():
        for value in [*values, *values]:
            known += check(statements, scan(on(column, value)))
    assert known > 30


def test_lookups_by_two_columns_keep_their_values_apart() -> None:
    statements = Statements("dbo")
    for one, other in product(["a", "b", "a"], ["b", "a", "c"]):
        check(statements, scan(on("label", one), on("code", other)))
        check(statements, scan(on("id", len(one)), on("big", 5), on("label", other)))
    assert check(statements, scan(on("label", "x"), on("code", "x")))  # the same value twice, after it has been written for two


@pytest.mark.parametrize(
    "other",
    [
        scan(on("id", 7), limit=1),
        scan(on("id", 7), columns=("label", "id")),
        scan(on("big", 7)),
        scan(on("id", 7, 9)),
        scan(Test(Term("id"), ValueSet.of(7) | ValueSet((), True))),
        scan(Test(Term("id"), ValueSet.of(7).complement())),
        scan(Test(Term("id"), ValueSet.range(low=7))),
        scan(),
    ],
)
def test_other_scans_do_not_share_a_text(other: Scan) -> None:
    statements = Statements("dbo")
    check(statements, scan(on("id", 7)))
    assert not check(statements, other)


def test_what_is_learnt_of_the_columns_makes_statements_anew() -> None:
    statements = Statements("dbo")
    check(statements, scan(on("label", "a")))
    assert statements.known(scan(on("label", "a")), FACTS) is not None
    assert statements.known(scan(on("label", "a")), dict(FACTS)) is None
