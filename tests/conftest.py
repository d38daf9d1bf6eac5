"""Fixtures of the whole: the embedded region as an engine, and the oracle of expected rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from gateway.engine import Engine
    from tests.region.oracle import Oracle
    from tests.region.vocabulary import Vocabulary


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="rewrite tests/plans/*.txt with the plans of today")


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):  # the process that reports, not one of its workers
        from tests.engine_minutes import EngineMinutes

        config.pluginmanager.register(EngineMinutes())


@pytest.fixture(scope="session")
def region_engine() -> Iterator[Engine]:
    """The engine over the example region. Session-wide: the engine must stand any statement that a test gives it."""
    from tests.region.region import open_region

    with open_region() as engine:
        yield engine


@pytest.fixture(scope="session")
def oracle() -> Oracle:
    """The expected rows of all eight tables, typed, in one DuckDB."""
    from tests.region.oracle import open_oracle

    return open_oracle()


@pytest.fixture(scope="session")
def vocabulary(oracle: Oracle) -> Vocabulary:
    """The constants of random statements."""
    from tests.region.vocabulary import read_vocabulary

    return read_vocabulary(oracle)
