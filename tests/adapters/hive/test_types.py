"""Hive's spelling of types, and which declared types may be read from them."""

from __future__ import annotations

import pytest

from adapters.hive.hive_types import fits, parse_hive_type, raw_type
from catalog.types import parse_type

SPELLED = {
    "bigint": "bigint",
    "tinyint": "integer",
    "varchar(20)": "text",
    "char(5)": "text",
    "float": "double",
    "timestamp": "local_timestamp",
    "timestamp with local time zone": "timestamp",
    "timestamp with local time zone('US/Pacific')": "timestamp",
    "decimal(20,4)": "decimal(20,4)",
    "decimal(5)": "decimal(5,0)",
    "decimal": "decimal(10,0)",
    "array<struct<seq:bigint,code:string>>": "list(struct(seq bigint, code text))",
    "map<string,array<decimal(10,2)>>": "map(text,list(decimal(10,2)))",
    "struct<a:map<string,string>,b:struct<c:date>>": "struct(a map(text,text), b struct(c date))",
}


@pytest.mark.parametrize("spelled", SPELLED)
def test_a_type_is_read_as_hive_spells_it(spelled: str) -> None:
    found = raw_type(parse_hive_type(spelled))
    assert str(found) == SPELLED[spelled]
    assert found is not None and fits(parse_hive_type(spelled), found)


@pytest.mark.parametrize(
    "spelled", ["map<bigint,string>", "array<binary>", "uniontype<int,string>", "interval_day_time", "void", "array<map<int,int>>"]
)
def test_what_cannot_be_read_has_no_raw_type(spelled: str) -> None:
    assert raw_type(parse_hive_type(spelled)) is None


@pytest.mark.parametrize("text", ["", "array<int", "struct<a>", "int>", "decimal(a)"])
def test_what_is_not_a_type_is_an_error(text: str) -> None:
    with pytest.raises(ValueError):
        parse_hive_type(text)


@pytest.mark.parametrize(
    ("spelled", "declared"),
    [
        ("string", "integer"),
        ("bigint", "text"),
        ("decimal(12,2)", "decimal(10,2)"),
        ("decimal(10,3)", "decimal(12,2)"),
        ("timestamp", "timestamp"),
        ("double", "decimal(10,2)"),
        ("array<string>", "list(integer)"),
        ("struct<a:string>", "struct(b text)"),
        ("map<string,string>", "map(text,integer)"),
    ],
)
def test_another_type_than_declared_does_not_fit(spelled: str, declared: str) -> None:
    assert not fits(parse_hive_type(spelled), parse_type(declared))


def test_names_of_fields_have_no_case() -> None:
    assert fits(parse_hive_type("struct<given:string>"), parse_type("struct(Given text)"))
