"""What is wrong with a binding's texts: code, fact, hint and place, all at once."""

from __future__ import annotations

from dataclasses import replace

import pytest

from catalog.errors import CatalogError, Place
from catalog.mapping import compile_binding
from catalog.model import Check, Column, LookupUse, TableBinding, Units, VirtualTable
from catalog.relations import TableRelation
from catalog.types import parse_type
from tests.catalog.mapping.expressions import LOOKUP, TABLE

COLUMNS = {
    "node": Column(name="node", type=parse_type("text")),
    "id": Column(name="id", type=parse_type("text"), nullable=False),
    "v": Column(name="v", type=parse_type("double")),
    "sex": Column(name="sex", type=parse_type("text"), values=("male", "female")),
    "at": Column(name="at", type=parse_type("timestamp")),
}
VIRTUAL = VirtualTable(name="thing", columns=COLUMNS, key=("node", "id"))
GOOD = TableBinding(
    name="thing",
    node="here",
    table="thing",
    source="s",
    relation=TableRelation(table=TABLE),
    columns={"id": "t", "v": "d", "sex": "recode(u, 'M', 'male')", "at": "ts"},
    places={
        "columns": Place("thing.yaml", 5, 3),
        "columns.id": Place("thing.yaml", 6, 9),
        "columns.v": Place("thing.yaml", 7, 9),
        "columns.sex": Place("thing.yaml", 8, 9),
        "columns.at": Place("thing.yaml", 9, 9),
        "where": Place("thing.yaml", 3, 8),
        "lookups.item": Place("thing.yaml", 4, 3),
    },
    place=Place("thing.yaml", 1),
)


def problems(binding: TableBinding) -> list[tuple[str, str, str]]:
    """(code, place:line:column, fact) of everything wrong."""
    with pytest.raises(CatalogError) as caught:
        compile_binding(binding, VIRTUAL, {"codes": LOOKUP}, Units())
    return [(p.code, str(p.place), p.fact) for p in caught.value.problems]


def with_column(name: str, expression: str) -> TableBinding:
    return replace(GOOD, columns={**GOOD.columns, name: expression})


def test_a_good_binding_has_no_problem():
    compile_binding(GOOD, VIRTUAL, {"codes": LOOKUP}, Units())


@pytest.mark.parametrize(
    ("expression", "code", "column", "fact"),
    [
        ("dd", "C203", 9, "unknown raw column dd"),
        ("d + zz", "C203", 13, "unknown raw column zz"),
        ("numbr(t)", "C206", 9, "unknown function numbr"),
        ("now()", "C206", 9, "unknown function now"),
        ("map(t, 'a', 'b')", "C206", 9, "unknown function map"),
        ("number(t, ',', '.', 'x')", "C207", 9, "number takes (text, [thousands], [decimal]), not 4 arguments"),
        ("number(d)", "C207", 9, "the text of number is text or uuid, not double"),
        ("number(t, u)", "C207", 9, "the thousands of number must be a constant"),
        ("d + t", "C207", 11, "the right of + is integer or bigint or double or decimal, not text"),
        ("recode(i, 'a', 'b')", "C207", 9, "the constant 'a' is not a whole number"),
        ("case when i = 'x' then 1.0 end", "C207", 21, "the constant 'x' is not a whole number"),
        ("d +", "C208", 12, "the expression ends too early"),
        ("d d", "C208", 11, "unexpected 'd'"),
        ("(select 1)", "C208", 10, "unexpected 'select'"),
        ("number(t) over ()", "C208", 19, "windows and aggregates are not allowed in a mapping"),
        ("d; drop table x", "C208", 10, "unexpected ';'"),
        ("'abc", "C208", 9, "the expression has an unfinished text or name"),
        ("t::timestamp", "C208", 12, "unexpected 'timestamp'"),
        ("item.code", "C203", 9, "unknown raw column item.code"),
        ("day", "C212", 9, "date cannot become double"),
        ("sqrt(d)", "C206", 9, "unknown function sqrt"),
        ("split_part(t, '', 1)::double", "C207", 9, "the delimiter of split_part cannot be empty"),
        ("d[1]", "C207", 10, "the map of map value is map, not double"),
    ],
)
def test_a_mistake_has_its_code_place_and_fact(expression, code, column, fact):
    assert problems(with_column("v", expression)) == [(code, f"thing.yaml:7:{column}", fact)]


def test_all_mistakes_of_a_binding_come_at_once_in_the_order_of_the_file():
    binding = replace(
        with_column("v", "dd"), where="t", absent=frozenset({"at"}), columns={"id": "tt", "v": "dd", "sex": "recode(u, 'M', 'man')"}
    )
    assert [(code, place) for code, place, _ in problems(binding)] == [
        ("C207", "thing.yaml:3:8"),
        ("C203", "thing.yaml:6:9"),
        ("C203", "thing.yaml:7:9"),
        ("C211", "thing.yaml:8:9"),
    ]


def test_near_names_are_offered():
    with pytest.raises(CatalogError) as caught:
        compile_binding(with_column("v", "lab_opertor(t)"), VIRTUAL, {"codes": LOOKUP}, Units())
    assert caught.value.problems[0].hint == "did you mean lab_operator?"


def test_a_column_without_expression_and_one_that_can_be_null_are_mistakes():
    without = replace(GOOD, columns={"id": "t", "sex": "u", "at": "ts"})
    assert problems(without) == [("C209", "thing.yaml:5:3", "the column v of thing has no expression")]
    for expression in ("nullif_any(t, 'N/A')", "recode(t, 'a', 'b')", "case when i > 5 then t end", "item.code", "null"):
        use = LookupUse(alias="item", lookup="codes", where={"domain": "x"}, key={"source": "t"})
        (found,) = problems(replace(with_column("id", expression), lookups=(use,)))
        assert found[:2] == ("C210", "thing.yaml:6:9")


@pytest.mark.parametrize("expression", ["t", "coalesce(nullif_any(t, 'N/A'), 'none')", "digits(i)", "parse_date(t, 'yyyyMMdd')::varchar"])
def test_what_is_not_certain_to_be_null_is_no_mistake(expression):
    compile_binding(with_column("id", expression), VIRTUAL, {"codes": LOOKUP}, Units())


def test_keep_may_promise_what_the_expression_does_not():
    binding = replace(with_column("id", "nullif_any(t, 'N/A')"), keep="id is not null and v > 0")
    compile_binding(binding, VIRTUAL, {"codes": LOOKUP}, Units())


def test_lookups_are_checked():
    use = LookupUse(alias="item", lookup="codes", where={"domain": "x"}, key={"source": "i"}, place=Place("thing.yaml", 4, 3))
    assert problems(replace(GOOD, lookups=(use,))) == [("C207", "thing.yaml:4:3", "a lookup compares texts, and the key source is integer")]
    unknown = replace(use, lookup="cods")
    assert problems(replace(GOOD, lookups=(unknown,))) == [("C205", "thing.yaml:4:3", "unknown lookup cods")]
    incomplete = replace(use, where={}, key={"source": "t"})
    assert problems(replace(GOOD, lookups=(incomplete,))) == [("C205", "thing.yaml:4:3", "the lookup codes needs its key domain")]
    value = replace(use, key={"source": "t"})
    assert problems(replace(with_column("id", "item.cod"), lookups=(value,))) == [
        ("C205", "thing.yaml:6:9", "the lookup item has no value cod")
    ]


def test_constants_are_read_as_the_columns_type():
    columns = {"id": "t", "sex": "u", "at": "ts"}
    assert problems(replace(GOOD, columns=columns, constants={"v": "high"}))[0][0] == "C212"
    columns = {"id": "t", "v": "d", "at": "ts"}
    assert problems(replace(GOOD, columns=columns, constants={"sex": "man"}))[0][0] == "C211"


def test_keep_and_checks_speak_of_virtual_columns_only():
    assert problems(replace(GOOD, keep="d > 5"))[0][0] == "C204"
    check = Check(name="plausible", test="v + 1", place=Place("thing.yaml", 12, 5))
    assert problems(replace(GOOD, checks=(check,))) == [("C207", "thing.yaml:12:5", "checks is a condition, not double")]


def test_two_formats_that_read_one_text_differently_are_refused():
    (found,) = problems(with_column("at", "local_time(parse_date(t, 'MM/dd/yyyy', 'dd/MM/yyyy')::varchar, 'yyyy-MM-dd')"))
    assert found[2] == "the formats 'MM/dd/yyyy' and 'dd/MM/yyyy' can read one text differently"
    compile_binding(with_column("id", "parse_date(t, 'MM/dd/yyyy', 'yyyyMMdd')::varchar"), VIRTUAL, {"codes": LOOKUP}, Units())


@pytest.mark.parametrize(
    "expression",
    [
        "d" + " + d" * 5000,
        "(" * 400 + "d" + ")" * 400,
        "-" * 3000 + "d",
        "not " * 500 + "b",
        "case " * 300,
        "t" + "::varchar" * 1500,
        "d" + " + d" * 600,
        "b" + " and b" * 600,
        "local_date(local_time(" * 9 + "t" + "::varchar, 'yyyyMMdd'))" * 9,
    ],
)
def test_what_is_too_long_or_too_deep_is_refused_before_it_hurts(expression):
    assert problems(with_column("v", expression))[0][0] in ("C208", "C212", "C207")


def test_names_of_sql_sources_ignore_case_and_those_of_hbase_do_not():
    compile_binding(with_column("v", "D"), VIRTUAL, {"codes": LOOKUP}, Units())
    assert problems(replace(with_column("v", "D"), case_insensitive=False))[0][2] == "unknown raw column D"


def test_with_a_join_every_column_is_qualified(compiled, snapshot):
    binding = compiled["hosp_c", "vital_sign"].binding
    wrong = replace(binding, columns={**binding.columns, "patient_id": "PersonID"})
    with pytest.raises(CatalogError) as caught:
        compile_binding(wrong, snapshot.tables["vital_sign"], snapshot.lookups, snapshot.units)
    assert [p.hint for p in caught.value.problems] == ["with a join, qualify every column: e.PersonID"]
