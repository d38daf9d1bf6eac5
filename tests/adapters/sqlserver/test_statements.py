"""What is sent to SQL Server: T-SQL and nothing else, no constant in the text, and the column's own index still of use."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from adapters.interface import Exactness, Scan, SourceError
from adapters.sql import Statement, classify_condition, write_statement
from adapters.sqlserver.dialect import NOTHING_KNOWN, sql_server
from adapters.sqlserver.key_lists import MOST_VALUES
from adapters.sqlserver.limits import MOST_PARAMETERS, within_parameters
from adapters.sqlserver.native_types import ColumnFact
from adapters.testing.sample import sample_table
from adapters.testing.value_sets import ORDERED_KINDS, combined, number_sets, sets_of
from catalog.conditions import AllOf, AnyOf, Condition, Never, Term, Test, Unknown
from catalog.relations import Join, JoinRelation, TableRelation, relation_columns
from catalog.values import ValueSet
from tests.adapters.duckdb.test_text_files import table
from tests.adapters.sqlserver.tsql_rules import check

KINDS = tuple(kind for kind in ORDERED_KINDS if kind != "wild_double")
SAMPLE, _ = sample_table(KINDS)
RELATION = TableRelation(table=SAMPLE)
COLLATIONS = frozenset(
    {"Latin1_General_100_CI_AS", "SQL_Latin1_General_CP1_CI_AS", "Chinese_PRC_CI_AS", "Latin1_General_100_CI_AS_SC_UTF8"}
)

NVARCHAR = ColumnFact(type="nvarchar", length=100, collation="Latin1_General_100_CI_AS", code_page=1252)
VARCHAR = ColumnFact(type="varchar", length=20, collation="SQL_Latin1_General_CP1_CI_AS", code_page=1252)
CHINESE = ColumnFact(type="varchar", length=20, collation="Chinese_PRC_CI_AS", code_page=936)
UTF8_MAX = ColumnFact(type="varchar", length=-1, collation="Latin1_General_100_CI_AS_SC_UTF8", code_page=65001)
XML = ColumnFact(type="xml", length=-1)
DATETIME = ColumnFact(type="datetime", scale=3)


def statement(*conditions: Condition, facts: Mapping[str, ColumnFact] | None = None, limit: int | None = None) -> Statement:
    scan = Scan(relation=RELATION, columns=("id",), conditions=conditions, limit=limit)
    return write_statement(scan, sql_server("dbo", facts or {}))


def where(wanted: ValueSet, fact: ColumnFact | None = None, column: str = "text_column") -> str:
    """The condition on one column, checked."""
    written = statement(Test(Term(column), wanted), facts={column: fact} if fact else {})
    check(written.sql, COLLATIONS)
    return written.sql.partition(" WHERE ")[2]


def every_condition() -> list[Condition]:
    tests: list[Condition] = [Test(Term(f"{kind}_column"), wanted) for kind in KINDS for wanted in sets_of(kind)]
    return [*tests, *combined(KINDS), Never()]


@pytest.mark.parametrize("text", [None, NVARCHAR, VARCHAR, CHINESE, UTF8_MAX, XML], ids=lambda fact: fact.type if fact else "nothing known")
def test_every_statement_keeps_to_the_grammar_and_holds_no_constant(text: ColumnFact | None) -> None:
    facts = {} if text is None else {"text_column": text, "number_text_column": text, "local_timestamp_column": DATETIME}
    for condition in every_condition():
        written = statement(condition, facts=facts, limit=5)
        tokens = check(written.sql, COLLATIONS)
        assert sum(token == "?" for _, token in tokens) == len(written.parameters)
        assert ("word", "TOP") in tokens
        said = [text for kind, text in tokens if kind != "name"]
        for value in written.parameters:
            assert not (isinstance(value, str) and len(value) > 3 and value in said)


def test_names_cannot_leave_their_brackets() -> None:
    odd = table("we]ird'; --", **{"co]l'umn": "integer"})
    scan = Scan(relation=TableRelation(table=odd), columns=("co]l'umn",), conditions=(Test(Term("co]l'umn"), ValueSet.of(1)),))
    names = [text for kind, text in check(write_statement(scan, sql_server("d]bo")).sql) if kind == "name"]
    assert "[we]]ird'; --]" in names
    assert "[d]]bo]" in names
    assert names.count("[co]]l'umn]") == 3


# ---------------------------------------------------------------------------------------------------------------- texts


def test_a_text_is_asked_with_the_columns_own_equality_and_with_the_truth() -> None:
    assert where(ValueSet.of("Smith"), NVARCHAR) == (
        "([t].[text_column] = CAST(? AS NVARCHAR(4000)) COLLATE Latin1_General_100_CI_AS"
        " AND ([t].[text_column] COLLATE Latin1_General_100_BIN2 = CAST(? AS NVARCHAR(4000))"
        " AND DATALENGTH([t].[text_column]) = DATALENGTH(CAST(? AS NVARCHAR(4000)))))"
    )


def test_a_code_page_column_is_compared_in_its_own_code_page() -> None:
    """COLLATE before the CAST: the other way round the constant would go through the database's code page."""
    seek, _, truth = where(ValueSet.of("Smith"), VARCHAR).partition(" AND ")
    assert seek == "([t].[text_column] = CAST(CAST(? AS NVARCHAR(4000)) COLLATE SQL_Latin1_General_CP1_CI_AS AS VARCHAR(20))"
    assert truth.startswith("(CAST([t].[text_column] AS NVARCHAR(20)) COLLATE Latin1_General_100_BIN2 = ")


def test_a_page_in_which_signs_have_two_codes_is_compared_as_unicode() -> None:
    assert where(ValueSet.of("李"), CHINESE).startswith("([t].[text_column] = CAST(? AS NVARCHAR(4000)) COLLATE Chinese_PRC_CI_AS AND ")


@pytest.mark.parametrize("fact", [NVARCHAR, VARCHAR, CHINESE, UTF8_MAX, XML])
@pytest.mark.parametrize("left_out", [("Smith",), ("Smith", "Jones")])
def test_negations_are_of_the_truth_only(fact: ColumnFact, left_out: tuple[str, ...]) -> None:
    sql = where(ValueSet.of(*left_out).complement().without_null(), fact)
    assert str(fact.collation) not in sql
    assert "COLLATE Latin1_General_100_BIN2" in sql
    assert "DATALENGTH" in sql


def test_types_without_equality_are_only_asked_for_the_truth() -> None:
    assert where(ValueSet.of("<a/>"), XML).startswith("(CAST([t].[text_column] AS NVARCHAR(MAX)) COLLATE Latin1_General_100_BIN2 = ")


def test_collate_never_stands_over_a_code_page_text() -> None:
    """It would change the page, and with it the text. So a truth is of nvarchar or of a cast to it."""
    for fact in (VARCHAR, CHINESE, UTF8_MAX):
        for wanted in (ValueSet.of("a"), ValueSet.of("a", "b"), ValueSet.of("a").complement()):
            assert "[text_column] COLLATE" not in where(wanted, fact)


def test_lists_of_texts_become_one_table() -> None:
    sql = where(ValueSet.of("a", "b"), NVARCHAR)
    assert sql.startswith("EXISTS(SELECT 1 FROM (VALUES (CAST(? AS NVARCHAR(4000))), (CAST(? AS NVARCHAR(4000)))) AS [k]([v]) WHERE ")
    assert "[t].[text_column] = [k].[v] COLLATE Latin1_General_100_CI_AS" in sql


@pytest.mark.parametrize(("count", "values"), [(MOST_VALUES, True), (MOST_VALUES + 1, False)])
def test_long_lists_are_one_json_text(count: int, values: bool) -> None:
    written = statement(
        Test(Term("text_column"), ValueSet.of(*(f'key "{number}" 😀' for number in range(count)))), facts={"text_column": NVARCHAR}
    )
    check(written.sql, COLLATIONS)
    assert ("VALUES" in written.sql) is values
    assert ("OPENJSON(CAST(? AS NVARCHAR(MAX))) WITH ([v] NVARCHAR(4000) '$') AS [k]" in written.sql) is not values
    assert len(written.parameters) == (count if values else 1)


def test_a_text_longer_than_a_bounded_column_is_not_cut() -> None:
    assert "CAST(? AS NVARCHAR(MAX))" in where(ValueSet.of("x" * 4_001), NVARCHAR)
    assert "CAST(? AS NVARCHAR(MAX))" in where(ValueSet.of("😀" * 2_001), NVARCHAR)
    assert "CAST(? AS NVARCHAR(MAX))" not in where(ValueSet.of("x" * 4_000), NVARCHAR)


# ---------------------------------------------------------------------------------------------------------------- times


def bound(wanted: ValueSet, column: str, fact: ColumnFact | None = None) -> tuple[Any, ...]:
    return statement(Test(Term(column), wanted), facts={column: fact} if fact else {}).parameters


def test_a_microsecond_is_a_range_of_stored_values() -> None:
    second = datetime(2024, 1, 1, 5, tzinfo=UTC)
    assert where(ValueSet.of(second), column="timestamp_column") == (
        "([t].[timestamp_column] >= CAST(? AS DATETIMEOFFSET(7)) AND [t].[timestamp_column] < CAST(? AS DATETIMEOFFSET(7)))"
    )
    assert bound(ValueSet.of(second), "timestamp_column") == ("2024-01-01 05:00:00.000000 +00:00", "2024-01-01 05:00:00.000001 +00:00")


def test_the_last_microsecond_of_all_has_no_upper_bound() -> None:
    assert bound(ValueSet.of(datetime.max), "local_timestamp_column") == ("9999-12-31 23:59:59.999999",)
    assert bound(ValueSet.range(low=datetime.max), "local_timestamp_column") == ()


def test_open_ends_move_by_a_microsecond() -> None:
    low, high = datetime(2024, 1, 1), datetime(2024, 1, 2)
    closed = ValueSet.range(low=low, high=high, low_closed=True, high_closed=True)
    assert bound(closed, "local_timestamp_column") == ("2024-01-01 00:00:00.000000", "2024-01-02 00:00:00.000001")
    assert bound(ValueSet.range(low=low, high=high), "local_timestamp_column") == (
        "2024-01-01 00:00:00.000001",
        "2024-01-02 00:00:00.000000",
    )


def test_a_datetime_is_compared_as_it_is_seen_and_by_its_index() -> None:
    sql = where(ValueSet.range(low=datetime(2024, 1, 1), low_closed=True), DATETIME, "local_timestamp_column")
    assert sql == (
        "([t].[local_timestamp_column] >= CAST(CAST(? AS DATETIME2(7)) AS DATETIME)"
        " AND CAST([t].[local_timestamp_column] AS DATETIME2(3)) >= CAST(? AS DATETIME2(7)))"
    )
    assert (
        bound(ValueSet.range(low=datetime(2024, 1, 1), low_closed=True), "local_timestamp_column", DATETIME)[0]
        == "2023-12-31 23:59:59.990000"
    )


@pytest.mark.parametrize("out_of_range", [datetime(1, 1, 1), datetime(1753, 1, 1), datetime.max])
def test_what_no_datetime_can_be_is_never_cast_to_one(out_of_range: datetime) -> None:
    for wanted in (ValueSet.of(out_of_range), ValueSet.of(out_of_range).complement()):
        written = statement(Test(Term("local_timestamp_column"), wanted), facts={"local_timestamp_column": DATETIME})
        checked = written.sql.count("AS DATETIME)")
        assert checked <= 1
        for parameter in written.parameters[:checked]:
            assert "1753-01-01 00:00:00.01" <= parameter < "9999-12-31 23:59:59.997"


# ---------------------------------------------------------------------------------------------------- other types, lists


def test_constants_go_as_the_columns_type() -> None:
    assert where(ValueSet.of(7), column="integer_column") == "[t].[integer_column] = CAST(? AS INTEGER)"
    assert where(ValueSet.of(2**40), column="bigint_column") == "[t].[bigint_column] = CAST(? AS BIGINT)"
    assert where(ValueSet.of(Decimal("1.5")), column="decimal_column") == "[t].[decimal_column] = CAST(? AS NUMERIC(19, 4))"
    assert bound(ValueSet.of(Decimal("1E+3")), "decimal_column") == ("1000",) or bound(ValueSet.of(Decimal("1E+3")), "decimal_column") == (
        "1000.0000",
    )
    assert where(ValueSet.of(True), column="boolean_column") == "[t].[boolean_column] = CAST(? AS BIT)"
    assert bound(ValueSet.of(date(1, 1, 1)), "date_column") == ("0001-01-01",)


def test_bounds_at_the_ends_of_an_int_are_not_cast_to_one() -> None:
    for bound_at_end in (ValueSet.range(low=2**31 - 1), ValueSet.range(high=-(2**31)), ValueSet.range(low=2**31 - 2)):
        written = statement(Test(Term("integer_column"), bound_at_end))
        fits = all(-(2**31) <= parameter < 2**31 for parameter in written.parameters)
        assert "BIGINT" in written.sql or fits
    assert where(ValueSet.range(low=2**31 - 1), column="integer_column") == "[t].[integer_column] >= CAST(? AS BIGINT)"


def test_a_text_that_is_no_identifier_equals_none_and_is_not_cast() -> None:
    good = "0A7EAB76-A0E4-7895-581C-A1568BA1C7B1"
    odd = [good.lower(), good + "x", "{" + good + "}", "", "no identifier"]
    assert bound(ValueSet.of(good, *odd), "uuid_column") == (good,)
    assert where(ValueSet.of(*odd), column="uuid_column") == "(1 = 0)"
    assert where(ValueSet.of(*odd).complement().without_null(), column="uuid_column") == "NOT [t].[uuid_column] IS NULL"


def test_bytes_are_equal_only_if_they_are_as_long() -> None:
    assert where(ValueSet.of(b"a"), column="bytes_column") == (
        "([t].[bytes_column] = CAST(? AS VARBINARY(8000)) AND DATALENGTH([t].[bytes_column]) = DATALENGTH(CAST(? AS VARBINARY(8000))))"
    )


def test_types_without_equality_are_compared_as_they_are_carried() -> None:
    image = where(ValueSet.of(b"a"), ColumnFact(type="image"), "bytes_column")
    assert image.count("CAST([t].[bytes_column] AS VARBINARY(MAX))") == image.count("[bytes_column]") == 2
    old = where(ValueSet.of("a"), ColumnFact(type="text", collation="Latin1_General_100_CI_AS", code_page=1252))
    assert old.count("CAST(CAST([t].[text_column] AS VARCHAR(MAX)) AS NVARCHAR(MAX))") == old.count("[text_column]") == 2


def test_a_limit_is_a_top() -> None:
    assert statement(limit=3).sql == "SELECT TOP 3 [t].[id] AS [id] FROM [dbo].[sample] AS [t]"


# -------------------------------------------------------------------------------------------------------------- verdicts

_PUSHED = {
    "text": {"null", "points", "excluded"},
    "number_text": {"null", "points", "excluded"},
    "uuid": {"null", "points", "excluded"},
    "bytes": {"null", "points", "excluded"},
}
_EVERYTHING = {"null", "points", "excluded", "intervals"}


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_pushed_is_exact_and_the_rest_is_refused_with_a_reason(kind: str) -> None:
    columns = relation_columns(RELATION)
    for wanted in sets_of(kind):
        verdict = classify_condition(NOTHING_KNOWN, Test(Term(f"{kind}_column"), wanted), columns)
        points = wanted.points() is not None or wanted.excluded() is not None
        form = "null" if wanted.is_null_only or wanted.without_null().is_not_null else "points" if points else "intervals"
        # 5e-324, the smallest bound of all, is below what the source can hold
        denormal = kind == "double" and any(5e-324 in (interval.low, interval.high) for interval in wanted.intervals)
        if form in _PUSHED.get(kind, _EVERYTHING) and not denormal:
            assert verdict.exactness is Exactness.EXACT, wanted
        else:
            assert verdict.exactness is Exactness.REFUSE, wanted
            assert verdict.reason


def test_numbers_in_texts_are_read_at_the_gateway() -> None:
    for wanted in number_sets():
        verdict = classify_condition(
            NOTHING_KNOWN, Test(Term("number_text_column", "number"), wanted, exact=False), relation_columns(RELATION)
        )
        assert verdict.exactness is Exactness.REFUSE
        assert isinstance(verdict.pushed, Unknown)


@pytest.mark.parametrize("odd", [float("inf"), float("-inf"), 1e-310])
def test_numbers_that_the_source_cannot_hold_are_not_sent(odd: float) -> None:
    verdict = classify_condition(NOTHING_KNOWN, Test(Term("double_column"), ValueSet.range(high=odd)), relation_columns(RELATION))
    assert verdict.exactness is Exactness.REFUSE


def test_more_constants_than_a_statement_takes_are_refused_while_planning() -> None:
    """Whatever passes, in whatever mixture, has fewer than the 2,100 that the server takes."""
    long_list = ValueSet.of(*range(0, 2_000, 2))
    arms = [Test(Term("text_column"), ValueSet.of(f"v{number}")) for number in range(200)]
    lists = [Test(Term("integer_column"), ValueSet.of(*range(start, start + 198, 2))) for start in range(0, 6_000, 200)]
    conditions = [
        Test(Term("integer_column"), long_list),
        Test(Term("bigint_column"), long_list),
        AnyOf(tuple(arms)),
        AllOf(tuple(arms)),
        *lists,
    ]
    columns = relation_columns(RELATION)
    verdicts = within_parameters([classify_condition(NOTHING_KNOWN, condition, columns) for condition in conditions], columns)
    assert {verdict.exactness for verdict in verdicts} == {Exactness.EXACT, Exactness.REFUSE}
    written = statement(*(verdict.pushed for verdict in verdicts))
    assert len(written.parameters) <= MOST_PARAMETERS


# ----------------------------------------------------------------------------------------------------------------- joins


def joined(one: ColumnFact, other: ColumnFact, first: str = "text", second: str = "text") -> str:
    left, right = table("left", key=first), table("right", key=second)
    relation = JoinRelation(alias="l", table=left, joins=(Join(kind="left", alias="r", table=right, on=(("l.key", "r.key"),)),))
    scan = Scan(relation=relation, columns=("l.key",))
    sql = write_statement(scan, sql_server("dbo", {"l.key": one, "r.key": other})).sql
    check(sql, COLLATIONS)
    return sql.partition(" ON ")[2]


def test_a_join_on_texts_is_by_the_columns_and_by_the_truth() -> None:
    assert joined(VARCHAR, VARCHAR).startswith(
        "([l].[key] = [r].[key] AND (CAST([l].[key] AS NVARCHAR(20)) COLLATE Latin1_General_100_BIN2 = "
    )


def test_columns_of_different_collations_are_joined_by_the_truth_alone() -> None:
    """Their own equality would be an error: the server does not choose between two collations."""
    for one, other in ((VARCHAR, NVARCHAR), (CHINESE, CHINESE), (XML, NVARCHAR)):
        assert "[l].[key] = [r].[key]" not in joined(one, other)


@pytest.mark.parametrize(
    ("first", "second", "one", "other"),
    [
        ("local_timestamp", "local_timestamp", ColumnFact(type="datetime2", scale=7), ColumnFact(type="datetime2", scale=3)),
        ("integer", "double", ColumnFact(type="int"), ColumnFact(type="float")),
        ("text", "uuid", NVARCHAR, ColumnFact(type="uniqueidentifier")),
        (
            "decimal(10,2)",
            "decimal(12,4)",
            ColumnFact(type="decimal", precision=10, scale=2),
            ColumnFact(type="decimal", precision=12, scale=4),
        ),
    ],
)
def test_a_join_that_would_not_be_exact_is_an_error(first: str, second: str, one: ColumnFact, other: ColumnFact) -> None:
    with pytest.raises(SourceError) as caught:
        joined(one, other, first, second)
    assert caught.value.code == "S110"


def test_other_types_are_joined_plainly() -> None:
    assert joined(ColumnFact(type="int"), ColumnFact(type="bigint"), "integer", "bigint") == "[l].[key] = [r].[key]"
