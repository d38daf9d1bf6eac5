"""Runs projections in DuckDB, as the runtime does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import duckdb
import pyarrow as pa

from adapters.arrow_types import arrow_type
from catalog.binding import CompiledBinding, LookupTable


def make_lookups(connection: duckdb.DuckDBPyConnection, tables: Sequence[LookupTable]) -> None:
    for table in tables:
        schema = pa.schema([pa.field(name, arrow_type(type)) for name, type in table.columns])
        rows = pa.Table.from_pylist([dict(zip(schema.names, row)) for row in table.rows], schema=schema)
        connection.register("lookup_rows", rows)
        connection.execute(f'create table if not exists "{table.name}" as select * from lookup_rows')
        connection.unregister("lookup_rows")


def project(connection: duckdb.DuckDBPyConnection, compiled: CompiledBinding, columns: Sequence[str], source: str = "raw_rows") -> pa.Table:
    """The projection over the rows of a table of the connection, which gives only the raw columns that it asks for."""
    projection = compiled.project(tuple(columns))
    make_lookups(connection, projection.tables)
    chosen = ", ".join(f'"{name}"' for name in projection.raw_columns)
    text = projection.query.sql(dialect="duckdb")
    return connection.sql(f"with raw as (select {chosen} from {source}) {text}").to_arrow_table()


def rows_of(table: pa.Table) -> list[dict[str, Any]]:
    return table.to_pylist()
