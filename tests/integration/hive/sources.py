"""Sources over a test's HiveServer2."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from adapters.hive import HiveAdapter, open_source
from catalog.model import Source
from catalog.source_tables import SqlTable
from tests.servers.hive import HiveServer


def opened(server: HiveServer, database: str, tables: Mapping[str, SqlTable] | None = None, **options: Any) -> HiveAdapter:
    """An adapter of a database. A secured server is asked as its keeper unless the options say otherwise (None: option not given)."""
    if server.authentication == "NOSASL":
        options = {"auth": "nosasl", **options}
    if server.certificate is not None:
        account = {"auth": "ldap", "user": server.user, "password": server.password}
        options = {**account, "tls": "verify", "tls_ca": str(server.certificate), **options}
    options = {name: value for name, value in options.items() if value is not None}
    source = Source(
        node="hosp_b",
        name="hive",
        adapter="hive",
        url=server.url(database),
        options=options,
        zone="America/New_York",
        tables=dict(tables or {}),
    )
    return open_source(source)
