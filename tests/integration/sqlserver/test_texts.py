"""Texts whose equality the source sees otherwise than the gateway: the same rows with pushdown on and off, and the index still served."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from adapters.testing.sample import arrow_table
from catalog.loader import load_catalog
from catalog.source_tables import SqlTable
from gateway.engine import Engine
from gateway.limits import Limits
from tests.adapters.duckdb.test_text_files import table
from tests.integration.sqlserver.sources import open_over
from tests.region.harness import ask, context

if TYPE_CHECKING:
    from tests.servers.tds import TdsServer

NAMES: list[str | None] = [
    "smith", "SMITH", "Smith", "SMITH  ", "smith ", " smith", "Smíth", "smíth", "ＳＭＩＴＨ", "sm\u0131th", "straße", "strasse", "STRASSE",
    "ﬀ", "ff", "?", "😀", "", " ", None, "smi", "smith%", "smith_", "[smith]",
]  # fmt: skip
LATIN = [name for name in NAMES if name is None or all(ord(sign) < 0x100 for sign in name)]
ASCII = [name for name in NAMES if name is None or all(ord(sign) < 0x80 for sign in name)]

PEOPLE = table("people", id="integer", called="text")
VISITS = table("visits", visit="integer", who="text")

TYPES = {
    "database": ("nvarchar(40)", NAMES),
    "accents ignored": ("nvarchar(40) COLLATE Latin1_General_100_CI_AI", NAMES),
    "case minded": ("nvarchar(40) COLLATE Latin1_General_100_CS_AS", NAMES),
    "binary": ("nvarchar(40) COLLATE Latin1_General_100_BIN2", NAMES),
    "code page": ("varchar(40) COLLATE SQL_Latin1_General_CP1_CI_AS", LATIN),
    "utf-8": ("varchar(200) COLLATE Latin1_General_100_CI_AS_SC_UTF8", NAMES),
    "double bytes": ("varchar(80) COLLATE Chinese_PRC_CI_AS", [*ASCII, "李", "李雷"]),
    "without a bound": ("nvarchar(max)", NAMES),
}

FILES = {
    "tables/person.yaml": """
        table: person
        description: people
        key: [node, person_id]
        columns:
          person_id: {type: text, nullable: false, description: number}
          name: {type: text, description: name}
    """,
    "tables/visit.yaml": """
        table: visit
        description: visits, with the name of the person written again
        key: [node, visit_id]
        columns:
          visit_id: {type: text, nullable: false, description: number}
          who: {type: text, description: name}
          name: {type: text, description: the name as the person has it}
    """,
    "nodes/hosp/node.yaml": """
        node: hosp
        title: A hospital
        zone: UTC
        sources:
          mssql:
            adapter: sqlserver
            url: sqlserver://localhost/x
            tables:
              people: {columns: {id: integer not null, called: text}, key: [id]}
              visits: {columns: {visit: integer not null, who: text}, key: [visit]}
    """,
    "nodes/hosp/person.yaml": """
        table: person
        source: mssql
        from: people
        columns: {person_id: 'id::varchar', name: called}
    """,
    "nodes/hosp/visit.yaml": """
        table: visit
        source: mssql
        from: visits v left join people p on p.called = v.who
        columns: {visit_id: "concat(v.visit::varchar, '-', p.id::varchar)", who: v.who, name: p.called}
    """,
    "policies/demo.yaml": """
        role: demo
        tables: {person: {}, visit: {}}
    """,
}

STATEMENTS = [
    "SELECT person_id, name FROM person WHERE name = 'smith'",
    "SELECT person_id, name FROM person WHERE name = 'SMITH  '",
    "SELECT person_id, name FROM person WHERE name = ''",
    "SELECT person_id, name FROM person WHERE name = '?'",
    "SELECT person_id, name FROM person WHERE name = 'ﬀ'",
    "SELECT person_id, name FROM person WHERE name = '李'",
    "SELECT person_id, name FROM person WHERE name <> 'smith'",
    "SELECT person_id, name FROM person WHERE name IN ('SMITH', 'Smíth', '', 'nobody')",
    "SELECT person_id, name FROM person WHERE name NOT IN ('SMITH', 'strasse', '')",
    "SELECT person_id, name FROM person WHERE name IS NULL OR name = 'strasse'",
    "SELECT person_id, name FROM person WHERE NOT (name = 'smith' OR name = 'STRASSE')",
    "SELECT person_id, name FROM person WHERE name LIKE 'smi%'",
    "SELECT person_id, name FROM person WHERE name LIKE 'smith_'",
    "SELECT person_id, name FROM person WHERE name LIKE '%[%'",
    "SELECT person_id, name FROM person WHERE name > 'S' AND name <= 'smith'",
    "SELECT person_id, name FROM person WHERE lower(name) = 'smith'",
    "SELECT name, count(*) AS n FROM person GROUP BY name",
    "SELECT DISTINCT name FROM person",
    "SELECT name FROM person WHERE name <> '' ORDER BY name LIMIT 7",
    "SELECT count(DISTINCT name) AS n FROM person",
    "SELECT a.person_id AS one, b.person_id AS other FROM person a JOIN person b ON a.name = b.name",
    "SELECT visit_id, who, name FROM visit",
    "SELECT visit_id FROM visit WHERE name = 'smith' AND who = 'smith'",
    "SELECT v.visit_id, p.person_id FROM visit v JOIN person p ON p.name = v.who WHERE p.name IN ('smith', 'SMITH')",
]


@contextmanager
def opened(server: TdsServer, folder: Path, type: str, names: list[str | None]) -> Iterator[Engine]:
    """An engine over one hospital whose names are of this type."""
    for path, text in FILES.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        lines = text.splitlines()
        file.write_text("\n".join(line[8:] for line in lines[1:]))
    adapter = open_over(server, tables(names), {"people": {"called": type}, "visits": {"who": type}})
    engine = Engine(load_catalog(folder), lambda node, source: adapter, Limits(), b"a key of the tests, 32 bytes long"[:32])
    try:
        yield engine
    finally:
        engine.close()
        adapter.close()


def tables(names: list[str | None]) -> dict[str, tuple[SqlTable, pa.Table]]:
    people = arrow_table(PEOPLE, [list(range(len(names))), names])
    visits = arrow_table(VISITS, [list(range(len(names) * 2)), [*names, *reversed(names)]])
    return {"people": (PEOPLE, people), "visits": (VISITS, visits)}


def rows(engine: Engine, sql: str, pushdown: str) -> list[str]:
    """As a bag, but for ORDER BY."""
    found = [repr(tuple(row.values())) for row in ask(engine, sql, context(pushdown)).rows.to_pylist()]
    return found if "ORDER BY" in sql else sorted(found)


@pytest.mark.parametrize("type", TYPES)
def test_rows_are_the_same_with_pushdown_on_and_off(type: str, tds_server: TdsServer, tmp_path: Path) -> None:
    with opened(tds_server, tmp_path, *TYPES[type]) as engine:
        for sql in STATEMENTS:
            assert rows(engine, sql, "on") == rows(engine, sql, "off"), sql


def test_the_rows_are_those_that_plain_python_finds(tds_server: TdsServer, tmp_path: Path) -> None:
    def named(*wanted: str) -> list[str]:
        return sorted(repr((str(place), name)) for place, name in enumerate(NAMES) if name in wanted)

    with opened(tds_server, tmp_path, *TYPES["database"]) as engine:
        for wanted in (("smith",), ("SMITH  ",), ("",), ("ﬀ",), ("SMITH", "Smíth", "strasse")):
            listed = ", ".join(f"'{name}'" for name in wanted)
            assert rows(engine, f"SELECT person_id, name FROM person WHERE name IN ({listed})", "on") == named(*wanted)
        joined = rows(engine, "SELECT visit_id, who, name FROM visit", "on")
        # Each of the 23 names is written twice in visits and once in people; NULL meets nobody, and its two visits stay.
        assert len(joined) == 2 * len(NAMES)
        assert sum("None, None" in row for row in joined) == 2


def test_the_statement_that_is_sent_keeps_the_predicate_that_an_index_serves(tds_server: TdsServer, tmp_path: Path) -> None:
    with opened(tds_server, tmp_path, *TYPES["code page"]) as engine:
        tds_server.forget_statements()
        assert len(rows(engine, "SELECT person_id FROM person WHERE name = 'smith'", "on")) == 1
        (sent,) = [statement for statement in tds_server.statements() if "[people]" in statement]
    seek, truth, length = sent.partition(" WHERE ")[2].split(" AND ")
    assert seek.startswith("([t].[called] = CAST(CAST(@P1 AS NVARCHAR(4000)) COLLATE SQL_Latin1_General_CP1_CI_AS AS VARCHAR(40))")
    assert "CAST([t].[called] AS NVARCHAR(40)) COLLATE Latin1_General_100_BIN2 = " in truth
    assert "DATALENGTH" in length


def test_the_source_alone_would_give_other_rows(tds_server: TdsServer) -> None:
    """What all this is for: the server's own answer to name = 'smith'."""
    adapter = open_over(tds_server, tables(NAMES))
    found = tds_server.execute_ddl("SELECT called FROM dbo.people WHERE called = N'smith'", adapter.database)
    adapter.close()
    assert {"smith", "SMITH", "Smith", "SMITH  ", "smith "} <= {row[0] for row in found}
