"""The shared emitter: constants never become text, positions follow the text, and what is sent is read again."""

from __future__ import annotations

from typing import Any

import pytest
from sqlglot import exp

from adapters.interface import Exactness, Scan, SourceError
from adapters.sql import Comparison, Rule, SqlDialect, classify_condition, qualified_table, write_statement
from adapters.sql.recheck import check_statement
from catalog.conditions import AllOf, AnyOf, Condition, Term, Test
from catalog.relations import Join, JoinRelation, TableRelation, relation_columns
from catalog.source_tables import SqlTable
from catalog.types import Type
from catalog.values import ValueSet
from tests.adapters.duckdb.test_text_files import table

PEOPLE = table("people", pid="text", age="integer")
VISITS = table("visits", pid="text", cost="integer")


def dialect(**changes: Any) -> SqlDialect:
    """A dialect with `?` parameters in T-SQL's spelling, two types and a schema."""
    exact = Rule(Exactness.EXACT)
    settings: dict[str, Any] = {
        "name": "tsql",
        "rules": {("value", form, type): exact for form in ("points", "excluded", "intervals", "null") for type in ("text", "integer")},
        "cast": lambda constant, type: exp.Cast(this=constant, to=exp.DataType.build("bigint" if type.name == "integer" else "varchar")),
        "parameters": "positional",
        "table": lambda name: qualified_table(name, "dbo"),
        "listed": 3,
    }
    return SqlDialect(**{**settings, **changes})


def asking(*conditions: Condition, limit: int | None = None) -> Scan:
    return Scan(relation=TableRelation(table=PEOPLE), columns=("pid",), conditions=conditions, limit=limit)


def test_positional_constants_stand_in_the_order_of_the_text() -> None:
    def backwards(compared: Comparison) -> exp.Expression:
        """Binds the last constant first, and writes it last."""
        last, first = compared.bind("last"), compared.bind("first")
        return exp.And(this=exp.EQ(this=compared.read(), expression=first), expression=exp.EQ(this=compared.read(), expression=last))

    rules = {("value", "points", "text"): Rule(Exactness.EXACT, write=backwards)}
    statement = write_statement(asking(Test(Term("pid"), ValueSet.of("x"))), dialect(rules=rules))
    assert statement.parameters == ("first", "last")
    assert statement.sql.count("?") == 2
    assert "first" not in statement.sql


def test_a_constant_that_looks_like_the_marks_of_positions_does_no_harm() -> None:
    odd = "parameter of the gateway, number 2"
    condition = AnyOf((Test(Term("pid"), ValueSet.of(odd)), Test(Term("age"), ValueSet.of(7))))
    assert write_statement(asking(condition), dialect()).parameters == (odd, 7)


def test_more_points_than_one_list_holds_become_several_lists() -> None:
    statement = write_statement(asking(Test(Term("age"), ValueSet.of(*range(0, 14, 2)))), dialect())
    assert statement.sql.count(" IN (") == 3
    assert sorted(statement.parameters) == [0, 2, 4, 6, 8, 10, 12]


def test_numbers_that_the_type_cannot_hold_are_left_out() -> None:
    statement = write_statement(asking(Test(Term("age"), ValueSet.of(1, 2**70))), dialect())
    assert statement.parameters == (1,)


def test_what_no_rule_names_is_refused_and_not_sent() -> None:
    rules = {("value", "points", "text"): Rule(Exactness.EXACT)}
    number = Test(Term("age"), ValueSet.of(1))
    verdict = classify_condition(dialect(rules=rules), number, relation_columns(asking().relation))
    assert verdict.exactness is Exactness.REFUSE
    assert "integer" in verdict.reason
    assert "WHERE" not in write_statement(asking(number), dialect(rules=rules)).sql


def test_more_points_than_a_dialect_takes_are_refused() -> None:
    verdict = classify_condition(dialect(most_points=2), Test(Term("age"), ValueSet.of(1, 3, 5)), relation_columns(asking().relation))
    assert verdict.exactness is Exactness.REFUSE
    assert "gateway" in verdict.reason


@pytest.mark.parametrize("kind", [AllOf, AnyOf])
def test_parts_that_together_are_more_than_a_dialect_takes_are_refused(kind: type[AllOf] | type[AnyOf]) -> None:
    """Each fits by itself; the tests of one column become one before they are sent."""
    sets = [ValueSet.of(*points) for points in ((1, 2), (3, 4))]
    parts = tuple(Test(Term("age"), wanted.complement() if kind is AllOf else wanted) for wanted in sets)
    verdict = classify_condition(dialect(most_points=3), kind(parts), relation_columns(asking().relation))
    assert verdict.exactness is Exactness.REFUSE
    assert "more than 3 listed values" in verdict.reason


def test_a_join_compares_as_the_dialect_says() -> None:
    def twice(left: exp.Expression, right: exp.Expression, *_: object) -> exp.Expression:
        return exp.And(this=exp.EQ(this=left, expression=right), expression=exp.EQ(this=left.copy(), expression=right.copy()))

    relation = JoinRelation(alias="p", table=PEOPLE, joins=(Join(kind="left", alias="v", table=VISITS, on=(("p.pid", "v.pid"),)),))
    statement = write_statement(Scan(relation=relation, columns=("p.pid", "v.cost")), dialect(equal=twice))
    assert statement.sql.count("[p].[pid] = [v].[pid]") == 2
    assert "[dbo].[visits]" in statement.sql


def checked(sql: str, *tables: SqlTable) -> None:
    check_statement(sql, dialect(functions=frozenset({"LOWER"})), tables or (PEOPLE,))


@pytest.mark.parametrize(
    ("sql", "word"),
    [
        ("SELECT [t].[pid] FROM [dbo].[people] AS [t]; DROP TABLE [people]", "one SELECT"),
        ("DELETE FROM [dbo].[people]", "one SELECT"),
        ("SELECT [t].[pid] INTO [x] FROM [dbo].[people] AS [t]", "more than select"),
        ("SELECT * FROM [dbo].[people] AS [t]", "more than select"),
        ("SELECT [t].[pid] FROM [dbo].[wages] AS [t]", "mapped tables"),
        ("SELECT [t].[pid] FROM [other].[people] AS [t]", "mapped tables"),
        ("SELECT [t].[pid] FROM [dbo].[people] AS [t] WHERE [t].[age] IN (SELECT [w].[age] FROM [dbo].[wages] AS [w])", "mapped tables"),
        ("SELECT [t].[salary] FROM [dbo].[people] AS [t]", "mapped columns"),
        ("SELECT HOST_NAME() AS [x] FROM [dbo].[people] AS [t]", "HOST_NAME"),
        ("SELECT [t].[pid] FROM [dbo].[people] AS [t] UNION SELECT [t].[pid] FROM [dbo].[people] AS [t]", "one SELECT"),
        ("SELECT [t].[pid FROM [dbo].[people]", ""),
    ],
)
def test_a_statement_that_says_more_than_it_should_is_stopped(sql: str, word: str) -> None:
    with pytest.raises(SourceError) as caught:
        checked(sql)
    assert caught.value.code == "S105"
    assert word in caught.value.fact


def test_a_statement_over_mapped_names_passes() -> None:
    checked("SELECT TOP 3 LOWER([t].[pid]) AS [pid] FROM [dbo].[people] AS [t] WHERE [t].[age] > CAST(? AS BIGINT)")


def test_types_without_the_shape_of_a_column_are_never_guessed() -> None:
    odd = table("odd", tags="list(text)")
    verdict = classify_condition(dialect(), Test(Term("tags"), ValueSet.of("a")), relation_columns(TableRelation(table=odd)))
    assert verdict.exactness is Exactness.REFUSE
    assert Type("list", element=Type("text")) == odd.columns[0].type


def test_a_rule_may_refuse_a_set_for_its_constants() -> None:
    rules = {("value", "points", "text"): Rule(Exactness.EXACT, unless=lambda wanted: "no x" if wanted.contains("x") else "")}
    columns = relation_columns(asking().relation)
    refused = classify_condition(dialect(rules=rules), Test(Term("pid"), ValueSet.of("x")), columns)
    assert (refused.exactness, refused.reason) == (Exactness.REFUSE, "no x")
    assert classify_condition(dialect(rules=rules), Test(Term("pid"), ValueSet.of("y")), columns).exactness is Exactness.EXACT
