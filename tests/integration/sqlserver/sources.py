"""Opens the adapter over the test server, each test in a database of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pyarrow as pa

from adapters.sqlserver import SqlServerAdapter, open_source
from catalog.model import Source
from catalog.source_tables import SqlTable

if TYPE_CHECKING:
    from tests.servers.tds import TdsServer

Tables = Mapping[str, tuple[SqlTable, pa.Table]]
Types = Mapping[str, Mapping[str, str]]
"""Table to column to T-SQL type, where it is not the server's usual one."""


def source_of(server: TdsServer, database: str | None = None, tables: Mapping[str, SqlTable] | None = None, **options: Any) -> Source:
    given = {"user": server.user, "password": server.password, "tls": "off", **options}
    url = f"sqlserver://{server.host}:{server.port}/{database or server.database}"
    return Source(node="hosp", name="mssql", adapter="sqlserver", url=url, options=given, zone="UTC", tables=tables or {})


def open_over(server: TdsServer, tables: Tables, types: Types | None = None, **options: Any) -> SqlServerAdapter:
    """The adapter over a new database with these tables. A table may have fewer columns than it is declared with."""
    database = f"test_{uuid4().hex[:12]}"
    server.execute_ddl(f"CREATE DATABASE [{database}]")
    for table, rows in tables.values():
        there = SqlTable(name=table.name, columns=tuple(c for c in table.columns if c.name in rows.schema.names), key=table.key)
        server.load(there, rows, types=(types or {}).get(table.name), database=database)
    return open_source(source_of(server, database, {name: table for name, (table, _) in tables.items()}, **options))
