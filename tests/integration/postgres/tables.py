"""Arrow tables put into PostgreSQL, each test's in a schema of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import psycopg
import pyarrow as pa
from psycopg import sql

from adapters.postgres import PostgresAdapter, open_source
from catalog.model import Source
from catalog.source_tables import SqlTable
from catalog.types import Type

if TYPE_CHECKING:
    from tests.servers.postgres import PostgresServer

_TYPES = {
    "text": "text",
    "uuid": "uuid",
    "integer": "bigint",
    "bigint": "bigint",
    "double": "double precision",
    "boolean": "boolean",
    "date": "date",
    "timestamp": "timestamptz",
    "local_timestamp": "timestamp",
    "bytes": "bytea",
}


def source(server: PostgresServer, schema: str = "public", url: str = "", **options: object) -> Source:
    """A source over the server, as the owner, over TLS that is checked; an option of None is left out."""
    told: dict[str, object] = {
        "user": server.user,
        "password": server.password,
        "schema": schema,
        "tls_ca": str(server.certificates.authority),
        **options,
    }
    told = {name: value for name, value in told.items() if value is not None}
    return Source(node="hospital_p", name="postgres", adapter="postgres", url=url or server.url, options=told, zone="UTC", tables={})


def opened(server: PostgresServer, schema: str = "public", url: str = "", **options: object) -> PostgresAdapter:
    return open_source(source(server, schema, url, **options))


@contextmanager
def schema_of_its_own(server: PostgresServer) -> Iterator[str]:
    name = f"test {uuid4().hex}"  # the blank: whoever does not quote it trips
    with server.connect() as connection:
        connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(name)))
    try:
        yield name
    finally:
        with server.connect() as connection:
            connection.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(sql.Identifier(name)))


def put(connection: psycopg.Connection, schema: str, table: SqlTable, rows: pa.Table) -> None:
    """Make the table, with its key, and fill it. Columns that the rows lack are not made."""
    columns = [column for column in table.columns if column.name in rows.column_names]
    spelled = [
        sql.SQL("{} {} {}").format(
            sql.Identifier(column.name),
            _type(connection, schema, f"{table.name} {column.name}", column.type),
            sql.SQL("" if column.nullable else "NOT NULL"),
        )
        for column in columns
    ]
    name = sql.Identifier(schema, table.name)
    if table.key and all(key in rows.column_names for key in table.key):
        spelled.append(sql.SQL("PRIMARY KEY ({})").format(sql.SQL(", ").join(map(sql.Identifier, table.key))))
    connection.execute(sql.SQL("CREATE TABLE {} ({})").format(name, sql.SQL(", ").join(spelled)))
    with connection.cursor() as cursor, cursor.copy(sql.SQL("COPY {} FROM STDIN").format(name)) as copy:
        for row in rows.select([column.name for column in columns]).to_pylist():
            copy.write_row([_value(row[column.name], column.type) for column in columns])


def _type(connection: psycopg.Connection, schema: str, name: str, type: Type) -> sql.Composable:
    """The type; a struct is made as a composite type of the name."""
    match type.name:
        case "decimal":
            return sql.SQL(f"numeric({type.precision},{type.scale})")
        case "list":
            assert type.element is not None
            return sql.SQL("{}[]").format(_type(connection, schema, name, type.element))
        case "struct":
            fields = [sql.SQL("{} {}").format(sql.Identifier(field), sql.SQL(_TYPES[kind.name])) for field, kind in type.fields]
            made = sql.Identifier(schema, name)
            connection.execute(sql.SQL("CREATE TYPE {} AS ({})").format(made, sql.SQL(", ").join(fields)))
            return made
        case simple:
            return sql.SQL(_TYPES[simple])


def _value(value: Any, type: Type) -> Any:
    """As COPY takes it; composites and arrays in their text form."""
    if value is None:
        return None
    match type.name:
        case "list":
            assert type.element is not None
            return "{" + ",".join(_quoted(_value(element, type.element), "NULL") for element in value) + "}"
        case "struct":
            return "(" + ",".join(_quoted(value[name], "") for name, _ in type.fields) + ")"
        case _:
            return value


def _quoted(value: Any, null: str) -> str:
    if value is None:
        return null
    return '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"'
