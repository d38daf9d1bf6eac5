"""The conformance suite against a real Trino. Its tables are in the memory catalog, each test's in a schema of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pytest

from adapters.interface import Adapter
from adapters.testing.conformance import ConformanceSuite, Tables
from tests.integration.trino.tables import adapter, new_schema, put
from tests.servers.trino import TrinoServer


class TestTrino(ConformanceSuite):
    server: ClassVar[TrinoServer]
    schema: str

    @pytest.fixture(autouse=True)
    def _ground(self, trino_server: TrinoServer) -> Iterator[None]:
        type(self).server = trino_server
        with new_schema(trino_server) as self.schema:
            yield

    def open_adapter(self, tables: Tables, folder: Path) -> Adapter:
        put(self.server, self.schema, tables)
        return adapter(self.server.url("memory", self.schema))
