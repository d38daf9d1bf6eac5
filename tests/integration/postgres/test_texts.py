"""Texts are equal if they are the same characters, whatever the database's collations, padding and encoding hold of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from adapters.interface import Scan, SourceError
from adapters.testing.conformance import read_all, rows_of
from adapters.testing.sample import VALUES
from adapters.testing.value_sets import sets_of
from catalog.conditions import Term, Test, holds
from catalog.relations import Join, JoinRelation
from catalog.values import ValueSet
from tests.integration.postgres.conftest import Ward, declared
from tests.integration.postgres.tables import opened

if TYPE_CHECKING:
    from tests.servers.postgres import PostgresServer

NAMES = ["smith", "SMITH", "Smíth", "smith ", "Smi\u0301th", "smıth", "straße", "STRASSE", "", " "]
COLLATIONS = {
    "the database's": "",
    "German": 'COLLATE "de-x-icu"',
    "bytes": 'COLLATE "C"',
    "loose": "COLLATE loose",
}
LOOSE = "CREATE COLLATION loose (provider = icu, locale = 'und-u-ks-level1', deterministic = false)"


@pytest.mark.parametrize("collation", COLLATIONS)
def test_every_set_of_texts_is_exact_under_any_collation(collation: str, ward: Ward) -> None:
    ward.run(LOOSE, f"CREATE TABLE v (x text {COLLATIONS[collation]})", "CREATE INDEX ON v (x)")
    values = [*NAMES, *VALUES["text"]]
    with ward.server.connect() as connection:
        connection.cursor().executemany(f'INSERT INTO "{ward.schema}".v VALUES (%s)', [(value,) for value in values])
    table = declared("v", x="text")
    tests = [Test(Term("x"), wanted) for wanted in sets_of("text")]
    tests += [Test(Term("x"), wanted) for name in NAMES for wanted in (ValueSet.of(name), ValueSet.of(name).complement())]
    tests.append(Test(Term("x"), ValueSet.of("smith", "Smíth", "nobody")))
    for test in tests:
        found = [row["x"] for row in ward.read(table, test)]
        assert sorted(found) == sorted(value for value in values if holds(test, {"x": value})), test


def test_a_loose_collation_would_have_lied(ward: Ward) -> None:
    """What the exact half of the test is for."""
    ward.run(LOOSE)
    with ward.server.connect() as connection:
        assert connection.execute(f"SELECT 'smith' = 'SMÍTH' COLLATE \"{ward.schema}\".loose").fetchone() == (True,)


def test_a_padded_column_gives_and_finds_its_texts_without_blanks(ward: Ward) -> None:
    ward.run(
        "CREATE TABLE v (id int, x char(6))", "INSERT INTO v VALUES (1, 'ab'), (2, 'ab    '), (3, ' ab'), (4, ''), (5, NULL), (6, 'abc')"
    )
    table = declared("v", id="integer", x="text")

    def ids(wanted: ValueSet) -> list[int]:
        return sorted(row["id"] for row in ward.read(table, Test(Term("x"), wanted)))

    assert ids(ValueSet.of("ab")) == [1, 2]
    assert ids(ValueSet.of("ab ")) == []
    assert ids(ValueSet.of("ab ", "ab")) == [1, 2]
    assert ids(ValueSet.of("")) == [4]
    assert ids(ValueSet.of("ab").complement()) == [3, 4, 5, 6]
    assert ids(ValueSet.range("ab")) == [6]


def test_citext_is_compared_as_the_text_it_is(ward: Ward) -> None:
    with ward.server.connect() as connection:
        if connection.execute("SELECT 1 FROM pg_available_extensions WHERE name = 'citext'").fetchone() is None:
            pytest.skip("this server has no citext")
    ward.run("CREATE EXTENSION citext", "CREATE TABLE v (x citext)", "INSERT INTO v VALUES ('Smith'), ('SMITH')")
    assert ward.read(declared("v", x="text"), Test(Term("x"), ValueSet.of("Smith", "smith"))) == [{"x": "Smith"}]


@pytest.mark.parametrize("types", [("text", 'text COLLATE "de-x-icu"'), ("char(8)", "text"), ("text COLLATE loose", "text COLLATE loose")])
def test_joins_meet_where_the_texts_are_the_same(types: tuple[str, str], ward: Ward) -> None:
    left, right = types
    ward.run(
        LOOSE,
        f"CREATE TABLE a (k {left})",
        f"CREATE TABLE b (k {right}, n int)",
        "INSERT INTO a VALUES ('smith'), ('SMITH'), (NULL), ('')",
        "INSERT INTO b VALUES ('smith', 1), ('Smith', 2), (NULL, 3), ('', 4)",
    )
    relation = JoinRelation(
        alias="a",
        table=declared("a", k="text"),
        joins=(Join(kind="inner", alias="b", table=declared("b", k="text", n="integer"), on=(("a.k", "b.k"),)),),
    )
    found = rows_of(read_all(ward.adapter, Scan(relation=relation, columns=("a.k", "b.n"))))
    assert sorted((row["a.k"], row["b.n"]) for row in found) == [("", 4), ("smith", 1)]


# -------------------------------------------------------------------------------------------------------- encodings


@pytest.fixture(params=["LATIN1", "WIN1252", "EUC_CN"])
def other_encoding(request: pytest.FixtureRequest, postgres_server: PostgresServer) -> Iterator[Ward]:
    name = f"in_{request.param.lower()}"
    with postgres_server.connect("postgres") as connection:
        connection.execute(f"CREATE DATABASE {name} ENCODING '{request.param}' LOCALE 'C' LOCALE_PROVIDER libc TEMPLATE template0")
    try:
        with closing(opened(postgres_server, url=f"postgresql://{postgres_server.host}:{postgres_server.port}/{name}")) as adapter:
            yield Ward(postgres_server, "public", adapter, name)
    finally:
        with postgres_server.connect("postgres") as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def test_texts_of_another_encoding_are_compared_by_code_point(other_encoding: Ward) -> None:
    ward = other_encoding
    values = {
        "in_latin1": ["a", "é", "ÿ", "~", ""],
        "in_win1252": ["a", "€", "ÿ", "œ", "é", "™"],  # byte 80 is U+20AC: bytes and code points differ in order
        "in_euc_cn": ["a", "啊", "中", "丁", "亿"],
    }[ward.database or ""]
    ward.run("CREATE TABLE v (x text)")
    with ward.server.connect(ward.database) as connection:
        connection.cursor().executemany("INSERT INTO v VALUES (%s)", [(value,) for value in values])
    table = declared("v", x="text")
    bounds = [*values, "李", "😀", "Ā"]
    wanted = [made for bound in bounds for made in (ValueSet.of(bound), ValueSet.range(bound), ValueSet.range(high=bound))]
    for one in [*wanted, ValueSet.of(*bounds), ValueSet.of("😀", values[1]).complement()]:
        found = [row["x"] for row in ward.read(table, Test(Term("x"), one))]
        assert sorted(found) == sorted(value for value in values if one.contains(value)), one


def test_a_database_without_an_encoding_is_refused(postgres_server: PostgresServer) -> None:
    with postgres_server.connect("postgres") as connection:
        connection.execute("CREATE DATABASE in_ascii ENCODING 'SQL_ASCII' LOCALE 'C' LOCALE_PROVIDER libc TEMPLATE template0")
    try:
        url = f"postgresql://{postgres_server.host}:{postgres_server.port}/in_ascii"
        with closing(opened(postgres_server, url=url)) as adapter, pytest.raises(SourceError) as caught:
            adapter.describe()
        assert (caught.value.code, "SQL_ASCII" in caught.value.fact) == ("S110", True)
    finally:
        with postgres_server.connect("postgres") as connection:
            connection.execute("DROP DATABASE in_ascii WITH (FORCE)")


# ---------------------------------------------------------------------------------------------------- numbers in text

TEXT_NUMBERS = [
    *VALUES["number_text"],
    *["+7", " 38", "38 ", "3_8", "0x26", "1e400", "-1e400", "nan", "Infinity", "-inf", ".5", "5.", "1e-3", "٣٨", "38\n", "38.0000000000000000001"],
    *["9" * 400, "0." + "0" * 400 + "1", "00038", "1,5", "TRUE", "١"],
]  # fmt: skip


def test_a_number_in_text_loses_no_row_that_duckdb_would_keep(ward: Ward) -> None:
    import duckdb

    ward.run('CREATE TABLE v (x text COLLATE "de-x-icu")')
    with ward.server.connect() as connection:
        connection.cursor().executemany(f'INSERT INTO "{ward.schema}".v VALUES (%s)', [(value,) for value in TEXT_NUMBERS])
    table = declared("v", x="text")
    with duckdb.connect() as oracle:
        numbers = {text: oracle.execute("SELECT TRY_CAST($1 AS DOUBLE)", [text]).fetchone() for text in TEXT_NUMBERS}
    numbers = {text: row[0] for text, row in numbers.items() if row is not None}
    points = ValueSet.of(38.0, 7.0, 1000.0)
    for wanted in (
        points,
        points.complement().without_null(),
        ValueSet.range(37.5),
        ValueSet.range(high=7.0, high_closed=True),
        ValueSet.of(0.1),
    ):
        found = {row["x"] for row in ward.read(table, Test(Term("x", "number"), wanted, exact=False))}
        must = {text for text, number in numbers.items() if number is not None and wanted.contains(number)}
        assert must <= found, wanted
        assert "100.4" not in found or wanted.contains(100.4)
