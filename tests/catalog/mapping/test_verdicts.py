"""The table of section 8 of the mapping language, row by row: what each kind of predicate becomes."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from catalog.conditions import AllOf, AnyOf, Condition, Test, Unknown, is_exact
from catalog.mapping.functions import FUNCTIONS
from catalog.mapping.tree import Call
from catalog.predicates import Atom
from catalog.types import parse_type
from catalog.values import NOT_NULL, NULL_ONLY, ValueSet
from tests.catalog.mapping.expressions import compile_expression

INSTANT = datetime(2021, 6, 1, 12, tzinfo=UTC)
KINDS = ("= IN", "<>", "range", "like", "is null", "is not null")

ROWS: list[tuple[str, str, Any, str]] = [
    # expression, type of the column, a value it can have, verdicts of = <> range like "is null" "is not null"
    ("t", "text", "a", "E E E E E E"),
    ("i", "integer", 5, "E E E . E E"),
    ("recode(t, 'M', 'male', 'F', 'female')", "text", "male", "E E E E E E"),
    ("item.code", "text", "8310-5", "E E E E E E"),
    ("nullif_any(t, 'N/A', '')", "text", "a", "E E E E E E"),
    ("i::varchar", "text", "12", "E E N N E E"),
    ("digits(i, 8)", "text", "00000012", "E E N N E E"),
    ("number(t)", "double", 5.0, "S S S . - N"),
    ("lab_number(t)", "double", 5.0, "S S S . - N"),
    ("number(t, ',')", "double", 5.0, "N N N . - N"),
    ("lab_operator(t)", "text", "<", "N N N N - N"),
    ("lab_flag(t)", "text", "H", "N N N N - N"),
    ("lab_text(t)", "text", "+", "N N N N - N"),
    ("convert_unit(d, u, 'Cel', w)", "double", 38.0, "S S S . - N"),
    ("d * 2", "double", 5.0, "S S S . - N"),
    ("d / 2", "double", 5.0, "S S S . - N"),
    ("d + 2", "double", 5.0, "S S S . - N"),
    ("d - 2", "double", 5.0, "S S S . - N"),
    ("i::double", "double", 5.0, "S S S . - N"),
    ("d::decimal(19,4)", "decimal(19,4)", Decimal("5.5"), "S S S . - N"),
    ("from_epoch_s(i)", "timestamp", INSTANT, "E E E . - N"),
    ("from_epoch_ms(i)", "timestamp", INSTANT, "E E E . - N"),
    ("from_epoch_us(i)", "timestamp", INSTANT, "E E E . - N"),
    ("excel_serial(d)", "timestamp", INSTANT, "E E E . - N"),
    ("dotnet_ticks(i)", "timestamp", INSTANT, "E E E . - N"),
    ("parse_date(t, 'yyyyMMdd')", "date", date(2021, 6, 1), "E N S . - N"),
    ("local_time(t, 'yyyyMMddHHmmss')", "timestamp", INSTANT, "S N S . - N"),
    ("local_time(t, 'dd.MM.yyyy HH:mm')", "timestamp", INSTANT, "N N N . - N"),
    ("local_date(ts)", "date", date(2021, 6, 1), "S N S . - N"),
    ("split_part(t, '|', 1)", "text", "a", "E N N S - N"),
    ("split_part(t, '|', 2)", "text", "a", "N N N N - N"),
    ("concat(t, '-', u)", "text", "a-b", "E - - - - -"),
    ("icd10_dot(t)", "text", "J01.90", "E E N E E E"),
    ("json_value(t, '$.a')", "text", "a", "N N N N - N"),
    ("mp['tel']", "text", "a", "N N N N - N"),
    ("digits_only(t)", "text", "1", "N N N N - N"),
    ("lower(t)", "text", "a", "N N N N - N"),
    ("upper(t)", "text", "A", "N N N N - N"),
    ("trim(t)", "text", "a", "N N N N - N"),
    ("nfkc(t)", "text", "a", "N N N N - N"),
    ("regexp_replace(t, 'a', 'b')", "text", "a", "N N N N - N"),
    ("substr(t, 2)", "text", "a", "N N N N - N"),
    ("coalesce(t, u)", "text", "a", "E E E E E E"),
    ("case when i > 5 then t else u end", "text", "a", "S S S S - S"),
]


@pytest.mark.parametrize(("expression", "type", "value", "letters"), ROWS, ids=[row[0] for row in ROWS])
def test_each_kind_of_predicate_becomes_what_the_table_says(expression, type, value, letters):
    compiled = compile_expression(expression, parse_type(type))
    sets = {
        "= IN": ValueSet.of(value),
        "<>": ValueSet.of(value).complement().without_null(),
        "range": ValueSet.range(value, None),
        "like": ValueSet.prefix(value) if isinstance(value, str) else NOT_NULL,
        "is null": NULL_ONLY,
        "is not null": NOT_NULL,
    }
    found = [verdict(compiled.invert(Atom("v", sets[kind]))) for kind in KINDS]
    wanted = letters.split()
    if wanted[1] == "S" and found[1] == "N":  # the two sides of the point, widened, meet: a superset that only asks for a value
        found[1] = "S"
    assert [a for a, b in zip(found, wanted) if b != "."] == [b for b in wanted if b != "."]


@pytest.mark.parametrize(("expression", "type", "value", "letters"), ROWS, ids=[row[0] for row in ROWS])
def test_the_classes_carry_the_table_as_data(expression, type, value, letters):
    node = compile_expression(expression, parse_type(type)).columns["v"]
    if isinstance(node, Call):
        stated = FUNCTIONS[node.function].verdicts_of(node)
        data = [stated.equal, stated.unequal, stated.range, stated.like, stated.null, stated.not_null]
        assert [a for a, b in zip(data, letters.split()) if b != "."] == [b for b in letters.split() if b != "."]


def test_a_sum_with_declared_bounds_sends_bounds_but_no_inequality(compiled):
    """`day_ms + second * 1000`, where the second of the day is declared to lie between 0 and 86399."""
    binding = compiled["hosp_a", "vital_sign"]
    point, rest = ValueSet.of(INSTANT), ValueSet.of(INSTANT).complement().without_null()
    assert [verdict(binding.invert(Atom("effective_at", wanted))) for wanted in (point, ValueSet.range(INSTANT, None))] == ["S", "S"]
    assert verdict(binding.invert(Atom("effective_at", NOT_NULL))) == "-"
    assert not is_exact(binding.invert(Atom("effective_at", rest)))


def verdict(condition: Condition) -> str:
    if isinstance(condition, Unknown):
        return "-"
    if is_exact(condition):
        return "E"
    return "N" if all(test.wanted.is_not_null for test in parts_of(condition)) else "S"


def parts_of(condition: Condition) -> list[Test]:
    match condition:
        case Test():
            return [condition]
        case AllOf(parts=inner) | AnyOf(arms=inner):
            return [test for part in inner for test in parts_of(part)]
        case _:
            return []
