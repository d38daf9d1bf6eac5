"""The region on real engines, loaded once per session."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.integration.region.real_region import RealRegion, load_region
from tests.servers.engines import started

if TYPE_CHECKING:
    from gateway.engine import Engine
    from tests.servers.hbase import HBaseServer
    from tests.servers.hive import HiveServer
    from tests.servers.tds import TdsServer


@pytest.fixture(scope="session")
def real_region(
    hbase_server: HBaseServer, hive_server: HiveServer, tds_server: TdsServer, tmp_path_factory: pytest.TempPathFactory
) -> RealRegion:
    return started("the region", lambda: load_region(hbase_server, hive_server, tds_server, tmp_path_factory.mktemp("region")))


@pytest.fixture(scope="session")
def real_engine(real_region: RealRegion) -> Iterator[Engine]:
    """One engine for the session: whatever a test does to a server, the next query must work with the same engine."""
    from gateway.app import open_engine
    from gateway.settings import load_settings

    os.environ.update(real_region.secrets)  # read once, when a source is first opened
    engine = open_engine(load_settings(config=real_region.config, environment={}))
    try:
        yield engine
    finally:
        engine.close()
        for name in real_region.secrets:
            del os.environ[name]
