"""Random conditions of any depth over every type: PostgreSQL returns the rows for which they hold in plain Python."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.interface import Exactness, Scan
from adapters.postgres import PostgresAdapter
from adapters.testing.conformance import read_all
from adapters.testing.relations import matching
from catalog.conditions import Condition, is_exact
from tests.adapters.duckdb.test_random_conditions import ARROW, CONDITIONS, RELATION, ROWS, TABLE
from tests.integration.postgres.tables import opened, put, schema_of_its_own

if TYPE_CHECKING:
    from tests.servers.postgres import PostgresServer


@pytest.fixture(scope="module")
def sampled(postgres_server: PostgresServer) -> Iterator[PostgresAdapter]:
    with schema_of_its_own(postgres_server) as schema:
        with postgres_server.connect() as connection:
            put(connection, schema, TABLE, ARROW)
        adapter = opened(postgres_server, schema)
        yield adapter
        adapter.close()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(CONDITIONS, min_size=1, max_size=3))
def test_the_rows_are_those_for_which_the_conditions_hold(sampled: PostgresAdapter, conditions: list[Condition]) -> None:
    verdicts = sampled.classify(Scan(relation=RELATION, columns=("id",), conditions=tuple(conditions)))
    assert [verdict.exactness is Exactness.EXACT for verdict in verdicts] == [is_exact(condition) for condition in conditions]
    scan = Scan(relation=RELATION, columns=("id",), conditions=tuple(verdict.pushed for verdict in verdicts))
    found = sorted(value for batch in read_all(sampled, scan) for value in batch.column(0).to_pylist())
    assert found == sorted(row["id"] for row in matching(ROWS, tuple(conditions)))
