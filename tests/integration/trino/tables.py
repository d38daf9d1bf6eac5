"""Puts Arrow tables into a real Trino: every value as text inside one JSON literal, cast to its type by Trino."""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa

from adapters.testing.conformance import Tables
from adapters.trino import TrinoAdapter, open_source
from catalog.model import Source
from catalog.types import Type
from tests.servers.trino import TrinoServer

_TRINO = {
    "text": "varchar",
    "uuid": "uuid",
    "integer": "bigint",
    "bigint": "bigint",
    "double": "double",
    "boolean": "boolean",
    "date": "date",
    "timestamp": "timestamp(6) with time zone",
    "local_timestamp": "timestamp(6)",
    "bytes": "varbinary",
}


def trino_type(type: Type) -> str:
    match type.name:
        case "decimal":
            return f"decimal({type.precision}, {type.scale})"
        case "list":
            assert type.element is not None
            return f"array({trino_type(type.element)})"
        case "map":
            assert type.key is not None and type.value is not None
            return f"map({trino_type(type.key)}, {trino_type(type.value)})"
        case "struct":
            return f"row({', '.join(f'{quoted(name)} {trino_type(field)}' for name, field in type.fields)})"
        case name:
            return _TRINO[name]


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def adapter(url: str, **options: object) -> TrinoAdapter:
    return open_source(
        Source(node="hospital_t", name="main", adapter="trino", url=url, options={"user": "test", **options}, zone="UTC", tables={})
    )


@contextmanager
def new_schema(server: TrinoServer, catalog: str = "memory") -> Iterator[str]:
    """The name of a schema of its own, dropped with its tables afterwards."""
    name = f"s{uuid.uuid4().hex[:12]}"
    server.execute(f"CREATE SCHEMA {catalog}.{name}")
    try:
        yield name
    finally:
        for (table,) in server.execute(f"SHOW TABLES FROM {catalog}.{name}"):
            server.execute(f"DROP TABLE {catalog}.{name}.{quoted(str(table))}")
        server.execute(f"DROP SCHEMA {catalog}.{name}")


def put(server: TrinoServer, schema: str, tables: Tables) -> None:
    """Create the tables with the columns that the rows have."""
    for name, (declared, rows) in tables.items():
        types = {column.name: column.type for column in declared.columns if column.name in rows.column_names}
        create(server, f"memory.{schema}.{quoted(name)}", types, rows)


def create(server: TrinoServer, table: str, types: Mapping[str, Type], rows: pa.Table) -> None:
    columns = ", ".join(f"{quoted(name)} {trino_type(type)}" for name, type in types.items())
    server.execute(f"CREATE TABLE {table} ({columns})")
    carried = ", ".join(f"{quoted(name)} {_carrier(type)}" for name, type in types.items())
    casts = ", ".join(_cast(name, type) for name, type in types.items())
    values = [[_written(row[name], type) for name, type in types.items()] for row in rows.to_pylist()]
    for part in _parts(values):
        literal = json.dumps(part, ensure_ascii=False).replace("'", "''")
        server.execute(f"INSERT INTO {table} SELECT {casts} FROM UNNEST(CAST(json_parse('{literal}') AS array(row({carried}))))")


def _parts(rows: list[Any]) -> Iterator[list[Any]]:
    """Trino refuses statements of a million signs."""
    part: list[Any] = []
    size = 0
    for row in rows:
        part.append(row)
        size += len(json.dumps(row, ensure_ascii=False))
        if size > 600_000:
            yield part
            part, size = [], 0
    if part:
        yield part


def _carrier(type: Type) -> str:
    return trino_type(type) if type.name in ("list", "map", "struct") else "varchar"


def _cast(name: str, type: Type) -> str:
    if type.name in ("list", "map", "struct"):
        return quoted(name)
    return f"from_base64({quoted(name)})" if type.name == "bytes" else f"CAST({quoted(name)} AS {trino_type(type)})"


def _written(value: Any, type: Type) -> Any:
    """The value as JSON carries it: text, and nested types as they are."""
    match value:
        case None | str():
            return value
        case bool() | int() | Decimal():
            return str(value).lower()
        case float():
            return {"inf": "Infinity", "-inf": "-Infinity", "nan": "NaN"}.get(repr(value), repr(value))
        case datetime(tzinfo=None):
            return value.isoformat(" ")
        case datetime():
            return f"{value.astimezone(UTC).replace(tzinfo=None).isoformat(' ')} UTC"
        case date():
            return value.isoformat()
        case bytes():
            return base64.b64encode(value).decode()
        case dict():
            return {name: _written(value[name], field) for name, field in type.fields}
        case list() if type.name == "map":
            assert type.value is not None
            return {key: _written(item, type.value) for key, item in value}
        case list():
            assert type.element is not None
            return [_written(item, type.element) for item in value]
        case _:
            raise TypeError(value)
