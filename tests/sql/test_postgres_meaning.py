"""What a statement means is PostgreSQL's meaning: each expected value is what PostgreSQL 15 returns."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from gateway.errors import GatewayError
from tests.region.harness import ask

if TYPE_CHECKING:
    from gateway.engine import Engine

MEANINGS: dict[str, Any] = {
    "7 / 2": 3,
    "-7 / 2": -3,
    "7 / 2.0": Decimal("3.5"),
    "7 % -3": 1,
    "-7 % 3": -1,
    "length('😀a')": 2,
    "'a' = 'a '": False,
    "'a' || NULL": None,
    "coalesce(NULL, 'x')": "x",
    "nullif('a', 'a')": None,
    "NULL = NULL": None,
    "1 IN (2, NULL)": None,
    "1 NOT IN (2, NULL)": None,
    "1 IN (1, NULL)": True,
    "NULL IS DISTINCT FROM 1": True,
    "'a_c' LIKE 'a\\_c'": True,
    "'abc' LIKE 'a\\_c'": False,
    "'abc' LIKE 'a_c'": True,
    "'ABC' LIKE 'abc'": False,
    "'ABC' ILIKE 'abc'": True,
    "'a%c' LIKE 'a!%c' ESCAPE '!'": True,
    "substring('hospital' FROM 2 FOR 3)": "osp",
    "left('hospital', 2)": "ho",
    "upper('ä')": "Ä",
    "position('s' IN 'hospital')": 3,
    "date '2024-03-01' - date '2024-02-01'": 29,
    "date '2024-02-28' + 2": date(2024, 3, 1),
    "CAST(extract(year FROM timestamptz '2024-01-01 00:00:00+01') AS integer)": 2023,
    "CAST(date_trunc('month', timestamptz '2024-05-17 12:00:00+00') AS date)": date(2024, 5, 1),
    "timestamptz '2024-01-01 00:00:00' = timestamptz '2024-01-01 00:00:00+00'": True,
    "CAST('12' AS integer) + 1": 13,
    "greatest(1, NULL, 3)": 3,
    "true AND NULL": None,
    "false AND NULL": False,
    "'b' > 'B'": True,
    "round(2.5)": Decimal("3"),
    "CASE WHEN NULL THEN 1 ELSE 2 END": 2,
    "substring('abcdef', -1, 4)": "ab",
    "substring('abcdef', 0, 3)": "ab",
    "substring('abcdef' FROM -1)": "abcdef",
    "'abc' SIMILAR TO 'a%'": True,
    "'abc' SIMILAR TO 'abc'": True,
    "'abc' SIMILAR TO '_b_'": True,
    "'abc' SIMILAR TO 'a'": False,
    "'abc' SIMILAR TO '(b|c)%'": False,
    "'abc' SIMILAR TO '%(b|d)%'": True,
    "'abc' SIMILAR TO 'a.c'": False,
    "'a%' SIMILAR TO 'a\\%'": True,
    "'abc' NOT SIMILAR TO 'a[a-c]+'": False,
}


@pytest.mark.parametrize("expression", MEANINGS)
def test_an_expression_means_what_postgresql_means(region_engine: Engine, expression: str) -> None:
    value = ask(region_engine, f"SELECT {expression} AS v").rows.column("v").to_pylist()[0]
    assert value == MEANINGS[expression] and (value is None) == (MEANINGS[expression] is None)


@pytest.mark.parametrize(
    ("order", "expected"), [("", [1, 2, None]), (" DESC", [None, 2, 1]), (" NULLS FIRST", [None, 1, 2]), (" DESC NULLS LAST", [2, 1, None])]
)
def test_nulls_sort_as_in_postgresql(region_engine: Engine, order: str, expected: list[int | None]) -> None:
    sql = f"SELECT x FROM (VALUES (2), (NULL), (1)) AS v (x) ORDER BY x{order}"
    assert ask(region_engine, sql).rows.column("x").to_pylist() == expected


@pytest.mark.parametrize("expression", ["1 / 0", "1 % 0", "1.5 / 0", "CAST('x' AS integer)", "CAST('2023-02-30' AS date)"])
def test_what_fails_in_postgresql_fails_here_with_a_clear_error(region_engine: Engine, expression: str) -> None:
    with pytest.raises(GatewayError) as caught:
        ask(region_engine, f"SELECT {expression} AS v")
    assert caught.value.code in ("M103", "B105")


def test_division_by_zero_of_a_column_fails_too_and_nullif_guards_it(region_engine: Engine) -> None:
    with pytest.raises(GatewayError) as caught:
        ask(region_engine, "SELECT value / (value - value) AS v FROM vital_sign WHERE node = 'hosp_a' AND value > 0")
    assert caught.value.code == "M103"
    guarded = "SELECT count(value / nullif(value - value, 0)) AS n FROM vital_sign WHERE node = 'hosp_a' AND value > 0"
    assert ask(region_engine, guarded).rows.to_pylist() == [{"n": 0}]
