"""A schema for each test, and tables in it written as SQL."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from psycopg import sql

from adapters.interface import ReadContext, Scan, SourceError
from adapters.postgres import PostgresAdapter
from adapters.testing.conformance import read_all, rows_of
from catalog.conditions import Condition, Term, Test
from catalog.relations import TableRelation
from catalog.source_tables import RawColumn, SqlTable
from catalog.types import parse_type
from catalog.values import ValueSet
from tests.integration.postgres.tables import opened, schema_of_its_own

if TYPE_CHECKING:
    from tests.servers.postgres import PostgresServer


@dataclass(frozen=True, slots=True)
class Ward:
    """A schema with an adapter over it. `run` runs statements as the owner, with the schema first in the search path."""

    server: PostgresServer
    schema: str
    adapter: PostgresAdapter
    database: str | None = None

    def run(self, *statements: str) -> None:
        with self.server.connect(self.database) as connection:
            connection.execute(sql.SQL("SET search_path = {}, public").format(sql.Identifier(self.schema)))
            for statement in statements:
                connection.execute(statement)

    def read(self, table: SqlTable, *conditions: Condition, columns: tuple[str, ...] = ()) -> list[dict[str, Any]]:
        """All rows under conditions that the adapter has taken."""
        wanted = columns or tuple(column.name for column in table.columns)
        scan = Scan(relation=TableRelation(table=table), columns=wanted, conditions=conditions)
        return rows_of(read_all(self.adapter, scan))


@pytest.fixture
def ward(postgres_server: PostgresServer) -> Iterator[Ward]:
    with schema_of_its_own(postgres_server) as schema:
        adapter = opened(postgres_server, schema)
        yield Ward(postgres_server, schema, adapter)
        adapter.close()


def declared(name: str, **types: str) -> SqlTable:
    return SqlTable(name=name, columns=tuple(RawColumn(name=column, type=parse_type(type)) for column, type in types.items()))


BIG = declared("big", n="integer", filler="text")
SCAN = Scan(relation=TableRelation(table=BIG), columns=("n", "filler"))
ALL_NUMBERS = (Test(Term("n"), ValueSet.range(0)),)
"""A condition that all rows fulfil: such a statement has a parameter, and its rows come as records, not by COPY."""

ONE = Scan(relation=TableRelation(table=BIG), columns=("n",), conditions=(Test(Term("n"), ValueSet.of(7)),))


@pytest.fixture
def big(ward: Ward) -> Ward:
    """40,000 rows of a kilobyte: more than the sockets between hold."""
    ward.run("CREATE TABLE big AS SELECT i AS n, repeat(chr(65 + i % 26), 1000) AS filler FROM generate_series(1, 40000) AS i")
    return ward


def context(seconds: float = 20, **limits: Any) -> ReadContext:
    return ReadContext(deadline=time.monotonic() + seconds, **limits)


def one_row(adapter: PostgresAdapter) -> list[dict[str, Any]]:
    return rows_of(read_all(adapter, ONE, context()))


def failing(run: Callable[[], object], within: float) -> SourceError:
    """The error, which must come within so many seconds."""
    started = time.monotonic()
    with pytest.raises(SourceError) as caught:
        run()
    assert time.monotonic() - started < within
    return caught.value
