"""A database per test, gone when the test is over."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.servers.hive import HiveServer


@pytest.fixture
def database(hive_server: HiveServer) -> Iterator[str]:
    name = hive_server.new_database()
    yield name
    hive_server.drop_database(name)
