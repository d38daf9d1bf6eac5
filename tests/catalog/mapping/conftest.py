"""The example region, loaded and compiled once."""

from __future__ import annotations

import duckdb
import pytest

from catalog.loader import load_catalog
from catalog.mapping import MappedBinding, compile_binding
from catalog.model import CatalogSnapshot
from tests.catalog.mapping.raw_rows import REGION, make_raw


@pytest.fixture(scope="session")
def snapshot() -> CatalogSnapshot:
    return load_catalog(REGION)


@pytest.fixture(scope="session")
def compiled(snapshot: CatalogSnapshot) -> dict[tuple[str, str], MappedBinding]:
    """Every binding of the region by (node, table)."""
    return {
        (binding.node, binding.table): compile_binding(binding, snapshot.tables[binding.table], snapshot.lookups, snapshot.units)
        for binding in snapshot.bindings
    }


@pytest.fixture(scope="session")
def raw_databases(snapshot: CatalogSnapshot) -> dict[tuple[str, str], duckdb.DuckDBPyConnection]:
    """For each binding a database whose table `raw_rows` has all its raw rows. The session's zone is far from the data's."""
    found: dict[tuple[str, str], duckdb.DuckDBPyConnection] = {}
    for binding in snapshot.bindings:
        connection = duckdb.connect(config={"threads": 2})
        connection.execute("set timezone = 'Asia/Tokyo'")
        make_raw(connection, binding.relation, "raw_rows")
        found[binding.node, binding.table] = connection
    return found
