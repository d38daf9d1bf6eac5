"""The engines, each started once per session and shared. Everything in this folder is marked `integration` and runs in one process."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.servers.engines import started

if TYPE_CHECKING:
    from tests.servers.hbase import HBaseServer
    from tests.servers.hdfs import HdfsServer
    from tests.servers.hive import HiveServer
    from tests.servers.postgres import PostgresServer
    from tests.servers.tds import TdsServer
    from tests.servers.trino import TrinoServer

_HERE = Path(__file__).parent


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if _HERE in item.path.parents:
            item.add_marker(pytest.mark.integration)
            item.add_marker(pytest.mark.xdist_group("engines"))


def _server(name: str, factory: pytest.TempPathFactory) -> Iterator[Any]:
    """tests.servers.<name>.start(folder) -> a server with stop()."""
    server = started(name, lambda: import_module(f"tests.servers.{name}").start(factory.mktemp(name)))
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def hbase_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HBaseServer]:
    yield from _server("hbase", tmp_path_factory)


@pytest.fixture(scope="session")
def hdfs_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HdfsServer]:
    yield from _server("hdfs", tmp_path_factory)


@pytest.fixture(scope="session")
def hive_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HiveServer]:
    yield from _server("hive", tmp_path_factory)


@pytest.fixture(scope="session")
def tds_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TdsServer]:
    yield from _server("tds", tmp_path_factory)


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    yield from _server("postgres", tmp_path_factory)


@pytest.fixture(scope="session")
def trino_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TrinoServer]:
    yield from _server("trino", tmp_path_factory)
