"""The little language of `from`."""

from __future__ import annotations

import pytest

from catalog.loader.relations import RelationError, parse_relation
from catalog.relations import JoinRelation, TableRelation, UnnestRelation
from catalog.source_tables import RawColumn, SourceTable, SqlTable
from catalog.types import INTEGER, TEXT, Type


def table(name: str, **columns: Type) -> SqlTable:
    return SqlTable(name=name, columns=tuple(RawColumn(name=column, type=type) for column, type in columns.items()))


TABLES: dict[str, SourceTable] = {
    "Visit": table("Visit", id=INTEGER, person=INTEGER, ward=INTEGER, tags=Type("list", element=TEXT)),
    "Person": table("Person", id=INTEGER, ward=INTEGER, home=INTEGER),
    "order details": table("order details", id=INTEGER),
    "dbo.Ward": table("dbo.Ward", id=INTEGER),
}


def joins(text: str) -> list[tuple[str, str, str, tuple[tuple[str, str], ...]]]:
    relation = parse_relation(text, TABLES)
    assert isinstance(relation, JoinRelation)
    return [(join.kind, join.alias, join.table.name, join.on) for join in relation.joins]


@pytest.mark.parametrize("condition", ["v.person = p.id", "p.id = v.person", "P.ID=V.Person"])
def test_a_join_condition_reads_the_same_from_both_sides(condition: str) -> None:
    assert joins(f"Visit v join Person p on {condition}") == [("inner", "p", "Person", (("v.person", "p.id"),))]


def test_a_join_may_have_several_conditions_and_several_tables() -> None:
    text = "Visit as v left outer join Person p on v.person = p.id and v.ward = p.ward inner join Person q on q.id = p.home"
    assert joins(text) == [
        ("left", "p", "Person", (("v.person", "p.id"), ("v.ward", "p.ward"))),
        ("inner", "q", "Person", (("p.home", "q.id"),)),
    ]


def test_a_table_without_short_name_is_its_own_prefix() -> None:
    assert joins("Visit join Person on Person.id = Visit.person") == [("inner", "Person", "Person", (("Visit.person", "Person.id"),))]


@pytest.mark.parametrize("text", ["visit", " VISIT ", '"Visit"', "`Visit`", "[Visit]"])
def test_a_table_is_found_in_any_case_and_quoting(text: str) -> None:
    assert parse_relation(text, TABLES) == TableRelation(table=TABLES["Visit"])


def test_a_name_with_a_blank_is_quoted() -> None:
    assert parse_relation('"order details"', TABLES) == TableRelation(table=TABLES["order details"])


def test_a_name_with_a_schema_needs_no_quotes_and_its_last_part_is_the_prefix() -> None:
    assert parse_relation("DBO.ward", TABLES) == TableRelation(table=TABLES["dbo.Ward"])
    assert joins("Visit v join dbo.Ward on Ward.id = v.ward") == [("inner", "Ward", "dbo.Ward", (("v.ward", "Ward.id"),))]
    assert joins("Visit v join dbo.Ward w on w.id = v.ward") == [("inner", "w", "dbo.Ward", (("v.ward", "w.id"),))]


def test_a_list_of_plain_values_is_unnested_with_and_without_position() -> None:
    assert parse_relation("Visit unnest TAGS as tag", TABLES) == UnnestRelation(table=TABLES["Visit"], column="tags", alias="tag")
    found = parse_relation("Visit unnest tags as tag with ordinality n", TABLES)
    assert isinstance(found, UnnestRelation)
    assert found.ordinality == "n"


@pytest.mark.parametrize(
    ("text", "offset", "code"),
    [
        ("", 0, "C208"),
        ("join", 0, "C208"),
        ("Visit v", 0, "C208"),
        ("Visit where id = 1", 12, "C208"),
        ("Visit unnest tags as tag extra", 25, "C208"),
        ("Visit unnest tags", 17, "C208"),
        ("Visit unnest id as i", 13, "C212"),
        ("Visit unnest tags as person", 21, "C105"),
        ("Visit v join Person v on v.id = v.id", 13, "C105"),
        ("Visit v join Person p on v.person = p.id extra", 41, "C208"),
        ("Visit v join Person p on v.person > p.id", 34, "C208"),
        ("Visit v join Person p on v.person = 5", 36, "C208"),
        ("Visit v join Person p on person = p.id", 25, "C203"),
        ("Visit v join Person p on v.person = p.id and", 44, "C208"),
        ("Visit v join Person p on v.person = v.ward", 25, "C208"),
        ("Visit v join Person p on p.id = q.id join Person q on q.id = p.id", 32, "C203"),
        ("Visit.tags", 5, "C208"),
        ("dbo.Wart", 0, "C201"),
        ("Visit; drop table Visit", 5, "C208"),
    ],
)
def test_what_it_cannot_read_is_refused_at_its_position(text: str, offset: int, code: str) -> None:
    with pytest.raises(RelationError) as caught:
        parse_relation(text, TABLES)
    assert (caught.value.offset, caught.value.code) == (offset, code), caught.value.fact
