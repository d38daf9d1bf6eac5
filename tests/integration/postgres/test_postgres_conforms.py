"""The PostgreSQL adapter keeps the contract over a real server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from adapters.interface import Adapter
from adapters.testing.conformance import ConformanceSuite, Tables
from adapters.testing.value_sets import ORDERED_KINDS
from tests.integration.postgres.tables import opened, put, schema_of_its_own

if TYPE_CHECKING:
    from tests.servers.postgres import PostgresServer


class TestPostgres(ConformanceSuite):
    kinds = (*ORDERED_KINDS, "list", "struct_list", "struct")  # PostgreSQL has no map

    @pytest.fixture(autouse=True)
    def _server(self, postgres_server: PostgresServer) -> Iterator[None]:
        self.server = postgres_server
        with schema_of_its_own(postgres_server) as self.schema:
            yield

    def open_adapter(self, tables: Tables, folder: Path) -> Adapter:
        with self.server.connect() as connection:
            for table, rows in tables.values():
                put(connection, self.schema, table, rows)
        return opened(self.server, self.schema)
