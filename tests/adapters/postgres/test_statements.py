"""How conditions are written for columns of each native type and collation. The expected SQL is written by hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from adapters.interface import Exactness, Scan
from adapters.postgres.dialect import dialect_of
from adapters.postgres.natives import Native
from adapters.postgres.statements import Statements
from adapters.sql import classify_condition, write_statement
from catalog.conditions import Condition, Term, Test
from catalog.relations import Join, JoinRelation, Relation, TableRelation, relation_columns
from catalog.source_tables import RawColumn, SqlTable
from catalog.types import parse_type
from catalog.values import NOT_NULL, NULL_ONLY, Interval, ValueSet

TABLE = SqlTable(
    name="visit",
    columns=tuple(
        RawColumn(name=name, type=parse_type(type))
        for name, type in {
            "id": "integer",
            "mrn": "text",
            "guid": "uuid",
            "amount": "decimal(10,2)",
            "score": "double",
            "codes": "list(text)",
        }.items()
    ),
)
RELATION = TableRelation(table=TABLE)
UUID = "0A7EAB76-A0E4-7895-581C-A1568BA1C7B1"


def written(
    condition: Condition, natives: Mapping[str, Native] | None = None, *, utf8: bool = True, relation: Relation = RELATION
) -> tuple[str, Any]:
    """What stands behind WHERE, and the parameters."""
    scan = Scan(relation=relation, columns=(next(iter(relation_columns(relation))),), conditions=(condition,))
    statement = write_statement(scan, dialect_of("ward", natives or {}, utf8=utf8))
    return statement.sql.partition(" WHERE ")[2], statement.parameters


def mrn(wanted: ValueSet) -> Test:
    return Test(Term("mrn"), wanted)


def native(name: str = "text", **facts: Any) -> dict[str, Native]:
    return {"mrn": Native(name=name, **facts)}


# ------------------------------------------------------------------------------------------------------------ text


def test_a_key_of_a_usual_text_column_may_use_its_index() -> None:
    assert written(mrn(ValueSet.of("a"))) == ('"t"."mrn" = CAST($1 AS TEXT)', ("a",))


def test_several_keys_are_one_parameter() -> None:
    assert written(mrn(ValueSet.of("a", "b"))) == ('"t"."mrn" = ANY(CAST($1 AS TEXT[]))', (["a", "b"],))


def test_an_order_is_asked_for_by_bytes_whatever_the_collation() -> None:
    sql, parameters = written(mrn(ValueSet.range("a", "b", low_closed=True)))
    assert sql == '("t"."mrn" COLLATE "C" >= CAST($1 AS TEXT) AND "t"."mrn" COLLATE "C" < CAST($2 AS TEXT))'
    assert parameters == ("a", "b")


def test_a_column_in_byte_order_keeps_its_index_for_ranges() -> None:
    assert written(mrn(ValueSet.range("a")), native(collation="bytes"))[0] == '"t"."mrn" > CAST($1 AS TEXT)'


def test_texts_that_a_collation_takes_for_equal_are_told_apart() -> None:
    sql, parameters = written(mrn(ValueSet.of("a")), native(collation="loose"))
    assert sql == '("t"."mrn" = CAST($1 AS TEXT) AND "t"."mrn" COLLATE "C" = CAST($2 AS TEXT))'
    assert parameters == ("a", "a")


def test_a_negation_is_exact_by_itself() -> None:
    sql, _ = written(mrn(ValueSet.of("a").complement().without_null()), native(collation="loose"))
    assert sql == '"t"."mrn" COLLATE "C" <> CAST($1 AS TEXT)'


def test_a_padded_column_is_found_by_its_index_and_compared_without_blanks() -> None:
    sql, _ = written(mrn(ValueSet.of("a")), native("bpchar"))
    assert sql == '("t"."mrn" = CAST($1 AS BPCHAR) AND CAST("t"."mrn" AS TEXT) COLLATE "C" = CAST($2 AS TEXT))'


@pytest.mark.parametrize("name", ["enum", "jsonb", "citext", "interval"])
def test_what_travels_as_text_is_compared_as_text(name: str) -> None:
    assert written(mrn(ValueSet.of("a")), native(name))[0] == 'CAST("t"."mrn" AS TEXT) COLLATE "C" = CAST($1 AS TEXT)'


def test_in_another_encoding_both_sides_become_utf8() -> None:
    sql, parameters = written(mrn(ValueSet.of("é", "李")), utf8=False)
    assert sql == 'CONVERT_TO(CAST("t"."mrn" AS TEXT), \'UTF8\') = ANY(CAST($1 AS BYTEA[]))'
    assert parameters == (["\\xc3a9", "\\xe69d8e"],)


def test_bounds_with_the_character_that_no_text_holds_are_moved() -> None:
    assert written(mrn(ValueSet.of("a\0"))) == ("FALSE", ())
    assert written(mrn(ValueSet.range("a\0b", low_closed=True))) == ('"t"."mrn" COLLATE "C" > CAST($1 AS TEXT)', ("a",))
    assert written(mrn(ValueSet.range(high="a\0b"))) == ('"t"."mrn" COLLATE "C" <= CAST($1 AS TEXT)', ("a",))
    assert written(mrn(ValueSet.of("a\0", "b"))) == ('"t"."mrn" = CAST($1 AS TEXT)', ("b",))
    assert written(mrn(ValueSet.of("a\0").complement().without_null()))[0] == 'NOT "t"."mrn" COLLATE "C" IS NULL'


# ------------------------------------------------------------------------------------------------------ other types


def test_uuids_are_found_by_value_and_ordered_as_upper_case_text() -> None:
    assert written(Test(Term("guid"), ValueSet.of(UUID, "no uuid"))) == ('"t"."guid" = CAST($1 AS UUID)', (UUID,))
    assert written(Test(Term("guid"), ValueSet.of(UUID.lower())))[0] == "FALSE"
    assert written(Test(Term("guid"), ValueSet.range("0A")))[0] == 'UPPER(CAST("t"."guid" AS TEXT)) COLLATE "C" > CAST($1 AS TEXT)'


def test_decimals_are_numerics_never_doubles() -> None:
    sql, parameters = written(Test(Term("amount"), ValueSet.range(0.1)))
    # the least decimal(10,2) above the double 0.1, which is a little more than a tenth
    assert (sql, parameters) == ('"t"."amount" >= CAST($1 AS DECIMAL)', ("0.11",))


def test_null_is_asked_beside_the_values() -> None:
    wanted = ValueSet(ValueSet.of(1).intervals, True)
    assert written(Test(Term("id"), wanted))[0] == '("t"."id" = CAST($1 AS BIGINT) OR "t"."id" IS NULL)'
    assert written(Test(Term("codes"), NULL_ONLY))[0] == '"t"."codes" IS NULL'


# ---------------------------------------------------------------------------------------------------------- numbers


def test_a_number_in_text_also_lets_through_what_only_the_gateway_can_read() -> None:
    test = Test(Term("mrn", "number"), ValueSet.range(37.5), exact=False)
    number = (
        """CASE WHEN CAST("t"."mrn" AS TEXT) COLLATE "C" ~ '^[+-]?[0-9]{1,15}(\\.[0-9]{1,15})?$' """
        """THEN CAST(CAST("t"."mrn" AS TEXT) AS DOUBLE PRECISION) END"""
    )
    assert written(test) == (f"({number} > CAST($1 AS DOUBLE PRECISION) OR {number} IS NULL)", ("37.5",))


@pytest.mark.parametrize("wanted", [NOT_NULL, NULL_ONLY])
def test_whether_a_text_is_a_number_is_not_asked(wanted: ValueSet) -> None:
    verdict = classify_condition(dialect_of("ward", {}), Test(Term("mrn", "number"), wanted), relation_columns(RELATION))
    assert verdict.exactness is Exactness.REFUSE


# ------------------------------------------------------------------------------------------------------------ joins


def joined(left: Native, right: Native) -> str:
    patient = SqlTable(name="patient", columns=(RawColumn(name="mrn", type=parse_type("text")),))
    relation = JoinRelation(alias="v", table=TABLE, joins=(Join(kind="inner", alias="p", table=patient, on=(("v.mrn", "p.mrn"),)),))
    scan = Scan(relation=relation, columns=("v.id",))
    sql = write_statement(scan, dialect_of("ward", {"v.mrn": left, "p.mrn": right})).sql
    return sql.partition(" ON ")[2]


def test_texts_under_one_collation_are_joined_by_their_indexes() -> None:
    assert joined(Native(name="text", collation_id=100), Native(name="varchar", collation_id=100)) == '"v"."mrn" = "p"."mrn"'


def test_texts_under_two_collations_are_joined_by_bytes() -> None:
    sql = joined(Native(name="text", collation_id=100), Native(name="text", collation_id=13_000))
    assert sql == '"v"."mrn" COLLATE "C" = "p"."mrn" COLLATE "C"'


def test_a_padded_text_is_joined_without_its_blanks() -> None:
    sql = joined(Native(name="bpchar", collation_id=100), Native(name="text", collation_id=100))
    assert sql == 'CAST("v"."mrn" AS TEXT) COLLATE "C" = "p"."mrn" COLLATE "C"'


# ------------------------------------------------------------------------------------------------------ key lookups


def reading(statements: Statements, *conditions: Condition) -> tuple[bool, str, tuple[Any, ...]]:
    """Whether the statement was known, and what would be sent."""
    scan = Scan(relation=RELATION, columns=("id",), conditions=conditions)
    known = statements.known(scan, 1)
    found = known or statements.written(scan, 1, {}, utf8=True)
    return known is not None, found.sql, found.parameters


def test_a_key_lookup_is_written_once_and_each_time_as_it_would_be_alone() -> None:
    statements = Statements("ward")
    lookups: list[tuple[Condition, ...]] = [
        (mrn(ValueSet.of("a")), Test(Term("amount"), ValueSet.of(1))),
        (mrn(ValueSet.of("b' OR 1=1")), Test(Term("amount"), ValueSet.of(2.5))),
        (mrn(ValueSet.of("a", "b")),),
        (mrn(ValueSet.of("c", "d", "e")),),
    ]
    assert [reading(statements, *lookup)[0] for lookup in lookups] == [False, True, False, True]
    for lookup in lookups:
        assert reading(statements, *lookup) == (True, *reading(Statements("ward"), *lookup)[1:])


@pytest.mark.parametrize(
    "odd",
    [
        mrn(ValueSet.of("a\0")),
        Test(Term("amount"), ValueSet.of(0.001)),
        Test(Term("guid"), ValueSet.of("no uuid")),
        Test(Term("id"), ValueSet.of(2**70)),
        mrn(ValueSet(ValueSet.of("a").intervals, True)),
        mrn(ValueSet.build([Interval("a", "b", True, True)])),
    ],
)
def test_a_value_that_needs_another_form_is_written_by_itself(odd: Test) -> None:
    statements = Statements("ward")
    plain = Test(odd.term, ValueSet.of({"mrn": "a", "amount": 1, "guid": UUID, "id": 1}[odd.term.column]))
    reading(statements, plain)
    assert reading(statements, plain)[0]
    assert reading(statements, odd) == (False, *reading(Statements("ward"), odd)[1:])


def test_what_was_learnt_of_the_database_makes_statements_new() -> None:
    statements = Statements("ward")
    scan = Scan(relation=RELATION, columns=("id",), conditions=(mrn(ValueSet.of("a")),))
    statements.written(scan, 1, {}, utf8=True)
    assert statements.known(scan, 1) is not None
    assert statements.known(scan, 2) is None


def test_what_needs_no_parameters_is_copied_and_nothing_else() -> None:
    """A COPY takes no parameters, and no value is ever written into a statement."""
    statements = Statements("ward")

    def reading(*conditions: Condition, **limits: Any) -> Any:
        return statements.written(Scan(relation=RELATION, columns=("id",), conditions=conditions, **limits), 1, {}, utf8=True)

    inner = 'SELECT "t"."id" AS "id" FROM "ward"."visit" AS "t" WHERE "t"."mrn" IS NULL LIMIT 3'
    copied = reading(mrn(NULL_ONLY), limit=3)
    assert copied.sql == f'SELECT * FROM ({inner}) AS "one row" LIMIT 0; COPY ({inner}) TO STDOUT (FORMAT BINARY)'
    assert copied.is_copied
    assert reading().is_copied
    for wanted in (ValueSet.of("x; DROP"), ValueSet.range("a"), ValueSet.of("a", "b").complement()):
        found = reading(mrn(wanted))
        assert not found.is_copied
        assert found.sql.startswith("SELECT RECORD_SEND")
        assert len(found.parameters) >= 1
        assert "DROP" not in found.sql
