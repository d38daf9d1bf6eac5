"""What is asked of Trino, as the statement says it."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from adapters.interface import Exactness, Scan
from adapters.sql import classify_condition, write_statement
from adapters.testing.value_sets import NESTED_KINDS, ORDERED_KINDS
from adapters.trino.dialect import trino_dialect
from adapters.trino.limits import MOST_COMPARISONS, within_limits
from catalog.conditions import AllOf, AnyOf, Condition, Term, Test
from catalog.relations import Join, JoinRelation, TableRelation, UnnestRelation, relation_columns
from catalog.source_tables import RawColumn, SqlTable
from catalog.types import parse_type
from catalog.values import NOT_NULL, NULL_ONLY, Interval, ValueSet

DIALECT = trino_dialect("clinic", "public")


def table(name: str, **columns: str) -> SqlTable:
    return SqlTable(name=name, columns=tuple(RawColumn(name=column, type=parse_type(type)) for column, type in columns.items()))


def where(type: str, wanted: ValueSet, kind: Any = "value") -> str:
    """What stands after WHERE for a test of a column `c`."""
    relation = TableRelation(table=table("patients", id="integer", c=type))
    scan = Scan(relation=relation, columns=("id",), conditions=(Test(Term("c", kind), wanted),))
    head, _, condition = write_statement(scan, DIALECT).sql.partition(" WHERE ")
    assert head == 'SELECT "t"."id" AS "id" FROM "clinic"."public"."patients" AS "t"'
    return condition


IST = timezone(timedelta(hours=5, minutes=30))
CONDITIONS: list[tuple[str, ValueSet, str]] = [
    ("text", ValueSet.of("O'Neil"), """CAST("t"."c" AS VARCHAR) = 'O''Neil'"""),
    ("text", ValueSet.prefix("é"), """(CAST("t"."c" AS VARCHAR) >= 'é' AND CAST("t"."c" AS VARCHAR) < 'ê')"""),
    ("text", NULL_ONLY, '"t"."c" IS NULL'),
    ("uuid", ValueSet.of("0A7E"), """UPPER(CAST("t"."c" AS VARCHAR)) = '0A7E'"""),
    ("integer", ValueSet.of(-7, 2**40), '"t"."c" IN (-7, 1099511627776)'),
    ("bigint", ValueSet.of(-(2**63)), """"t"."c" = CAST('-9223372036854775808' AS BIGINT)"""),
    ("decimal(19,4)", ValueSet.of(Decimal("1.5")), """"t"."c" = CAST('1.5000' AS DECIMAL(19, 4))"""),
    ("double", ValueSet.range(low=1e300), """("t"."c" > CAST('1e+300' AS DOUBLE) OR IS_NAN("t"."c"))"""),
    ("double", ValueSet.range(high=math.inf), """"t"."c" < CAST('Infinity' AS DOUBLE)"""),
    ("double", ValueSet.of(0.1).complement().without_null(), """"t"."c" <> CAST('0.1' AS DOUBLE)"""),
    ("boolean", ValueSet.of(True), '"t"."c" = TRUE'),
    ("date", ValueSet.of(date(1, 1, 1)), """"t"."c" = CAST('0001-01-01' AS DATE)"""),
    ("local_timestamp", ValueSet.of(datetime(2020, 1, 2, 3)), """"t"."c" = CAST('2020-01-02 03:00:00.000000' AS TIMESTAMP(6))"""),
    (
        "timestamp",
        ValueSet.range(low=datetime(2020, 1, 1, 5, 30, tzinfo=IST), low_closed=True),
        """"t"."c" >= CAST('2020-01-01 00:00:00.000000 UTC' AS TIMESTAMP(6) WITH TIME ZONE)""",
    ),
    ("bytes", ValueSet.of(b"\x00\xff"), """"t"."c" = x'00ff'"""),
    ("list(text)", NOT_NULL, 'NOT "t"."c" IS NULL'),
    ("integer", ValueSet.build([Interval(None, 5, False, True)], null=True), '("t"."c" <= 5 OR "t"."c" IS NULL)'),
]


@pytest.mark.parametrize(("type", "wanted", "expected"), CONDITIONS)
def test_a_condition_is_written_with_constants_of_its_type(type: str, wanted: ValueSet, expected: str) -> None:
    assert where(type, wanted) == expected


def test_numbers_in_texts_let_through_what_only_the_gateway_reads() -> None:
    written = where("text", ValueSet.of(38.0), "number")
    assert written.startswith(
        """(TRY_CAST(CAST("t"."c" AS VARCHAR) AS DOUBLE) = CAST('38.0' AS DOUBLE) OR REGEXP_LIKE(CAST("t"."c" AS VARCHAR), '(?i)"""
    )


def test_instants_are_asked_for_in_utc() -> None:
    scan = Scan(relation=TableRelation(table=table("visits", at="timestamp")), columns=("at",), limit=3)
    assert (
        write_statement(scan, DIALECT).sql
        == """SELECT AT_TIMEZONE("t"."at", 'UTC') AS "at" FROM "clinic"."public"."visits" AS "t" LIMIT 3"""
    )


def test_joins_compare_as_the_gateway_does() -> None:
    join = Join(kind="left", alias="b", table=table("b", k="text", x="double"), on=(("a.k", "b.k"), ("a.x", "b.x")))
    relation = JoinRelation(alias="a", table=table("a", k="text", x="double"), joins=(join,))
    assert write_statement(Scan(relation=relation, columns=("a.k",)), DIALECT).sql == (
        'SELECT "a"."k" AS "a.k" FROM "clinic"."public"."a" AS "a" LEFT JOIN "clinic"."public"."b" AS "b" '
        'ON (CAST("a"."k" AS VARCHAR) = CAST("b"."k" AS VARCHAR) AND ("a"."x" = "b"."x" OR IS_NAN("a"."x") AND IS_NAN("b"."x")))'
    )


def test_elements_of_lists_become_rows() -> None:
    relation = UnnestRelation(
        table=table("visits", id="integer", diags="list(struct(seq integer, code text))"), column="diags", alias="d", ordinality="n"
    )
    scan = Scan(relation=relation, columns=("id", "d.code"), conditions=(Test(Term("n"), ValueSet.of(1)), Test(Term("d.seq"), NOT_NULL)))
    assert write_statement(scan, DIALECT).sql == (
        'SELECT "t"."id" AS "id", "element of list"."code" AS "d.code" FROM "clinic"."public"."visits" AS "t" '
        'CROSS JOIN UNNEST("t"."diags") WITH ORDINALITY AS "element of list"("seq", "code", "n") '
        'WHERE "element of list"."n" = 1 AND NOT "element of list"."seq" IS NULL'
    )


# ------------------------------------------------------------------------------------------------------------- verdicts


def verdict(condition: Condition, **columns: str) -> Exactness:
    return classify_condition(DIALECT, condition, relation_columns(TableRelation(table=table("t", **columns)))).exactness


def test_every_ordered_type_is_asked_exactly_and_nested_ones_whether_they_are_null() -> None:
    spelled = {
        "decimal": "decimal(19,4)",
        "number_text": "text",
        "wild_double": "double",
        "list": "list(text)",
        "struct_list": "list(struct(a text))",
    }
    spelled |= {"map": "map(text,text)", "struct": "struct(a text)"}
    values: dict[str, Any] = {
        "text": "a", "number_text": "7", "uuid": "A", "integer": 1, "bigint": 1, "double": 1.5, "wild_double": 1.5, "boolean": True, "decimal": Decimal(1),
        "date": date(2020, 1, 1), "timestamp": datetime(2020, 1, 1, tzinfo=UTC), "local_timestamp": datetime(2020, 1, 1), "bytes": b"a",
    }  # fmt: skip
    for kind in ORDERED_KINDS:
        for wanted in (
            ValueSet.of(values[kind]),
            ValueSet.of(values[kind]).complement(),
            ValueSet.range(low=values[kind]),
            NULL_ONLY,
            NOT_NULL,
        ):
            assert verdict(Test(Term("c"), wanted), c=spelled.get(kind, kind)) is Exactness.EXACT, kind
    for kind in NESTED_KINDS:
        assert verdict(Test(Term("c"), NULL_ONLY), c=spelled[kind]) is Exactness.EXACT, kind
        assert verdict(Test(Term("c"), ValueSet.of(["a"])), c=spelled[kind]) is Exactness.REFUSE, kind


def test_numbers_in_texts_are_a_superset_or_refused() -> None:
    assert verdict(Test(Term("c", "number"), ValueSet.of(38.0), exact=False), c="text") is Exactness.SUPERSET
    assert verdict(Test(Term("c", "number"), NULL_ONLY), c="text") is Exactness.REFUSE
    assert verdict(Test(Term("c", "number"), NOT_NULL, exact=False), c="text") is Exactness.REFUSE
    assert verdict(Test(Term("c", "number"), ValueSet.of(38.0)), c="integer") is Exactness.REFUSE


def test_what_trino_cannot_plan_stays_at_the_gateway() -> None:
    ranges = ValueSet.build(Interval(10 * n, 10 * n + 3) for n in range(101))
    assert verdict(Test(Term("c"), ranges), c="integer") is Exactness.REFUSE
    assert verdict(Test(Term("c"), ValueSet.of(*range(10_000))), c="integer") is Exactness.EXACT
    assert verdict(Test(Term("c"), ValueSet.of(*range(10_001))), c="integer") is Exactness.REFUSE


def test_one_statement_holds_only_so_much() -> None:
    def verdicts(*conditions: Condition) -> list[Exactness]:
        columns = relation_columns(TableRelation(table=table("t", a="text", b="integer")))
        return [found.exactness for found in within_limits([classify_condition(DIALECT, condition, columns) for condition in conditions])]

    texts = [Test(Term("a"), ValueSet.of(*(f"{part}{number:060}" for number in range(5_000)))) for part in "abc"]
    assert verdicts(texts[0]) == [Exactness.EXACT]
    assert verdicts(*texts) == [Exactness.EXACT, Exactness.REFUSE, Exactness.REFUSE]
    arms = AnyOf(tuple(AllOf((Test(Term("a"), ValueSet.of(str(n))), Test(Term("b"), ValueSet.of(n)))) for n in range(MOST_COMPARISONS)))
    assert verdicts(arms, Test(Term("b"), ValueSet.of(1))) == [Exactness.REFUSE, Exactness.EXACT]
