"""The conformance suite over external tables: Parquet, where every kind fits, and ORC for what its statistics make dangerous."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.hive import HiveAdapter
from adapters.interface import Adapter
from adapters.testing.conformance import ConformanceSuite, Tables
from tests.integration.hive.sources import opened
from tests.servers.hive import HiveServer


class ServerOfTheSuite:
    """A database for each adapter that a test opens, dropped when the test is over."""

    server: HiveServer

    @pytest.fixture(autouse=True)
    def _on_the_server(self, hive_server: HiveServer) -> Iterator[None]:
        self.server = hive_server
        self.databases: list[str] = []
        yield
        for name in self.databases:
            hive_server.drop_database(name)

    def database(self) -> str:
        self.databases.append(self.server.new_database())
        return self.databases[-1]

    def adapter(self, database: str, tables: Tables) -> HiveAdapter:
        return opened(self.server, database, {name: table for name, (table, _) in tables.items()})


class TestHiveOverParquet(ServerOfTheSuite, ConformanceSuite):
    def open_adapter(self, tables: Tables, folder: Path) -> Adapter:
        database = self.database()
        for table, rows in tables.values():
            self.server.load(table, rows, database)
        return self.adapter(database, tables)
