"""Trino's names of types, and what a declared type takes."""

from __future__ import annotations

import pytest

from adapters.trino.types import FoundType, fits, found_type, raw_type
from catalog.types import parse_type


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("bigint", FoundType("bigint")),
        ("varchar(25)", FoundType("varchar", (25,))),
        ("decimal(38, 10)", FoundType("decimal", (38, 10))),
        ("timestamp(6) with time zone", FoundType("timestamp with time zone", (6,))),
        ("timestamp(3)", FoundType("timestamp", (3,))),
        ("time(0) with time zone", FoundType("time with time zone", (0,))),
        ("INTERVAL DAY TO SECOND", FoundType("INTERVAL DAY TO SECOND")),
        ("array(array(char(2)))", FoundType("array", (), (("", FoundType("array", (), (("", FoundType("char", (2,))),))),))),
        ("map(varchar, decimal(2,1))", FoundType("map", (), (("", FoundType("varchar")), ("", FoundType("decimal", (2, 1)))))),
        ("row(bigint, varchar(1))", FoundType("row", (), (("", FoundType("bigint")), ("", FoundType("varchar", (1,)))))),
        (
            'row("Seq, no(1)" bigint, timestamp timestamp(3) with time zone, "a""b" double)',
            FoundType(
                "row",
                (),
                (
                    ("Seq, no(1)", FoundType("bigint")),
                    ("timestamp", FoundType("timestamp with time zone", (3,))),
                    ('a"b', FoundType("double")),
                ),
            ),
        ),
    ],
)
def test_types_are_read_as_trino_writes_them(text: str, found: FoundType) -> None:
    assert found_type(text) == found


@pytest.mark.parametrize("text", ["", "(", "bigint)", "row(", "varchar(3) x", "array(", "row(a", "decimal(,)"])
def test_what_is_no_type_is_taken_by_no_declaration(text: str) -> None:
    for declared in ("text", "integer", "list(text)", "struct(a text)", "decimal(5,2)"):
        assert not fits(found_type(text), parse_type(declared))
    assert raw_type(found_type(text)) is None


@pytest.mark.parametrize(
    ("text", "declared"),
    [
        ("tinyint", "integer"),
        ("char(3)", "text"),
        ("decimal(5,2)", "decimal(7,3)"),
        ("real", "double"),
        ("timestamp(12)", "local_timestamp"),
        ("timestamp(0) with time zone", "timestamp"),
        ("varchar(36)", "uuid"),
        ("array(row(seq integer, Code varchar(9)))", "list(struct(seq integer, code text))"),
        ("map(date, array(real))", "map(date, list(double))"),
    ],
)
def test_declared_types_take_what_they_hold_without_loss(text: str, declared: str) -> None:
    assert fits(found_type(text), parse_type(declared))


@pytest.mark.parametrize(
    ("text", "declared"),
    [
        ("varchar", "integer"),
        ("bigint", "text"),
        ("decimal(5,2)", "decimal(5,3)"),
        ("decimal(5,2)", "decimal(5,1)"),
        ("bigint", "decimal(38,0)"),
        ("double", "integer"),
        ("timestamp(3)", "timestamp"),
        ("timestamp(3) with time zone", "local_timestamp"),
        ("json", "text"),
        ("uuid", "text"),
        ("row(a bigint, b bigint)", "struct(a integer)"),
        ("row(b bigint, a bigint)", "struct(a integer, b integer)"),
        ("array(json)", "list(text)"),
    ],
)
def test_any_other_pair_is_drift(text: str, declared: str) -> None:
    assert not fits(found_type(text), parse_type(declared))
