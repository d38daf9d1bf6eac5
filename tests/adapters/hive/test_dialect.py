"""What is written for Hive, read by eye; that it means the right rows is shown in tests/integration/hive/."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from adapters.hive.dialect import hive_dialect
from adapters.hive.options import HiveOptions
from adapters.interface import Scan
from adapters.source_options import Address
from adapters.sql import write_statement
from catalog.conditions import Condition, Term
from catalog.conditions import Test as ColumnTest
from catalog.relations import TableRelation, UnnestRelation
from catalog.source_tables import RawColumn, SqlTable
from catalog.types import parse_type
from catalog.values import NOT_NULL, NULL_ONLY, ValueSet

DIALECT = hive_dialect(HiveOptions(address=Address("hive", "h", 1, ()), database="db"))


def where(type: str, wanted: ValueSet, kind: Any = "value") -> str:
    table = SqlTable(name="t", columns=(RawColumn(name="x", type=parse_type(type)),))
    condition: Condition = ColumnTest(Term("x", kind), wanted)
    scan = Scan(relation=TableRelation(table=table), columns=("x",), conditions=(condition,))
    return write_statement(scan, DIALECT).sql.removeprefix("SELECT `t`.`x` AS `x` FROM `db`.`t` AS `t` WHERE ")


@pytest.mark.parametrize(
    ("type", "wanted", "written"),
    [
        ("text", ValueSet.of("O'Neil\\"), r"CAST(`t`.`x` AS STRING) = 'O\'Neil\\'"),
        ("text", ValueSet.of("${x}"), "CAST(`t`.`x` AS STRING) = '${x}'"),
        ("text", ValueSet.of("😀"), "CONCAT(CAST(`t`.`x` AS STRING), '') = '😀'"),
        ("text", NULL_ONLY, "NULLIF(CAST(`t`.`x` AS STRING), '__HIVE_DEFAULT_PARTITION__') IS NULL"),
        ("integer", ValueSet.of(7, 2**40), "`t`.`x` IN (7, CAST('1099511627776' AS BIGINT))"),
        ("integer", ValueSet.of(-(2**63)), "`t`.`x` = CAST('-9223372036854775808' AS BIGINT)"),
        ("decimal(19,4)", ValueSet.of(Decimal("1.5")), "`t`.`x` = CAST('1.5000' AS DECIMAL(19, 4))"),
        ("date", ValueSet.of(date(2024, 2, 29)), "`t`.`x` = CAST('2024-02-29' AS DATE)"),
        ("local_timestamp", ValueSet.range(low=datetime(2024, 1, 1)), "`t`.`x` > CAST('2024-01-01 00:00:00' AS TIMESTAMP)"),
        (
            "timestamp",
            ValueSet.of(datetime(2024, 1, 1, tzinfo=UTC)),
            "`t`.`x` = CAST('2024-01-01 00:00:00 UTC' AS TIMESTAMP WITH LOCAL TIME ZONE)",
        ),
        ("bytes", ValueSet.of(b"\x00\xff"), "`t`.`x` = UNHEX('00ff')"),
        ("boolean", ValueSet.of(True), "`t`.`x` = TRUE"),
    ],
)
def test_a_constant_is_a_literal_of_its_type(type: str, wanted: ValueSet, written: str) -> None:
    assert where(type, wanted) == written


def test_a_double_is_compared_without_the_sign_of_zero_and_nan_is_named() -> None:
    column = "(CAST(`t`.`x` AS DOUBLE) + CAST('0.0' AS DOUBLE))"
    assert where("double", ValueSet.range(high=1.0)) == f"{column} < CAST('1.0' AS DOUBLE)"
    assert where("double", ValueSet.range(low=1.0)) == f"({column} > CAST('1.0' AS DOUBLE) OR CAST({column} AS STRING) = 'NaN')"


def test_the_text_of_the_default_partition_is_in_no_range() -> None:
    column = "CAST(`t`.`x` AS STRING)"
    assert where("text", ValueSet.range(low="A")) == (f"({column} > 'A' AND NOT NULLIF({column}, '__HIVE_DEFAULT_PARTITION__') IS NULL)")
    assert where("text", ValueSet.range(low="a")) == f"{column} > 'a'"


def test_early_days_are_hidden_from_the_statistics_of_files() -> None:
    assert where("date", ValueSet.of(date(1582, 10, 14))) == "GREATEST(`t`.`x`, `t`.`x`) = CAST('1582-10-14' AS DATE)"


def test_a_long_list_shows_its_ends_only() -> None:
    written = where("integer", ValueSet.of(*range(0, 2_000, 2)))
    assert "(`t`.`x` >= 0 AND `t`.`x` <= 1998)" in written
    assert "(`t`.`x` + 0) IN (0, 2, " in written


def test_numbers_in_texts_keep_all_texts_that_are_no_plain_numbers() -> None:
    written = where("text", ValueSet.of(7.0), "number")
    assert written.endswith("OR NOT (CAST(`t`.`x` AS STRING) RLIKE '^-?[0-9]{1,15}([.][0-9]{1,15})?$'))")
    assert where("text", NOT_NULL, "number") == "NOT `t`.`x` IS NULL"


def test_elements_are_rows_of_a_lateral_view() -> None:
    table = SqlTable(name="t", columns=(RawColumn(name="x", type=parse_type("list(struct(seq integer, code text))")),))
    relation = UnnestRelation(table=table, column="x", alias="d", ordinality="n")
    condition = ColumnTest(Term("d.code"), ValueSet.of("E11"))
    written = write_statement(Scan(relation=relation, columns=("n", "d.code"), conditions=(condition,)), DIALECT).sql
    assert written == (
        "SELECT (`e`.`place` + 1) AS `n`, `e`.`element`.`code` AS `d.code` FROM `db`.`t` AS `t` "
        "LATERAL VIEW POSEXPLODE(`t`.`x`) e AS place, element WHERE CAST(`e`.`element`.`code` AS STRING) = 'E11'"
    )


def test_a_name_cannot_leave_its_quotes() -> None:
    table = SqlTable(name="t` WHERE 1=1 --", columns=(RawColumn(name="x", type=parse_type("text")),))
    scan = Scan(relation=TableRelation(table=table), columns=("x",))
    assert "`t`` WHERE 1=1 --`" in write_statement(scan, DIALECT).sql
